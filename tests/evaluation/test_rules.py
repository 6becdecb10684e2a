from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from metier import Expert
from metier.evaluation.rules import ExpertProfile, advice, agreement, changes_often, rate_of_change, rules
from metier.state.catalog import Catalog, SyncRun

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def run(days_ago: float, added=0, changed=0, deleted=0, unchanged=0) -> SyncRun:
    ended = (NOW - timedelta(days=days_ago)).isoformat()
    return SyncRun(ended, added, changed, deleted, unchanged, 0, 0, 1.0)


def points(**known) -> dict[str, str | None]:
    return {rule.name: rule.points_to for rule in rules(ExpertProfile(**known))}


def test_a_rule_points_only_where_its_figure_is_known_and_clear():
    assert set(points().values()) == {None}
    assert points(known=0.1)["data from outside"] == "rag"
    assert points(known=0.5)["data from outside"] is None
    assert points(known=0.9)["data from outside"] == "base"
    assert points(terms_per_thousand=250, tokens_per_term=4)["stable terminology"] == "tuned"
    assert points(terms_per_thousand=250, tokens_per_term=1.2)["stable terminology"] is None
    assert points(rows=40, distinct=30)["size of the data"] == "rag"
    assert points(rows=3000, distinct=2000)["size of the data"] == "tuned"
    assert points(changes_per_week=0.3)["rate of change"] == "rag"
    assert points(must_cite=True)["need to trace"] == "rag"
    assert points(joined=0.5)["joined knowledge"] == "rag"


def test_every_rule_says_its_figures():
    found = rules(ExpertProfile(known=0.12, rows=3000, distinct=2000, changes_per_week=0.25))
    said = " ".join(rule.evidence for rule in found)
    assert "12%" in said
    assert "2,000 distinct rows of 3,000" in said
    assert "25.0%" in said


def test_together_they_give_one_advice():
    assert advice(rules(ExpertProfile()))[0] == "rag"
    assert advice(rules(ExpertProfile(known=0.1)))[0] == "rag"
    assert advice(rules(ExpertProfile(terms_per_thousand=250, tokens_per_term=4)))[0] == "tuned"
    assert advice(rules(ExpertProfile(known=0.1, terms_per_thousand=250, tokens_per_term=4)))[0] == "rag+tuned"
    assert advice(rules(ExpertProfile(known=0.95)))[0] == "base"


def test_whether_rules_and_measurement_agree():
    found = rules(ExpertProfile(known=0.1))
    assert "Nothing was measured" in agreement(found, None)
    assert "agree on rag" in agreement(found, "rag")
    assert "Follow the measurement" in agreement(found, "tuned")
    assert "does not decide" in agreement(found, "undecided")


def test_the_rate_of_change_is_of_what_came_after_the_first_sync():
    runs = [run(28, added=100), run(14, added=5, changed=3, deleted=2, unchanged=97), run(1, unchanged=105)]
    assert rate_of_change(runs, NOW) == pytest.approx(10 / 105 / 4)
    assert not changes_often(rate_of_change(runs, NOW))
    assert changes_often(rate_of_change([run(7, added=10), run(1, changed=6, unchanged=4)], NOW))


@pytest.mark.parametrize("runs", [[], [run(30, added=5)], [run(1, added=5), run(0, changed=5)]])
def test_a_short_history_says_nothing(runs):
    assert rate_of_change(runs, NOW) is None
    assert not changes_often(None)


def test_a_sync_is_remembered_and_an_old_catalog_is_still_read(tmp_path, expert):
    expert.sync()
    first, *_ = expert.syncs()
    assert (first.added, first.changed) == (4, 0)
    expert.sync()
    assert [each.unchanged for each in expert.syncs()] == [0, 4]
    path = expert.runtime.state_folder / "catalog.sqlite"
    import sqlite3

    with sqlite3.connect(path) as connection:
        made = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'items'").fetchall()
        for (table,) in made:
            if not table.startswith("sqlite_"):
                connection.execute(f"DROP TABLE {table}")
        for column in ("identity", "groups", "tries", "next_try"):
            connection.execute(f'ALTER TABLE items DROP COLUMN "{column}"')
    connection.close()
    catalog = Catalog(path)
    assert catalog.syncs() == []
    assert len(catalog.items()) == 4
    catalog.close()


def test_too_little_data_is_a_veto_on_tuning():
    found = rules(ExpertProfile(terms_per_thousand=250, tokens_per_term=4, rows=10, distinct=10))
    assert advice(found)[0] == "rag"
    assert "too little data" in advice(found)[1]


def test_indexing_again_is_no_change_of_the_documents(expert):
    expert.sync()
    expert.sync(rebuild=True)
    first, again = expert.syncs()
    assert (first.added, again.added, again.changed, again.unchanged) == (4, 0, 0, 4)
    assert rate_of_change([first, again], datetime.now(UTC) + timedelta(days=7)) == 0


def test_another_passage_length_is_no_change_of_the_documents(expert, docs):
    expert.sync()
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text() + "\n[passages]\ntokens = 16\n")
    (docs / "bolts.txt").write_text("The blade root nuts take 850 Nm.")
    expert.close()
    with Expert.open(expert.folder) as again:
        again.sync()
        assert (again.syncs()[-1].changed, again.syncs()[-1].unchanged) == (1, 3)
