"""The store in PostgreSQL: what every store must do, on a real server."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from conformance import DIMENSION, IDENTITY, StoreConformance, entry, make_document, put, vector_of
from postgres_server import run_postgres

from metier.core.documents import document_id
from metier.core.errors import IndexMismatch, InputError, StoreError
from metier.core.settings import StoreSettings
from metier.store import Filter, Identity
from metier.store import open_store as open_at
from metier.store.postgres import ann, generations, lexical
from metier.store.postgres.conditions import condition
from metier.store.postgres.copying import as_text
from metier.store.postgres.postings import Postings
from metier.store.recall import RECALL_WANTED

pytestmark = pytest.mark.slow
_NUMBERS = itertools.count()
WORDS = [f"word{n}" for n in range(300)]


@pytest.fixture
def settings(postgres):
    """A schema of its own in a database that all tests share."""
    namespace = f"t{next(_NUMBERS)}"
    yield StoreSettings(
        backend="postgres", url=f"postgresql://postgres@127.0.0.1:{postgres}/postgres", namespace=namespace
    )
    run_postgres(postgres, "postgres")(f'DROP SCHEMA IF EXISTS "{namespace}" CASCADE')


@pytest.fixture
def open_store(settings, tmp_path):
    def open_again(identity=IDENTITY, *, replace=False, exact_until=200_000, **changes):
        chosen = settings.model_copy(update={"exact_until": exact_until, **changes})
        return open_at(tmp_path, chosen, identity, replace=replace)

    return open_again


@pytest.fixture
def run(postgres, settings):
    """Statements on the tables of the store, as the owner of the server; several are one transaction."""

    def run_in_schema(*statements: str) -> list[tuple]:
        import psycopg

        address = f"host=127.0.0.1 port={postgres} user=postgres dbname=postgres"
        with psycopg.connect(address, options=f"-c search_path={settings.namespace},public") as connection:
            for statement in statements:
                found = connection.execute(statement)
            return found.fetchall() if found.description else []

    return run_in_schema


class TestPostgres(StoreConformance):
    pass


def corpus(seed: int = 0, documents: int = 40) -> list:
    """Documents with words as rare as in a language, for several readers."""
    drawn = np.random.default_rng(seed)
    chances = 1 / np.arange(1, len(WORDS) + 1)
    made = []
    for number in range(documents):
        lines = [
            " ".join(drawn.choice(WORDS, size=drawn.integers(4, 60), p=chances / chances.sum())) + f" only{number}x{n}"
            for n in range(8)
        ]
        made.append(make_document(f"{number}.md", lines, groups=[(), ("board",), ("service", "board")][number % 3]))
    return made


QUERIES = ["word0 word40", "word200 word0 word1 word2", "word3 word3 word77", "only7x3 word0", "word0", "nothing"]


def test_scores_are_those_of_the_embedded_store_for_every_reader(open_store, tmp_path):
    ours = open_store()
    theirs = open_at(tmp_path / "lance", StoreSettings(), IDENTITY)
    for store in (ours, theirs):
        store.replace([entry(document) for document in corpus()])
        store.optimize()
    for where in (None, Filter(groups=()), Filter(groups=("service",)), Filter(groups=("board",), uri="1*")):
        for query in QUERIES:
            one, other = (store.lexical(query.split(), 400, where) for store in (ours, theirs))
            scores = {hit.passage.id: hit.score for hit in other}
            assert {hit.passage.id: hit.score for hit in one} == pytest.approx(scores, rel=1e-3)
            assert ours.frequencies(query.split(), where).tolist() == theirs.frequencies(query.split(), where).tolist()
            assert ours.dense(vector_of(query), 5, where) == [
                type(hit)(hit.passage, pytest.approx(hit.score, abs=1e-5))
                for hit in theirs.dense(vector_of(query), 5, where)
            ]
            assert ours.background(vector_of(query), where) == pytest.approx(
                theirs.background(vector_of(query), where), abs=1e-3
            )
        assert ours.counts(where) == theirs.counts(where)


def test_common_words_that_are_not_read_at_first_change_no_result(open_store, monkeypatch):
    store = open_store()
    store.replace([entry(document) for document in corpus()])
    searches = [(query.split(), limit) for query in QUERIES for limit in (1, 10, 400)]
    whole = [store.lexical(tokens, limit) for tokens, limit in searches]
    rescored = []
    kept = lexical._Candidates.rescored
    monkeypatch.setattr(lexical, "_READ_AT_FIRST", 20)
    monkeypatch.setattr(lexical._Candidates, "rescored", lambda *given: rescored.append(found := kept(*given)) or found)
    quick = [store.lexical(tokens, limit) for tokens, limit in searches]
    assert [[hit.passage.id for hit in found] for found in quick] == [[h.passage.id for h in found] for found in whole]
    assert [hit.score for found in quick for hit in found] == pytest.approx([h.score for found in whole for h in found])
    assert any(found is not None for found in rescored)
    assert any(found is None for found in rescored)


def test_many_commits_leave_few_segments_and_nothing_of_what_is_gone(open_store, run):
    store = open_store()
    for number in range(40):
        put(store, f"{number % 20}.md", [f"nut torque n{number}", "nut"], groups=("x",) if number % 2 else ())
    (segments,) = run(f"SELECT count(DISTINCT segment) FROM segments_{store._generation}")[0]
    assert segments < 20
    assert store.frequencies(["nut", "n39", "n3", "torque"]).tolist() == [40, 1, 0, 20]
    assert store.frequencies(["nut"], Filter(groups=())).tolist() == [20]
    before = store.lexical(["nut", "torque"], 100)
    store.optimize()
    held = run(f"SELECT sum(octet_length(postings)) / 8, sum(count) FROM postings_{store._generation}")
    assert held == [(80, 80)]
    assert store.lexical(["nut", "torque"], 100) == before
    assert store.counts() == (20, 40)


def test_a_nul_in_a_title_costs_no_document(open_store):
    document = replace(make_document("a.md", ["one"], metadata={"author": "An\0na"}), title="A\0.md")
    open_store().replace([entry(document)])
    read = open_store().document(document.id)
    assert (read.title, read.metadata) == ("A.md", {"author": "Anna"})
    assert [hit.passage.title for hit in open_store().lexical(["one"], 9)] == ["A.md"]


# --- who may read what ------------------------------------------------------------------------------------------


def test_a_query_that_forgot_its_reader_sees_nothing_of_others(open_store, settings, run):
    store = open_store()
    put(store, "open.md", ["nut torque"])
    put(store, "board.md", ["nut vault"], groups=("board",))
    put(store, "board.md", ["nut vault 2"], groups=("board",), content_hash="2")  # an earlier version is kept
    g = store._generation
    role = f'SET LOCAL ROLE "{settings.namespace}_reader"'
    for table, key in (("documents", "id"), ("passages", "id"), ("postings", "token"), ("segments", "segment")):
        everything = run(f"SELECT groups FROM {table}_{g}")
        assert {groups for (each,) in everything for groups in each} == {"*", "board"}, "its owner passes by policies"
        assert run(role, f"SELECT {key} FROM {table}_{g}") == []
        public = run(role, "SET LOCAL metier.groups = '{*}'", f"SELECT groups FROM {table}_{g}")
        assert {tuple(each) for (each,) in public} == {("*",)}
        own = run(role, "SET LOCAL metier.groups = '{*,board}'", f"SELECT groups FROM {table}_{g}")
        assert len(own) == len(everything)
    for table in ("past_documents", "past_passages"):
        assert run(role, "SET LOCAL metier.groups = '{*}'", f"SELECT uri FROM {table}_{g}") == []
        assert run(role, "SET LOCAL metier.groups = '{board}'", f"SELECT uri FROM {table}_{g}") == [("board.md",)]


def test_an_account_without_rights_over_the_server_is_held_back_by_the_policies_alone(postgres, tmp_path, monkeypatch):
    import psycopg

    everywhere = run_postgres(postgres, "postgres")
    everywhere("DROP DATABASE IF EXISTS plain")
    everywhere("DROP ROLE IF EXISTS writer")
    everywhere("CREATE ROLE writer LOGIN PASSWORD 'pass@word'")
    everywhere("CREATE DATABASE plain OWNER writer")
    run_postgres(postgres, "plain")("CREATE EXTENSION vector")
    monkeypatch.setenv("STORE_LOGIN", "writer:pass@word")
    settings = StoreSettings(
        backend="postgres", url=f"postgresql://127.0.0.1:{postgres}/plain", auth_env="STORE_LOGIN", namespace="own"
    )
    store = open_at(tmp_path, settings, IDENTITY)
    put(store, "open.md", ["nut torque"])
    put(store, "board.md", ["nut vault"], groups=("board",))
    put(store, "board.md", ["nut vault 2"], groups=("board",), content_hash="2")
    assert [hit.passage.uri for hit in store.lexical(["nut"], 9, Filter(groups=()))] == ["open.md"]
    assert store.counts() == (2, 2)
    assert store.optimize() == {}
    assert not store.describe().note
    login = f"host=127.0.0.1 port={postgres} user=writer password=pass@word dbname=plain"
    with psycopg.connect(login) as connection:
        assert connection.execute(f"SELECT * FROM own.passages_{store._generation}").fetchall() == []
        connection.execute("SET LOCAL metier.groups = '{*}'")
        assert connection.execute(f"SELECT uri FROM own.passages_{store._generation}").fetchall() == [("open.md",)]


def test_an_account_that_policies_do_not_hold_and_that_makes_no_role_is_told_of(postgres, tmp_path):
    everywhere = run_postgres(postgres, "postgres")
    everywhere("DROP DATABASE IF EXISTS bypassed")
    everywhere("DROP ROLE IF EXISTS bypassing")
    everywhere("CREATE ROLE bypassing LOGIN BYPASSRLS")
    everywhere("CREATE DATABASE bypassed OWNER bypassing")
    run_postgres(postgres, "bypassed")("CREATE EXTENSION vector")
    url = f"postgresql://bypassing@127.0.0.1:{postgres}/bypassed"
    store = open_at(tmp_path, StoreSettings(backend="postgres", url=url, namespace="own"), IDENTITY)
    put(store, "board.md", ["nut vault"], groups=("board",))
    assert store.lexical(["nut"], 9, Filter(groups=())) == []
    assert "passes by row-level security" in store.describe().note


def test_pgvector_is_found_by_readers_wherever_it_is_and_is_made_where_all_experts_find_it(postgres, tmp_path):
    everywhere = run_postgres(postgres, "postgres")
    if not everywhere("SELECT 1 FROM pg_roles WHERE rolname = 'metier'"):
        everywhere("CREATE ROLE metier LOGIN SUPERUSER")
    for database, schema in (("apart", "extensions"), ("of_account", "public")):
        everywhere(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        everywhere(f"CREATE DATABASE {database}")
        run = run_postgres(postgres, database)
        if schema != "public":
            run(f"CREATE SCHEMA {schema}")
            run(f"CREATE EXTENSION vector SCHEMA {schema}")
        url = f"postgresql://metier@127.0.0.1:{postgres}/{database}"
        store = open_at(tmp_path, StoreSettings(backend="postgres", url=url, namespace="metier"), IDENTITY)
        put(store, "a.md", ["nut"])
        assert [hit.passage.uri for hit in store.dense(vector_of("nut"), 9, Filter(groups=()))] == ["a.md"]
        assert run("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'") == [(schema,)]


def test_the_index_of_another_expert_is_refused_and_left(open_store):
    put(open_store(expert="O'Neil 50% ü"), "a.md", ["words"])
    for replace_it in (False, True):
        with pytest.raises(StoreError, match='is of the expert "O\'Neil 50% ü", and this is "bakery"') as refused:
            open_store(expert="bakery", replace=replace_it)
        assert 'expert = "O\'Neil 50% ü"' in refused.value.hint
    assert open_store(expert="O'Neil 50% ü").counts() == open_store().counts() == (1, 1)


# --- the approximate index --------------------------------------------------------------------------------------


def near_centres(count: int) -> np.ndarray:
    """Unit vectors around some centres, as those of texts are."""
    drawn = np.random.default_rng(3)
    made = drawn.normal(size=(20, DIMENSION))[drawn.integers(0, 20, count)] + 0.4 * drawn.normal(
        size=(count, DIMENSION)
    )
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def many(open_store):
    """A store with 3,000 passages, one in thirty of which is for "service", and its vectors."""
    store, vectors = open_store(exact_until=1000), near_centres(3040)
    for part in range(30):
        document = make_document(
            f"{part}.md", [f"{part} line {n}" for n in range(100)], groups=() if part else ("service",)
        )
        whole = entry(document)
        store.replace([type(whole)(document, whole.passages, vectors[part * 100 : part * 100 + 100], whole.tokens)])
    return store


def test_an_index_is_built_above_the_size_and_measured_and_loses_nothing(many, open_store):
    exact, queries = open_store(exact_until=10_000), near_centres(3040)[3000:]
    before = [[hit.passage.id for hit in exact.dense(query, 10)] for query in queries]
    made = many.optimize()
    assert made["state"] == "built"
    assert made["recall_at_10"] >= RECALL_WANTED
    assert made["rows"] == 3000
    assert many.optimize() == {}
    after = [[hit.passage.id for hit in many.dense(query, 10)] for query in queries]
    # Forty queries tell a recall to some hundredths.
    assert np.mean([len({*one} & {*other}) / 10 for one, other in zip(before, after, strict=True)]) > 0.9
    put(many, "late.md", ["a late line"])
    assert many.dense(vector_of("a late line"), 1)[0].passage.text == "a late line"


def test_a_filter_leaves_as_much_recall_as_there_was(many, open_store):
    queries = near_centres(3040)[3000:]
    filters = [Filter(groups=("service",), uri="0.md"), Filter(uri="1?.md"), Filter(closed_below=("1", "2"))]
    exact = [[hit.passage.id for hit in many.dense(query, 10, where)] for where in filters for query in queries]
    assert many.optimize()["state"] == "built"
    found = [[hit.passage.id for hit in many.dense(query, 10, where)] for where in filters for query in queries]
    assert all(len(each) == 10 for each in found)
    assert np.mean([len({*one} & {*other}) / 10 for one, other in zip(exact, found, strict=True)]) > 0.9


def test_the_index_serves_readers_as_it_serves_the_owner(many):
    assert many.optimize()["state"] == "built"

    def planned(connection) -> str:
        ann.widen(connection, 40, 10)
        asked = ann.nearest(many._generation, DIMENSION, "id", as_text(vector_of("x")), 10, condition(where))
        rows = connection.execute(f"EXPLAIN {asked.sql}", asked.values).fetchall()
        return "\n".join(row["QUERY PLAN"] for row in rows)

    for where in (None, Filter(groups=()), Filter(groups=("service",), uri="1*")):
        assert f"nearest_{many._generation}" in many._connections.read(planned, where and where.groups)


def test_an_index_that_finds_too_little_is_refused_and_not_tried_again_before_there_is_twice_as_much(
    many, run, monkeypatch
):
    monkeypatch.setattr("metier.store.recall.RECALL_WANTED", 1.01)  # what no index reaches
    assert many.optimize()["state"] == "refused"
    assert run(f"SELECT indexname FROM pg_indexes WHERE indexname = 'nearest_{many._generation}'") == []
    assert many.optimize() == {}
    assert len(many.dense(vector_of("x"), 10)) == 10


# --- versions, rebuilds, and who is in the way ------------------------------------------------------------------


def test_what_was_there_on_a_day_can_be_asked_for_until_it_is_pruned(open_store):
    store = open_store()
    assert store.begins() is None
    put(store, "a.md", ["old words here"], groups=("x",))
    put(store, "gone.md", ["gone words"])
    before = datetime.now(UTC)
    put(store, "a.md", ["new words here"], content_hash="2")
    store.delete([document_id("gone.md")])
    put(store, "later.md", ["later words"])
    past = store.as_of(before)
    assert set(past.uris()) == {"a.md", "gone.md"}
    assert {hit.passage.text for hit in past.lexical(["words"], 9)} == {"old words here", "gone words"}
    assert {hit.passage.text for hit in past.dense(vector_of("q"), 9)} == {"old words here", "gone words"}
    assert [hit.passage.uri for hit in past.lexical(["words"], 9, Filter(groups=()))] == ["gone.md"]
    assert [hit.passage.uri for hit in past.lexical(["old"], 9)] == ["a.md"]  # which stands nowhere any more
    assert past.document(document_id("a.md")).text == "old words here"
    assert past.counts() == (2, 2)
    (passage,) = past.passages(document_id("gone.md"))
    assert past.with_texts(["gone words", "later words"]) == {passage.id: document_id("gone.md")}
    assert {hit.passage.text for hit in store.lexical(["words"], 9)} == {"new words here", "later words"}
    assert store.begins() < before
    written = store.written()
    store.prune(datetime.now(UTC) + timedelta(seconds=1))
    assert store.written() != written
    assert store.as_of(before).uris() == {}
    assert store.counts() == (2, 2)


def test_nothing_is_kept_where_nothing_is_to_be_kept(open_store, run):
    store = open_store(keep_versions_days=0)
    put(store, "a.md", ["one"])
    put(store, "a.md", ["two"], content_hash="2")
    assert run(f"SELECT count(*) FROM past_passages_{store._generation}") == [(0,)]


def test_an_index_is_read_until_its_readers_look_again_and_then_dropped(open_store, run):
    reader = open_store()
    put(reader, "a.md", ["first words"])
    built = open_store(replace=True)
    put(built, "a.md", ["second words"])
    assert [hit.passage.text for hit in reader.lexical(["words"], 9)] == ["first words"]
    built.publish()
    built.optimize()
    assert [hit.passage.text for hit in reader.lexical(["words"], 9)] == ["first words"]
    reader.refresh()
    assert [hit.passage.text for hit in reader.lexical(["words"], 9)] == ["second words"]
    until = time.monotonic() + 10
    while len(run("SELECT 1 FROM store_generations")) > 1 and time.monotonic() < until:
        time.sleep(0.1)  # the server ends the sessions that read it in its own time
        built.optimize()
    assert run("SELECT state FROM store_generations") == [("current",)]


def test_an_index_that_is_replaced_while_it_is_opened_is_not_read(open_store, monkeypatch):
    put(open_store(), "a.md", ["first words"])
    hold = generations.hold

    def hold_late(namespace: str, generation: int) -> str:
        monkeypatch.setattr(generations, "hold", hold)
        rebuilt = open_store(replace=True)
        put(rebuilt, "a.md", ["second words"])
        rebuilt.publish()
        return hold(namespace, generation)

    monkeypatch.setattr(generations, "hold", hold_late)
    assert [hit.passage.text for hit in open_store().lexical(["words"], 9)] == ["second words"]


def test_nothing_is_committed_to_an_index_that_was_replaced(open_store, run):
    writer = open_store()
    put(writer, "a.md", ["first words"])
    rebuilt = open_store(replace=True)
    rebuilt.publish()
    with pytest.raises(StoreError, match="rebuilt this index meanwhile"):
        put(writer, "b.md", ["lost words"])
    run("DELETE FROM store_generations WHERE state = 'current'")
    late = open_store(replace=True)
    run("DELETE FROM store_generations WHERE state = 'building'")
    with pytest.raises(StoreError, match="rebuilt this index meanwhile"):
        late.publish()


def test_a_reader_with_another_embedder_is_told_of_a_rebuild(open_store):
    reader = open_store()
    built = open_store(identity=Identity("test", "weights-2", DIMENSION, "analyser-1"), replace=True)
    built.publish()
    with pytest.raises(IndexMismatch, match="weights-2"):
        reader.refresh()


def test_two_writers_at_once_leave_whole_documents(open_store):
    stores = [open_store(), open_store()]

    def write(number: int) -> None:
        for n in range(15):
            put(stores[number], f"{n % 3}.md", [f"w{number} {n} one", f"w{number} {n} two"], content_hash=str(n))

    threads = [threading.Thread(target=write, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = open_store()
    assert store.counts() == (3, 6)
    for name in store.hashes():
        assert len({passage.text.rpartition(" ")[0] for passage in store.passages(name)}) == 1
    assert store.frequencies(["one", "two"]).tolist() == [3, 3]
    assert len(store.lexical(["one"], 9)) == 3


def test_who_writes_keeps_others_out_until_it_ends(open_store):
    ours, theirs = open_store(), open_store()
    with ours.writing(), ours.writing():
        with pytest.raises(
            InputError, match=f"another process is writing to this store: metier, process {os.getpid()}"
        ):
            theirs.writing().__enter__()
        put(ours, "a.md", ["one"])
    with theirs.writing():
        put(theirs, "b.md", ["two"])


def test_a_writer_whose_lock_was_lost_takes_it_again_unless_another_has_written(open_store, run):
    def lose():
        run(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
            f"WHERE locktype = 'advisory' AND application_name LIKE 'metier, process {os.getpid()} on %'"
        )

    ours, theirs = open_store(), open_store()
    with ours.writing():
        put(ours, "a.md", ["one"])
        lose()
        put(ours, "b.md", ["two"])
        with pytest.raises(InputError, match="another process is writing"):
            theirs.writing().__enter__()
        lose()
        with theirs.writing():
            with pytest.raises(InputError, match="another process is writing"):
                put(ours, "c.md", ["three"])
            put(theirs, "d.md", ["four"])
        with pytest.raises(StoreError, match="another process has written since"):
            put(ours, "c.md", ["three"])
    assert sorted(open_store().uris()) == ["a.md", "b.md", "d.md"]


def test_a_writer_of_another_account_is_told_as_well(open_store, settings, postgres):
    ours, server = open_store(), run_postgres(postgres, "postgres")
    if not server("SELECT 1 FROM pg_roles WHERE rolname = 'other_writer'"):
        server("CREATE ROLE other_writer LOGIN")
    server(f"GRANT USAGE ON SCHEMA {settings.namespace} TO other_writer")
    server(f"GRANT SELECT ON ALL TABLES IN SCHEMA {settings.namespace} TO other_writer")
    theirs = open_store(url=settings.url.replace("postgres@", "other_writer@"))
    with ours.writing(), pytest.raises(InputError, match="another process is writing to this store: metier, process"):
        theirs.writing().__enter__()
    with theirs.writing():  # nothing of what was refused is in the way
        pass


KILLED = """
import sys; sys.path.insert(0, {here!r})
from pathlib import Path
from conformance import IDENTITY, put
from metier.core.settings import StoreSettings
from metier.store import open_store
store = open_store(Path("."), StoreSettings(**{settings!r}), IDENTITY, replace={replace})
for n in range(10_000):
    put(store, f"{{n % 8}}.md", [f"{{n}} one", f"{{n}} two", f"{{n}} three"], content_hash=str(n))
    print(n, flush=True)
