"""Groups that were written into metier.toml after a sync: they hold from the next question on, by every way that the
server has, for what was indexed, corrected, examined and said while everybody might read it."""

from __future__ import annotations

import json

import pytest

from metier import Expert

from .servers import Server, sample_expert
from .test_ten_ways import ASKED, EXAM, IDENTITY, PLAN, SECRET, WAYS, WHOLE, caller, found, keys, pdf

pytestmark = pytest.mark.slow
__all__ = ["keys"]


@pytest.fixture(scope="module", params=["its own source", "one more source"])
def tightened_by(request):
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tightened_by):
    """As in `test_ten_ways`, but everybody may read all of it."""
    place = tmp_path_factory.mktemp("ways")
    made = sample_expert(place)
    (place / "secret").mkdir()
    (place / "secret" / "safe.md").write_text(
        f"# Safe\n\nThe code of the Vargmyr safe is {SECRET}.\n\n"
        f"## Spare\n\nThe spare code of the Vargmyr safe is {SECRET}9.\n"
    )
    (place / "secret" / "plan.pdf").write_bytes(pdf([[(72, 700, 12, f"The vault of Skovlund opens with {SECRET}.")]]))
    (place / "questions.jsonl").write_text(json.dumps(EXAM))
    with Expert.open(made) as expert:
        expert.add(str(place / "secret"))
        expert.sync()
        expert.exam.import_file(place / "questions.jsonl")
        hit = expert.search("spare code of the Vargmyr safe")[0].passage
        expert.corrections.replace(
            hit.id, f"The spare code of the Vargmyr safe is {SECRET}8.", who="chair", why="changed"
        )
        expert.corrections.pin(
            ASKED, next(p.id for p in expert.runtime.store.passages(IDENTITY) if p.id != hit.id), who="chair"
        )
        answer = expert.ask(ASKED)
        expert.corrections.give_feedback("up", ASKED, answer.text, citations=answer.citations, who="chair")
        expert.evaluation.compare(["rag"], calibrate=False, measure_memory=False)
    return made


@pytest.fixture(scope="module")
def address(folder, keys, tightened_by):
    server = Server(folder)
    path = folder / "metier.toml"
    before = path.read_text()
    with caller(server.address, keys["outsider"]) as client:
        assert found(WAYS["a question"](client)), "nothing was open before"
    if tightened_by == "its own source":
        path.write_text(before.replace('path = "../secret"\n', 'path = "../secret"\ngroups = ["board"]\n'))
    else:
        path.write_text(f'{before}\n[[sources]]\npath = "../secret/*"\ngroups = ["board"]\n')
    assert path.read_text() != before
    yield server.address
    server.stop()


@pytest.mark.parametrize("way", WAYS)
def test_who_may_not_see_a_document_any_more_does_not_find_it(address, keys, way):
    for name in ("outsider", "other", "janitor"):
        with caller(address, keys[name]) as client:
            assert not found(WAYS[way](client)), f"{name}, by {way}"
    for key in (keys["member"], None):
        with caller(address, key) as client:
            assert found(WAYS[way](client)), f"nobody finds it by {way}"


def test_what_holds_texts_of_all_documents_is_closed_too(address, keys):
    for name, status in (("janitor", 403), ("chief", 200)):
        with caller(address, keys[name]) as client:
            assert [client.get(path).status_code for path in WHOLE] == [status] * len(WHOLE), name


def test_a_page_is_not_drawn_any_more(address, keys):
    for name, status in (("outsider", 404), ("janitor", 404), ("member", 200)):
        with caller(address, keys[name]) as client:
            assert client.get(f"/documents/{PLAN}/pages/1.png").status_code == status, name
