"""`metier plan`: what it reckons, from what, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from postgres_server import run_postgres

from metier import Expert
from metier.core.amounts import count_of, share_of
from metier.core.errors import InputError
from metier.core.settings import Settings
from metier.services.capacity import published
from metier.services.capacity.growth import dense_at, index_bytes, lexical_at
from metier.services.capacity.measuring import AnswerTimes, MeasuredExpert, PartTimes, SearchTimes, measure
from metier.services.capacity.plan import CapacityTarget, plan

SEARCH = SearchTimes(30, 0.05, 0.07, 0.06, PartTimes(0.02, 0.03), PartTimes(0.01, 0.01))
FOUND = MeasuredExpert(
    documents=10_000, passages=100_000, dimension=384, backend="lance", stored_bytes=500_000_000, table_bytes=0,
    indexed=False, synced_passages=100_000, sync_seconds=1000.0, embedding_rate=None, search=SEARCH,
    answer=AnswerTimes(2.0, 1000, 100, "a comparison"), held_bytes=500_000_000, cores=4, memory_bytes=16 * 10**9,
)  # fmt: skip


def planned(found=FOUND, settings=None, **target):
    target = {"documents": 50_000, "qps": 4, "memory_gb": 16, "cores": 4} | target
    return plan(found, CapacityTarget(**target), Settings.model_validate(settings or {}))


def value(made, name: str) -> float:
    return next(line.value for line in made.lines if line.name == name)


@pytest.mark.parametrize(
    ("text", "count"),
    [("5000", 5000), ("20k", 20_000), ("1.5M", 1.5e6), ("50M", 5e7), ("2b", 2e9), ("1,000,000", 1e6), ("0.5", 0.5)],
)
def test_counts_are_read_as_people_write_them(text, count):
    assert count_of(text) == count


@pytest.mark.parametrize("text", ["", "0", "-5", "many", "5x", "1,00", "nan", "inf", "1e400", "9" * 30, "k", "5 0"])
def test_what_is_no_count_is_refused(text):
    with pytest.raises(ValueError, match="is no count: write it as 5000, 20k"):
        count_of(text)


def test_a_share_is_a_percentage():
    assert (share_of("30%"), share_of("0.5 %")) == (0.3, 0.005)
    for text in ("30", "-3%", "%", "lots"):
        with pytest.raises(ValueError, match="is no share: write it as 30%"):
            share_of(text)


def test_sizes_grow_with_the_documents():
    made = planned()
    assert (made.documents, made.passages) == (50_000, 500_000)
    assert value(made, "bytes a passage") == 5000
    assert value(made, "store") == pytest.approx(2.5)
    assert made.build_hours == pytest.approx(500_000 / 100 / 3600)
    grown = planned(growth=0.5)
    assert grown.passages == 750_000
    assert value(grown, "store") == pytest.approx(3.75)


def test_exact_search_grows_with_the_passages_and_an_index_hardly():
    query = published.QUERY_SECONDS  # of a query in an empty store, which does not grow
    twice = dense_at(FOUND, 200_000, False)
    assert (twice.seconds, twice.cpu_seconds) == pytest.approx((0.02 + 0.02 - query, 0.03 + 0.03 - query))
    words = replace(FOUND, search=replace(SEARCH, lexical=PartTimes(0.03, 0.03)))
    assert lexical_at(words, 1_000_000).seconds == pytest.approx(query + 10 * (0.03 - query))
    little = replace(FOUND, search=replace(SEARCH, lexical=PartTimes(1.5 * query, 1.5 * query)))  # it may be chance
    grown = lexical_at(little, 1_100_000).seconds - 1.5 * query
    assert grown == pytest.approx(published.LEXICAL_SECONDS)
    assert dense_at(FOUND, 1, False).seconds == pytest.approx(query, rel=1e-3)
    indexed = replace(FOUND, indexed=True)
    assert dense_at(indexed, 100_000, True) == SEARCH.dense
    assert 1.1 < dense_at(indexed, 1_000_000, True).seconds / SEARCH.dense.seconds < 1.3
    small = replace(FOUND, passages=500, documents=50)
    slope = dense_at(small, 1_000_500, False).cpu_seconds - SEARCH.dense.cpu_seconds
    assert slope == pytest.approx(published.EXACT_SECONDS)


def test_it_says_until_when_all_vectors_can_be_compared():
    made = planned(latency=0.3)
    at = made.exact_until
    rest = 0.05 - 0.02 - 0.01
    assert rest + dense_at(FOUND, at, False).seconds + lexical_at(FOUND, at).seconds == pytest.approx(0.3, rel=1e-3)
    assert planned(latency=0.6).exact_until > 2 * at
    assert made.search == "indexed"  # [store] exact_until comes first
    assert planned(settings={"store": {"exact_until": 800_000}}).search == "exact"
    assert planned(settings={"store": {"exact_until": 10**9}}, documents=2_000_000).search == "indexed"


def test_machines_follow_from_processor_time_and_from_answers():
    quick = replace(FOUND, answer=AnswerTimes(0.1, 1000, 100, ""))
    each = value(planned(quick, qps=100), "processor time a question")
    assert planned(quick, qps=100, streams=100).servers == -(-100 * each // (4 * 0.6)) + 1
    made = planned(qps=4)  # 8 answers at once, one a machine
    assert (value(made, "answers written at once"), made.servers) == (8, 9)
    assert planned(qps=4, spare=0, streams=4).servers == 2
    behind = planned(qps=200, settings={"generation": {"model": "openai:phi-3"}}, streams=64)
    assert behind.model_replicas == 7  # 400 answers at once
    assert behind.servers < 20


def test_where_the_store_goes():
    assert planned(documents=1000, qps=0.1, spare=0).store.startswith("LanceDB on one machine, exact search")
    assert "LanceDB on object storage, since there are several servers" in planned().store
    postgres = {"store": {"backend": "postgres", "url": "postgresql://metier@db/metier"}}
    made = planned(replace(FOUND, backend="postgres"), postgres, qps=500)
    assert made.store.startswith("PostgreSQL with pgvector")
    assert made.databases >= 1
    halves = index_bytes("postgres", 1e6, 384)  # pgvector's index holds two bytes of each number, LanceDB's one
    assert halves > 1.5 * index_bytes("lance", 1e6, 384)
    assert value(made, "index in memory") == pytest.approx(halves / 2 * published.BUFFERS / 1e9)
    large = planned(documents=50_000_000, qps=200)
    assert large.experts == -(-index_bytes("lance", 5e8, 384) * published.BUFFERS // (16e9 * 0.8))
    assert any("divide the documents into" in note for note in large.notes)
    assert large.memory_gb < 16


def test_costs_are_those_of_the_settings_and_nothing_is_made_up():
    assert planned().cost is None
    assert any("No price is set" in note for note in planned().notes)
    prices = {"per_hour": 0.5, "per_gb_month": 0.1}
    made = planned(settings={"costs": prices})
    assert made.cost == pytest.approx(made.servers * 0.5 * 730 + made.storage_gb * 0.1)
    behind = {"generation": {"model": "openai:phi-3"}, "costs": {"per_million_completion_tokens": 1.0}}
    assert planned(settings=behind).cost == pytest.approx(4 * 730 * 3600 * 100 / 1e6)
    unknown = replace(FOUND, answer=None, stored_bytes=None, synced_passages=0, sync_seconds=0.0)
    made = planned(unknown)
    bases = {line.name: line.basis for line in made.lines}
    assert bases["seconds an answer"] == "assumed"
    assert bases["bytes a passage"] == "published"
    assert made.build_hours is None
    assert any("how long the first one takes is not known" in note for note in made.notes)


def test_every_line_says_where_it_comes_from():
    for line in planned().lines:
        assert line.how
        assert line.basis in {"measured", "setting", "published", "assumed", "reckoned", "asked"}
        if line.basis == "assumed":
            assert "--" in line.how or "metier compare" in line.how


@pytest.mark.slow
def test_the_verb_measures_this_expert(turbines, call_metier):
    said = call_metier("plan", "-e", str(turbines), "--documents", "2k", "--qps", "3", "--measure", "--json")
    told = json.loads(said.stdout)
    measured = told["measured"]
    assert measured["documents"] == 4
    assert measured["stored_bytes"] > 1000
    assert measured["search"]["seconds"] > 0
    assert measured["embedding_rate"] > 0
    assert told["passages"] == pytest.approx(2000 * measured["passages"] / 4)
    shown = call_metier("plan", "-e", str(turbines), "--documents", "2k").stdout
    for words in ("passages a document", "measured", "assumed", "are too few", "GB of storage"):
        assert words in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--documents", "many"), "--documents: 'many' is no count"),
        (("--documents", "0"), "--documents: '0' is no count"),
        (("--documents=-5"), "--documents: '-5' is no count"),
        (("--documents", "5k", "--qps", "lots"), "--qps: 'lots' is no count"),
        (("--documents", "5k", "--growth", "fast"), "--growth: 'fast' is no share"),
    ],
)
def test_silly_input_is_told_in_a_line(turbines, call_metier, options, said):
    options = (options,) if isinstance(options, str) else options
    done = call_metier("plan", "-e", str(turbines), *options, check=2)
    assert said in " ".join(done.stderr.split())


@pytest.mark.slow
def test_a_database_tells_its_size(tmp_path, docs, postgres):
    url = f"postgresql://postgres@127.0.0.1:{postgres}/postgres"
    with Expert.create(tmp_path / "expert") as made:
        made.add(str(docs))
    with (tmp_path / "expert" / "metier.toml").open("a") as file:
        file.write(f'\n[store]\nbackend = "postgres"\nurl = "{url}"\nnamespace = "capacity"\n')
    try:
        with Expert.open(tmp_path / "expert") as made:
            made.sync()
            found = measure(made.runtime, ["How often is the oil changed?"])
            assert found.backend == "postgres"
            assert 10_000 < found.stored_bytes < 10**7
            assert found.search.dense.cpu_seconds == found.search.dense.seconds > 0  # it is spent in the database
            told = plan(found, CapacityTarget(1000, 50), made.settings)
            assert told.databases >= 1
            assert told.store.startswith("PostgreSQL")
    finally:
        run_postgres(postgres, "postgres")("DROP SCHEMA IF EXISTS capacity CASCADE")


@pytest.mark.slow
def test_an_empty_expert_gives_no_figures(tmp_path):
    with Expert.create(tmp_path / "empty") as made, pytest.raises(InputError, match="holds no passages"):
        measure(made.runtime)
