"""The state in a PostgreSQL: made, migrated, written by several, and told of where it is away."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_server import run_postgres
from state_places import OPENS, arguments, same

from metier.core.errors import DatabaseUnavailable, InputError, StoreError
from metier.feedback.log import Log
from metier.feedback.records import Feedback
from metier.serving.auth.keys import Keys
from metier.state import advisory_locks, answer_counts, exam_uses, postgres_schema, postgres_state, promotions, quick
from metier.state.catalog import Catalog, ItemHistory, ItemState, SyncRun
from metier.state.exam_uses import ExamUse
from metier.state.flow_runs import FlowLog
from metier.state.place import open_database
from metier.state.postgres_state import PostgresState
from metier.state.schema import REVISION
from metier.state.tables import metadata, of_server
from metier.state.upgrade import upgrade

pytestmark = pytest.mark.slow


def test_looking_makes_nothing(new_schema):
    place = new_schema()
    assert not quick.has_rows(place, "corrections")
    assert quick.items(place) == []
    assert quick.newest_item(place) == (0, "")
    assert Catalog(place).items() == {}
    assert Log(place).corrections() == []
    assert quick.stamp(place) == Log(place).version() == 0
    assert not Keys(place).exist()
    with place.connection() as connection:
        assert place.namespace not in sa.inspect(connection).get_schema_names()


def test_every_revision_runs_and_together_they_make_what_the_tables_say(new_schema):
    for fresh in (True, False):
        place = new_schema()
        if not fresh:
            with place.connection(whole=True) as connection, connection.begin():
                connection.execute(sa.schema.CreateSchema(place.namespace))
                upgrade(connection, "0007", None, postgres_schema.VERSIONS)
                connection.exec_driver_sql(
                    "INSERT INTO keys (id, hash, name, scopes, created) VALUES ('a','b','c','[]','d')"
                )
        with closing(Keys(place)) as keys:
            assert [key.id for key in keys.list_keys()] == ([] if fresh else ["a"])
            keys.create("b")
        with place.connection() as connection:
            assert postgres_schema.revision(connection, place.namespace) == REVISION
            context = MigrationContext.configure(connection, opts={"version_table": postgres_schema.VERSIONS})
            assert compare_metadata(context, [metadata, of_server]) == []
            collations = connection.exec_driver_sql(
                "SELECT DISTINCT collation_name FROM information_schema.columns WHERE data_type = 'character varying' "
                f"AND table_schema = '{place.namespace}' AND table_name <> 'state_version'"
            )
            assert collations.scalars().all() == ["C"]


MOMENT = "2031-05-04T12:00:00+00:00"
ITEM = ItemState("a.md", "docs", "1", "s", "h-1", "indexed", "", 3, MOMENT, "/docs/a.md", ("board",))


def test_what_is_kept_comes_back(new_schema):
    place = new_schema()
    with closing(Catalog(place)) as catalog:
        catalog.put([ITEM, replace(ITEM, uri="b\0.md", state="failed", reason="NUL \0 in it")])
        catalog.put([replace(ITEM, content_hash="h2-1", synced_at="2031-05-05T12:00:00+00:00")])
        assert catalog.items() == {
            "a.md": replace(ITEM, content_hash="h2-1", synced_at="2031-05-05T12:00:00+00:00"),
            "b\ufffd.md": replace(ITEM, uri="b\ufffd.md", state="failed", reason="NUL \ufffd in it"),
        }
        assert catalog.history()["a.md"] == ItemHistory(ITEM.synced_at, "2031-05-05T12:00:00+00:00")
        catalog.bury(["a.md"])
        catalog.forget(["a.md"])
        assert list(catalog.deleted()) == ["a.md"]
        runs = [SyncRun(f"2031-05-04T12:00:00{end}+00:00", 1, 0, 0, 0, 0, 3, 0.5) for end in ("", ".5", ".25")]
        for run in runs:
            catalog.put_sync(run)
        assert [run.ended_at for run in catalog.syncs()] == [runs[n].ended_at for n in (0, 2, 1)]  # by their signs
    assert quick.items(place, "former_items")[0]["groups"] == ["board"]
    assert quick.newest_item(place) == (1, ITEM.synced_at)
    promotions.promote(place, "a@1")
    promotions.promote(place, "a@2")
    assert (promotions.roll_back(place), promotions.standing(place)) == ("a@2", ["a@1"])
    flows = FlowLog(place)
    flows.note_step(flows.begin().number, "sync", {"added": 1}, "2031-05-04T12:00:00+00:00")
    assert flows.unfinished().steps == {"sync": {"added": 1}}
    exam_uses.note(place, ExamUse("k", "flow", "a@1", ("q1", "q2")))
    exam_uses.note(place, ExamUse("k", "flow", "a@1", ("q1", "q2")))
    assert [use.questions for use in exam_uses.uses(place)] == [("q1", "q2")]
    for refused in (False, True, False):
        counter = answer_counts.AnswerCounter(place)
        counter.note("rag", "", refused)
        counter.flush()
    assert [(each.answered, each.refused) for each in answer_counts.counts(place)] == [(2, 1)]


def test_what_nobody_waits_to_hear_of_changes_nothing(new_schema):
    place = new_schema()
    with closing(Keys(place)) as keys:
        secret = keys.create("a")[1]
        before = quick.stamp(place)
        assert keys.check(secret)
        assert keys.list_keys()[0].last_used
        assert quick.stamp(place) == before
        keys.create("b")
        assert quick.stamp(place) != before


_WRITES = f"""{OPENS}
from metier.state.place import open_database
from metier.state.tables import promotions
import sqlalchemy as sa
with open_database(place).writing() as connection:
    connection.execute(sa.insert(promotions).values(action="promoted", adapter="half", at=""))
    print("written", flush=True)
    sys.stdin.readline()
