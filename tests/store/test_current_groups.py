"""What metier.toml says of groups now, over what the last sync knew: through `Expert`, sync by sync."""

from __future__ import annotations

import logging

import pytest

from metier import Expert
from metier.core.documents import document_id
from metier.store import Filter

pytestmark = pytest.mark.slow
QUESTION = "What is the code of the safe?"


def uris(expert, *groups):
    """What a reader with these groups sees, by searching and by listing, which must be the same."""
    where = Filter(groups=groups)
    listed = set(expert.runtime.store.uris(where))
    assert listed == {hit.passage.uri for hit in expert.search(QUESTION, 1000, where)}
    assert listed == {record.uri for record in expert.runtime.store.records(where)}
    return listed


def rewrite(expert, *entries):
    path = expert.folder / "metier.toml"
    head = path.read_text().partition("\n[[sources]]")[0]
    path.write_text("\n".join([head, *(f"\n[[sources]]\n{entry}" for entry in entries)]) + "\n")


DOCS, SECRET = 'path = "../docs"', 'path = "../docs/secret"\ngroups = ["board"]'


@pytest.fixture
def expert(tmp_path):
    for name in ("docs/a.md", "docs/b.md", "docs/secret/safe.md", "docs/secret/x/plan.md", "docs/secret_not/c.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n\nThe code of the safe in {name} is 4711.")
    with Expert.create(tmp_path / "expert") as made:
        rewrite(made, DOCS)
        made.runtime.reload_settings()
        made.sync()
        yield made


OPEN = {"docs/a.md", "docs/b.md", "docs/secret_not/c.md"}
ALL = OPEN | {"docs/secret/safe.md", "docs/secret/x/plan.md"}


@pytest.mark.parametrize(
    ("entries", "seen"),
    [
        ([DOCS, SECRET], OPEN),
        ([SECRET, DOCS], OPEN),
        ([f'{DOCS}\ngroups = ["board"]'], set()),
        ([DOCS, 'path = "../docs/secret/safe.md"\ngroups = ["board"]'], ALL - {"docs/secret/safe.md"}),
        ([DOCS, 'path = "../docs/*/*.md"\ngroups = ["board"]'], {"docs/a.md", "docs/b.md", "docs/secret/x/plan.md"}),
        ([DOCS, 'path = "../docs/**/plan*"\ngroups = ["board"]'], ALL - {"docs/secret/x/plan.md"}),
        ([DOCS, 'path = "../docs"\nexclude = ["*/a.md"]\ngroups = ["board"]'], {"docs/a.md"}),
        ([DOCS, 'path = "../docs"\ninclude = ["*/a.md"]\ngroups = ["board"]'], ALL - {"docs/a.md"}),
        ([DOCS, 'path = "../link"\ngroups = ["board"]'], OPEN),
        ([DOCS, 'path = "../nowhere"\ngroups = ["board"]'], ALL),
    ],
)
def test_groups_hold_before_the_sync_as_they_do_after_it(expert, tmp_path, entries, seen):
    (tmp_path / "link").symlink_to(tmp_path / "docs" / "secret")
    assert uris(expert) == ALL
    rewrite(expert, *entries)
    assert uris(expert) == seen
    assert uris(expert, "service") == seen
    assert uris(expert, "board") == ALL
    for uri in ALL:
        groups = expert.runtime.store.document(document_id(uri)).groups
        assert groups == (() if uri in seen else ("board",))
    expert.runtime.reload_settings()
    expert.sync()
    assert uris(expert) == seen
    assert uris(expert, "board") == ALL


def test_groups_that_were_loosened_hold_until_the_sync(expert):
    rewrite(expert, f'{DOCS}\ngroups = ["board"]')
    expert.runtime.reload_settings()
    expert.sync()
    rewrite(expert, f'{DOCS}\ngroups = ["service"]')
    assert uris(expert) == uris(expert, "service") == uris(expert, "board") == set()
    rewrite(expert, DOCS)
    assert uris(expert) == set()
    expert.runtime.reload_settings()
    expert.sync()
    assert uris(expert) == ALL


def test_what_was_for_some_is_for_nobody_once_its_source_is_taken_out(expert):
    rewrite(expert, DOCS, SECRET)
    expert.runtime.reload_settings()
    expert.sync()
    rewrite(expert, 'path = "../docs/a.md"')
    assert uris(expert, "board") == OPEN
    assert len(expert.search(QUESTION, 100)) == len(ALL)  # the owner's


def test_what_a_sync_could_not_reach_is_read_by_the_groups_of_now(expert, tmp_path):
    """Its label in the index is the old one, because nothing of it could be read anew."""
    (tmp_path / "docs").rename(tmp_path / "away")
    rewrite(expert, f'{DOCS}\ngroups = ["board"]')
    expert.runtime.reload_settings()
    assert expert.sync().kept == len(ALL)
    assert uris(expert) == set()
    assert uris(expert, "board") == ALL


@pytest.mark.parametrize("broken", ["sources = 3", "[[sources", "\x00"])
def test_a_metier_toml_that_cannot_be_read_opens_nothing(expert, caplog, broken):
    rewrite(expert, DOCS, SECRET)
    assert uris(expert) == OPEN
    (expert.folder / "metier.toml").write_text(broken)
    with caplog.at_level(logging.WARNING):
        assert uris(expert) == OPEN
    assert "as metier.toml said before" in caplog.text
    (expert.folder / "metier.toml").unlink()
    assert uris(expert) == OPEN


def test_a_correction_is_for_those_who_may_read_what_it_corrects_now(expert):
    passage = next(p for p in expert.runtime.store.passages(document_id("docs/secret/safe.md")))
    answer = expert.corrections.add(QUESTION, "It is 4713.", document="docs/secret/safe.md", who="chair", accept=True)
    made = expert.corrections.replace(passage.id, "The code of the safe is 4712.", who="chair")
    both = {f"correction:{made.id}", f"correction:{answer.id}"}
    assert both <= set(expert.runtime.store.uris(Filter(groups=())))
    rewrite(expert, DOCS, SECRET)
    assert not both & set(expert.runtime.store.uris(Filter(groups=())))
    assert both <= set(expert.runtime.store.uris(Filter(groups=("board",))))
    said = [hit.passage.text for hit in expert.search(QUESTION, 100, Filter(groups=()))]
    assert said
    assert not any("4712" in text or "4713" in text for text in said)
    assert expert.corrections.all(where=Filter(groups=())) == []


def test_a_filter_stays_short_however_many_documents_are_closed(tmp_path):
    (tmp_path / "docs").mkdir()
    for number in range(300):
        (tmp_path / "docs" / f"{number}.md").write_text(f"# {number}\n\nNumber {number}.")
    (tmp_path / "open.md").write_text("# Open\n\nNumber 7.")
    with Expert.create(tmp_path / "expert") as expert:
        rewrite(expert, DOCS, 'path = "../open.md"')
        expert.runtime.reload_settings()
        expert.sync()
        rewrite(expert, f'{DOCS}\ngroups = ["board"]', 'path = "../open.md"')
        asked = expert.runtime.store._open(Filter(groups=()))
        assert (asked.closed, asked.closed_below) == ((), ("docs/",))