"""


def write_and_be_killed(settings: StoreSettings, after: int, replace: bool) -> None:
    given = {"here": os.path.dirname(__file__), "settings": settings.model_dump(), "replace": replace}
    process = subprocess.Popen([sys.executable, "-c", KILLED.format(**given)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= after:
            process.kill()
            break
    process.stdout.close()
    process.wait()


def test_killed_between_documents_leaves_whole_documents(settings, open_store):
    write_and_be_killed(settings, 15, replace=False)
    store = open_store()
    assert store.counts() == (8, 24)
    for name in store.hashes():
        assert len({passage.text.split()[0] for passage in store.passages(name)}) == 1
    assert store.frequencies(["one", "three"]).tolist() == [8, 8]
    put(store, "after.md", ["works on"])
    assert store.counts() == (9, 25)


def test_a_rebuild_that_is_killed_leaves_the_old_index_and_nothing_else(settings, open_store, run):
    put(open_store(), "a.md", ["the old words"])
    write_and_be_killed(settings, 3, replace=True)
    assert run("SELECT state FROM store_generations ORDER BY id") == [("current",), ("building",)]
    store = open_store()
    assert [hit.passage.text for hit in store.lexical(["words", "one"], 9)] == ["the old words"]
    store.optimize()
    assert run("SELECT state FROM store_generations") == [("current",)]
    assert run("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema AND tablename LIKE 'passages%'") == [
        (1,)
    ]


def test_postings_are_written_anew_in_parts(open_store, monkeypatch):
    monkeypatch.setattr("metier.store.postgres.postings._AT_ONCE", 7)
    store = open_store()
    store.replace([entry(document) for document in corpus(documents=6)])
    before = store.lexical(["word0", "only3x2"], 60)
    store._connections.owned(lambda connection: Postings(store._generation).renew(connection, 100, stale=0.0))
    assert store.lexical(["word0", "only3x2"], 60) == before
    assert open_store().counts() == (6, 48)