"""


def test_a_writer_that_is_killed_leaves_nothing_half_and_lets_the_next_one_write(new_schema):
    place = new_schema()
    promotions.promote(place, "a@1")
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITES, *arguments(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdout.readline() == b"written\n"
    waiting = threading.Thread(target=promotions.promote, args=(place, "a@2"))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    assert promotions.standing(place) == ["a@1"]  # who reads does not wait
    writer.kill()
    waiting.join(20)
    assert promotions.standing(place) == ["a@1", "a@2"]
    writer.communicate()


_HOLDS = f"""{OPENS}
from metier.state import advisory_locks
with advisory_locks.exclusive(place, "sync.lock", 0, "another sync is running on this expert"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_one_process_of_all_machines_holds_a_lock_and_the_others_are_told_which(new_schema):
    place = new_schema()
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, *arguments(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"

    def hold(name="sync.lock", patience=0.0):
        return advisory_locks.exclusive(place, name, patience, "another sync is running on this expert")

    with (
        pytest.raises(InputError, match=rf"another sync is running.*process {holder.pid} on \S+, since 20\d\d-"),
        hold(),
    ):
        pass
    with hold("flow.lock"):
        pass
    other = new_schema()
    with advisory_locks.exclusive(other, "sync.lock", 0, "busy"):  # of another expert in the same database
        holder.kill()
        with hold(patience=10):
            pass
    with hold() as check:
        check()
        run_postgres(_port(place), "postgres")(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
        with pytest.raises(StoreError, match="the lock with it: another may have begun"):
            check()
    with hold():
        pass
    holder.communicate()


def _write_and(place: PostgresState, happens: Callable[[], object]) -> None:
    with open_database(place).writing() as connection:
        connection.execute(sa.delete(metadata.tables["feedback"]))
        happens()


def _port(place: PostgresState) -> int:
    return int(place.url.rpartition(":")[2].partition("/")[0])


@pytest.mark.parametrize(
    ("url", "auth_env", "told"),
    [
        (
            "postgresql://reader@127.0.0.1:{port}/postgres",
            "STATE_PASSWORD",
            r"password authentication failed.*auth_env",
        ),
        ("postgresql://postgres@127.0.0.1:{port}/nowhere", None, r"nowhere.* does not exist.*createdb"),
        ("postgresql://postgres@127.0.0.1:1/postgres", None, r"refused.*Check the server"),
        ("postgresql://reader@127.0.0.1:{port}/postgres", "NO_SUCH_NAME", r"needs NO_SUCH_NAME, which is not set"),
    ],
)
def test_what_cannot_be_opened_is_told_in_a_line_without_the_password(postgres, monkeypatch, url, auth_env, told):
    monkeypatch.setenv("STATE_PASSWORD", "reader:s3cret-word")
    monkeypatch.setattr(postgres_state, "PAUSES", (0.01,))
    with contextlib.suppress(Exception):
        run_postgres(postgres, "postgres")("CREATE ROLE reader LOGIN")
    run_postgres(postgres, "postgres")("ALTER ROLE reader PASSWORD 'another'")
    place = PostgresState(url.format(port=postgres), auth_env, "nothing")
    with pytest.raises(StoreError, match=told) as error:
        Catalog(place).items()
    place.close()
    assert "s3cret" not in error.value.message
    assert "\n" not in error.value.message
    assert isinstance(error.value, DatabaseUnavailable) == ("refused" in told)


def test_an_account_without_rights_is_told_what_an_administrator_has_to_do(postgres, new_schema, monkeypatch):
    run = run_postgres(postgres, "postgres")
    run("CREATE ROLE plain LOGIN")
    place = new_schema()
    plain = PostgresState(place.url.replace("postgres@", "plain@"), None, place.namespace)
    try:
        with pytest.raises(StoreError, match=rf"permission denied.*`CREATE SCHEMA {place.namespace} AUTHORIZATION"):
            Keys(plain).create("a")
        run(f"CREATE SCHEMA {place.namespace} AUTHORIZATION plain")
        Keys(plain).create("a")
    finally:
        plain.close()
        run(f"DROP SCHEMA IF EXISTS {place.namespace} CASCADE")
        run("DROP ROLE plain")


def test_a_lock_is_let_go_where_who_held_it_cannot_be_noted_any_more(new_schema):
    place = new_schema()
    run = run_postgres(_port(place), "postgres")
    with advisory_locks.exclusive(place, "sync.lock", 0, "busy"):
        run(f"DROP TABLE {place.namespace}.lock_holders")
    with contextlib.suppress(StoreError), advisory_locks.exclusive(place, "flow.lock", 0, "busy"):
        raise AssertionError("it could be noted")
    for name in ("sync.lock", "flow.lock"):
        assert run(f"SET lock_timeout = '10s'; SELECT pg_advisory_lock({place.lock_key(name)})") is not None


def test_the_state_of_another_expert_is_refused_and_left(new_schema):
    place = new_schema()
    turbines, bakery = (PostgresState(place.url, None, place.namespace, name) for name in ("wind's", "bakery"))
    with contextlib.closing(turbines), contextlib.closing(bakery):
        Keys(turbines).create("anna")
        with pytest.raises(StoreError, match='is of the expert "wind\'s", and this is "bakery"') as refused:
            Keys(bakery).create("ben")
        assert refused.value.hint.endswith('in [state]; if this one was renamed, say so there: expert = "wind\'s"')
        assert [key.name for key in Keys(place).list_keys()] == ["anna"]


def test_a_newer_state_is_refused_and_left_alone(new_schema):
    place = new_schema()
    Keys(place).create("a")
    with place.connection() as connection:
        connection.exec_driver_sql("UPDATE state_version SET version_num = '9999'")
    other = same(place)
    with pytest.raises(StoreError, match=r"newer Métier.*9999.*pip install --upgrade"):
        Keys(other).list_keys()
    other.close()


def test_many_open_a_new_state_at_once(new_schema):
    place, failed = new_schema(), []

    def make() -> None:
        mine = same(place)
        try:
            Keys(mine).create("a")
        except BaseException as error:  # noqa: BLE001 (a thread's error would be lost)
            failed.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(Keys(place).list_keys()) == 6


def test_a_connection_that_was_cut_is_opened_again(new_schema):
    place = new_schema()
    with closing(Log(place)) as log:
        log.add(Feedback("up", "q", "a"))
        run = run_postgres(_port(place), "postgres")
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'metier %%'"
        run(cut)
        assert len(log.feedback()) == 1
        run(cut)
        log.add(Feedback("up", "q", "a"))
        with pytest.raises(DatabaseUnavailable, match="be written"):
            _write_and(place, lambda: run(cut))
        assert len(log.feedback()) == 2


def test_a_state_that_stays_locked_is_told_and_who_waits_for_less_than_it_takes_is_served(new_schema, monkeypatch):
    monkeypatch.setattr(postgres_state, "LOCK_SECONDS", 1)
    place = new_schema()
    promotions.promote(place, "a@1")
    with open_database(place).writing():
        with pytest.raises(StoreError, match=r"another process has been writing to it for 1 s.*nothing was changed"):
            promotions.promote(place, "a@2")
        waiting = threading.Thread(target=promotions.promote, args=(place, "a@2"))
        waiting.start()
    waiting.join(10)
    assert promotions.standing(place) == ["a@1", "a@2"]
