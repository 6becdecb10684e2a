"""What every store must do. A backend's test class inherits this and gives an `open_store` fixture."""

from __future__ import annotations

import threading
import zlib
from dataclasses import replace

import numpy as np
import pytest

from metier.core.documents import Block, Document, Passage, TextBuilder, described, document_id, passage_id
from metier.core.errors import IndexMismatch, StoreError
from metier.retrieval.query import pooled
from metier.store import Entry, Filter, Identity
from metier.store.base import DocumentRecord, MultilingualStore

DIMENSION = 8
IDENTITY = Identity("test", "weights-1", DIMENSION, "analyser-1")


def make_document(uri: str, lines: list[str], *, groups=(), metadata=None, language="en", content_hash="1") -> Document:
    text = "\n".join(lines)
    blocks = []
    at = 0
    for line in lines:
        blocks.append(Block("paragraph", at, at + len(line), 1))
        at += len(line) + 1
    return Document(
        id=document_id(uri), uri=uri, title=uri.upper(), text=text, blocks=tuple(blocks), media_type="text/plain",
        content_hash=content_hash, language=language, groups=groups, metadata=metadata or {}, warnings=("w",), pages=1,
    )  # fmt: skip


def make_passages(document: Document) -> list[Passage]:
    return [
        Passage(
            id=passage_id(document.id, b.start, b.end, document.text[b.start : b.end]), document_id=document.id,
            text=document.text[b.start : b.end], start=b.start, end=b.end, headings=(document.title, "বিভাগ"), page=1,
            uri=document.uri, title=document.title, language=document.language, groups=document.groups,
            metadata=document.metadata,
        )
        for b in document.blocks
    ]  # fmt: skip


def vector_of(text: str) -> np.ndarray:
    """The same text, the same vector."""
    vector = np.random.default_rng(zlib.crc32(text.encode())).normal(size=DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


def entry(document: Document) -> Entry:
    passages = make_passages(document)
    vectors = np.array([vector_of(p.text) for p in passages]).reshape(len(passages), DIMENSION)
    return Entry(document, passages, vectors, [p.text.split() for p in passages])


def put(store, uri: str, lines: list[str], **options) -> Document:
    document = make_document(uri, lines, **options)
    store.replace([entry(document)])
    return document


class StoreConformance:
    """Inherit, and give a fixture `open_store(identity=IDENTITY, replace=False, exact_until=…)` that opens the same
    store each time it is called within one test."""

    def test_empty_store_answers_with_nothing(self, open_store):
        store = open_store()
        assert store.counts() == (0, 0)
        assert store.dense(vector_of("a"), 5) == []
        assert store.lexical(["a"], 5) == []
        assert store.document("nope") is None
        assert store.optimize() == {}

    def test_document_comes_back_as_it_went_in(self, open_store):
        document = put(
            open_store(), "বাংলা/a.md", ["এক দুই", "three"], groups=("x",), metadata={"k": "v=1"}, language="bn"
        )
        assert open_store().document(document.id) == document
        assert open_store().uris() == {"বাংলা/a.md": document.id}

    def test_tables_come_back_as_they_went_in(self, open_store):
        builder = TextBuilder()
        builder.add("paragraph", "আগে", page=1)
        rows = [["", "2023", "2023"], ["টাকা", "Q1", "Q2"], ["Steel | bar", "1,4", ""], ["", "", "“-”"]]
        options = {"caption": "By type", "unit": "(in millions)", "notes": ["(a) b"]}
        builder.add_table(rows, header=2, page=1, groups=[["Sales", "নতুন"], []], **options)
        document = replace(make_document("a.md", ["x"]), text=builder.text, tables=tuple(builder.tables))
        document = replace(document, blocks=tuple(builder.blocks))
        open_store().replace([entry(document)])
        read = open_store().document(document.id)
        assert read == document
        (table,) = read.tables
        assert (table.names, table.caption, table.unit, table.page) == (
            ("টাকা", "2023 › Q1", "2023 › Q2"), "By type", "(in millions)", 1,
        )  # fmt: skip
        cells = [[cell and read.text[slice(*cell)] for cell in row.cells] for row in table.rows]
        assert cells == [["Steel | bar", "1,4", None], [None, None, "“-”"]]
        assert [row.name(read.text) for row in table.rows] == ["Sales › নতুন › Steel | bar", "4"]

    def test_vectors_are_known_by_the_text_that_was_embedded(self, open_store):
        store = open_store()
        put(store, "a.md", ["one", "two"])
        put(store, "b.md", ["three"])
        known = store.vectors([document_id("a.md"), "nope"])
        passages = store.passages(document_id("a.md"))
        assert set(known) == {passage.indexed_text for passage in passages}
        for passage in passages:
            np.testing.assert_array_equal(known[passage.indexed_text], vector_of(passage.text))
        assert store.vectors(["nope"]) == store.vectors([]) == {}

    def test_documents_are_listed_without_their_text_and_only_to_who_may_read_them(self, open_store):
        store = open_store()
        assert store.records() == []
        put(store, "b.md", ["one"], groups=("x",), metadata={"author": "Anna"}, language="bn")
        put(store, "a.md", ["two", "three"])
        expected = [
            DocumentRecord(document_id("a.md"), "a.md", "A.MD", "text/plain", "en"),
            DocumentRecord(document_id("b.md"), "b.md", "B.MD", "text/plain", "bn", ("x",), {"author": "Anna"}),
        ]
        assert store.records() == expected
        assert store.records(Filter(groups=())) == expected[:1]
        assert store.records(Filter(groups=("x",), uri="b*")) == expected[1:]

    def test_passages_come_back_as_they_went_in(self, open_store):
        store = open_store()
        document = put(store, "a.md", ["গেটওয়ে ইন্ডিয়া", "风机 转速"], groups=("x",), metadata={"k": "v"})
        found = {hit.passage.id: hit.passage for hit in store.dense(vector_of("x"), 10)}
        assert found == {p.id: p for p in make_passages(document)}
        for passage in found.values():
            assert document.text[passage.start : passage.end] == passage.text

    def test_descriptions_of_pictures_are_told_from_text(self, open_store):
        store = open_store()
        document = make_document("a.md", ["the text", "a chart"], metadata={"k": "v"})
        whole = entry(document)
        text, chart = whole.passages
        passages = [text, replace(chart, metadata=described(chart.metadata))]
        store.replace([replace(whole, passages=passages)])
        assert store.passages(document.id) == passages
        assert [passage.described for passage in store.passages(document.id)] == [False, True]
        assert store.document(document.id).metadata == {"k": "v"}

    def test_passages_of_a_document_in_reading_order(self, open_store):
        store = open_store()
        first = put(store, "b.md", [f"line {n}" for n in range(30)])
        put(store, "it's a.md", ["shared", "words"])
        store.optimize()
        assert store.passages(first.id) == make_passages(first)
        assert [passage.text for passage in store.passages(document_id("it's a.md"))] == ["shared", "words"]
        assert store.passages("unknown") == []
        walked = [passage.text for _, name in sorted(store.uris().items()) for passage in store.passages(name)]
        assert len(walked) == store.counts()[1]

    def test_dense_is_cosine_and_ordered(self, open_store):
        store = open_store()
        put(store, "a.md", [f"line {n}" for n in range(20)])
        hits = store.dense(vector_of("line 7"), 20)
        assert hits[0].passage.text == "line 7"
        assert hits[0].score == pytest.approx(1.0, abs=1e-5)
        expected = sorted((float(vector_of(f"line {n}") @ vector_of("line 7")) for n in range(20)), reverse=True)
        assert [hit.score for hit in hits] == pytest.approx(expected, abs=1e-5)
        assert len(store.dense(vector_of("line 7"), 3)) == 3

    def test_lexical_ranks_rare_words_first_in_any_script(self, open_store):
        store = open_store()
        put(store, "a.md", ["common words here", "common গেটওয়ে here", "common words there", "风机 common"])
        assert store.lexical(["গেটওয়ে", "common"], 4)[0].passage.text == "common গেটওয়ে here"
        assert [hit.passage.text for hit in store.lexical(["风机"], 4)] == ["风机 common"]
        assert store.lexical(["nowhere"], 4) == []
        assert store.lexical([], 4) == []

    def test_words_that_look_like_query_syntax_are_words(self, open_store):
        store = open_store()
        put(store, "a.md", ["and OR -minus \"quoted\" a:b (c) 'x' *"])
        for word in ["and", "OR", "-minus", '"quoted"', "a:b", "(c)", "'x'", "*"]:
            assert len(store.lexical([word], 4)) == 1, word

    def test_replacing_leaves_nothing_of_the_old_version(self, open_store):
        store = open_store()
        put(store, "a.md", ["old one", "old two", "kept line"])
        put(store, "b.md", ["bystander"])
        put(store, "a.md", ["kept line", "new three"], content_hash="2")
        assert store.counts() == (2, 3)
        assert store.lexical(["old"], 9) == []
        assert [hit.passage.text for hit in store.lexical(["kept"], 9)] == ["kept line"]
        assert store.hashes()[document_id("a.md")] == "2"
        assert open_store().hashes() == store.hashes()

    def test_rows_added_after_optimize_are_found_at_once(self, open_store):
        store = open_store()
        put(store, "a.md", ["first words"])
        store.optimize()
        put(store, "b.md", ["second words"])
        assert len(store.lexical(["second"], 9)) == 1
        assert len(store.lexical(["words"], 9)) == 2
        store.optimize()
        assert len(store.lexical(["words"], 9)) == 2
        assert len(store.dense(vector_of("second words"), 9)) == 2

    def test_deleted_documents_are_never_found(self, open_store):
        store = open_store()
        put(store, "a.md", ["gone soon"])
        put(store, "it's.md", ["stays here"])
        store.optimize()
        store.delete([document_id("a.md"), "unknown"])
        assert store.counts() == (1, 1)
        assert store.lexical(["gone"], 9) == []
        assert [hit.passage.uri for hit in store.dense(vector_of("gone soon"), 9)] == ["it's.md"]
        assert store.document(document_id("a.md")) is None
        store.delete([document_id("it's.md")])
        assert open_store().counts() == (0, 0)

    @pytest.mark.parametrize(
        ("where", "uris"),
        [
            (None, {"a.md", "b_x/secret.md", "c%.md"}),
            (Filter(), {"a.md", "b_x/secret.md", "c%.md"}),
            (Filter(groups=()), {"a.md", "c%.md"}),
            (Filter(groups=("service",)), {"a.md", "b_x/secret.md", "c%.md"}),
            (Filter(groups=("other", "x'; --")), {"a.md", "c%.md"}),
            (Filter(uri="b_x/*"), {"b_x/secret.md"}),
            (Filter(uri="b?x/*"), {"b_x/secret.md"}),
            (Filter(uri="*%*"), {"c%.md"}),
            (Filter(uri="_.md"), set()),
            (Filter(language="bn"), {"c%.md"}),
            (Filter(metadata={"year": "2020", "who": "O'Hara"}), {"a.md"}),
            (Filter(metadata={"year": "1999"}), set()),
            (Filter(closed=("a.md", "it's none")), {"b_x/secret.md", "c%.md"}),
            (Filter(closed_below=("b_x/", "a.mdx", "c_")), {"a.md", "c%.md"}),
            (Filter(groups=("service",), closed=("c%.md",), closed_below=("b_",)), {"a.md"}),
        ],
    )
    def test_filters_hold_for_both_searches_before_ranking(self, open_store, where, uris):
        store = open_store()
        put(store, "a.md", ["shared word"], metadata={"year": "2020", "who": "O'Hara"})
        put(store, "b_x/secret.md", ["shared word"], groups=("service",))
        put(store, "c%.md", ["shared word"], language="bn")
        for _ in range(2):
            assert {hit.passage.uri for hit in store.dense(vector_of("shared word"), 9, where)} == uris
            assert {hit.passage.uri for hit in store.lexical(["shared"], 9, where)} == uris
            store.optimize()
        if uris and where is not None and where.groups is not None:
            # With a limit of one, a filter applied after ranking would come back empty.
            best = store.dense(vector_of("shared word"), 1, where)
            assert [hit.passage.uri in uris for hit in best] == [True]

    def test_hidden_passages_are_left_out_of_both_searches_before_ranking(self, open_store):
        store = open_store()
        document = put(store, "a.md", ["শেষ কথা shared", "second shared", "it's third shared"], groups=("x",))
        first, second, third = (passage.id for passage in make_passages(document))
        for hidden, left in [
            ((), {first, second, third}),
            ((first, "un'known"), {second, third}),
            ((second,), {first, third}),
        ]:
            where = Filter(groups=("x",), hidden=hidden)
            for _ in range(2):
                assert {hit.passage.id for hit in store.dense(vector_of("শেষ কথা shared"), 9, where)} == left
                assert {hit.passage.id for hit in store.lexical(["shared"], 9, where)} == left
                # With a limit of one, what is hidden would leave nothing behind if it were taken out after ranking.
                assert [hit.passage.id in left for hit in store.dense(vector_of("শেষ কথা shared"), 1, where)] == [True]
                assert [hit.passage.id in left for hit in store.lexical(["শেষ", "shared"], 1, where)] == [True]
                store.optimize()
        assert [passage.id for passage in store.passages(document.id)] == [first, second, third]

    def test_passages_are_got_by_id_under_a_filter(self, open_store):
        store = open_store()
        secret = make_passages(put(store, "গোপন.md", ["one", "two"], groups=("service",)))
        public = make_passages(put(store, "b.md", ["three"]))
        wanted = [secret[1].id, "it's none", public[0].id, secret[0].id, document_id("b.md")]
        assert store.get(wanted) == [secret[1], public[0], secret[0]]
        assert store.get(wanted, Filter(groups=("other",))) == public
        assert store.get(wanted, Filter(hidden=(secret[1].id,))) == [public[0], secret[0]]
        assert store.get([]) == []

    def test_uris_are_those_that_the_filter_lets_through(self, open_store):
        store = open_store()
        put(store, "গোপন.md", ["one"], groups=("service",))
        put(store, "b.md", ["two"])
        assert set(store.uris(Filter(groups=()))) == {"b.md"}
        assert set(store.uris(Filter(groups=("service",)))) == {"গোপন.md", "b.md"}
        assert set(store.uris(Filter(uri="গো*"))) == {"গোপন.md"}
        assert set(store.uris(Filter(closed_below=("গো",)))) == {"b.md"}
        assert [record.uri for record in store.records(Filter(closed=("b.md",)))] == ["গোপন.md"]

    def test_another_process_is_seen_after_refresh(self, open_store):
        """Another process has another handle on the store."""
        ours, theirs = open_store(), open_store()
        put(ours, "a.md", ["one"])
        assert ours.counts() == (1, 1)
        put(theirs, "b.md", ["two"], content_hash="7")
        theirs.refresh()
        theirs.delete([document_id("a.md")])
        ours.refresh()
        assert ours.hashes() == {document_id("b.md"): "7"}
        assert [hit.passage.text for hit in ours.dense(vector_of("x"), 9)] == ["two"]
        put(ours, "b.md", ["three"], content_hash="8")
        theirs.refresh()
        assert [hit.passage.text for hit in theirs.lexical(["two", "three"], 9)] == ["three"]

    def test_another_embedder_is_refused_and_can_be_replaced(self, open_store):
        put(open_store(), "a.md", ["text"])
        other = Identity("test", "weights-2", DIMENSION, "analyser-1")
        with pytest.raises(IndexMismatch, match="weights-1"):
            open_store(identity=other)
        assert open_store().counts() == (1, 1)
        replacing = open_store(identity=other, replace=True)
        assert replacing.counts() == (0, 0)
        assert replacing.replaced(document_id("a.md")).text == "text"
        assert replacing.replaced(document_id("b.md")) is None

    def test_replacing_empties_an_index_of_the_same_embedder(self, open_store):
        put(open_store(), "a.md", ["text"])
        replaced = open_store(replace=True)
        assert replaced.counts() == (0, 0)
        assert replaced.document(document_id("a.md")) is None
        assert replaced.replaced(document_id("a.md")).text == "text"
        replaced.publish()
        assert replaced.replaced(document_id("a.md")) is None
        assert open_store().counts() == (0, 0)

    def test_vectors_of_wrong_shape_are_refused(self, open_store):
        document = make_document("a.md", ["one"])
        with pytest.raises(StoreError):
            open_store().replace([Entry(document, make_passages(document), np.zeros((1, 3), np.float32), [["one"]])])
        assert open_store().counts() == (0, 0)

    def test_frequencies_count_passages(self, open_store):
        store = open_store()
        assert store.frequencies(["a"]).tolist() == [0]
        put(store, "a.md", ["a a b", "a গেটওয়ে"])
        store.optimize()
        assert store.frequencies(["a", "b", "গেটওয়ে", "zzz"]).tolist() == [2, 1, 1, 0]

    def test_background_is_the_cosine_with_passages_at_large(self, open_store):
        store = open_store()
        assert store.background(vector_of("q")) == (0.0, 0.0)
        lines = [f"line {n}" for n in range(50)]
        put(store, "a.md", lines)
        store.optimize()
        cosines = np.array([vector_of(line) @ vector_of("q") for line in lines])
        assert store.background(vector_of("q")) == pytest.approx((cosines.mean(), cosines.std()), abs=1e-3)

    def test_how_near_passages_of_each_language_lie_is_told_for_each_reader(self, open_store):
        store = open_store()
        if not isinstance(store, MultilingualStore):
            pytest.skip("it does not tell of languages")
        assert store.languages(vector_of("q")) == {}
        lines = {"en": [f"line {n}" for n in range(20)], "fr": [f"ligne {n}" for n in range(7)]}
        put(store, "a.md", lines["en"])
        put(store, "b.md", lines["fr"], language="fr", groups=("board",))
        store.optimize()
        means = {
            code: (len(texts), pytest.approx(cosines.mean(), abs=1e-3), pytest.approx(cosines.std(), abs=1e-3))
            for code, texts in lines.items()
            for cosines in [np.array([vector_of(text) @ vector_of("q") for text in texts])]
        }
        assert store.languages(vector_of("q")) == store.languages(vector_of("q"), Filter(groups=("board",))) == means
        assert store.languages(vector_of("q"), Filter(groups=())) == {"en": means["en"]}
        for where in (None, Filter(groups=())):
            at_large = store.background(vector_of("q"), where)
            assert pooled(store.languages(vector_of("q"), where)) == pytest.approx(at_large, abs=1e-6)

    def test_nothing_that_a_reader_may_not_see_shows_in_a_number(self, open_store):
        """The same before and after there is more for others, in the words of what there is, and in more words."""
        store = open_store()
        lines = [f"nut torque {n}" + " oil" * (n % 7) for n in range(30)]
        put(store, "open.md", [*lines, "bolt nut", "bolt oil oil"])
        put(store, "ours.md", ["bolt torque nut", "vargmyr road"], groups=("service",))

        def seen(groups: tuple[str, ...]) -> list[object]:
            store.optimize()
            where, told = Filter(groups=groups), []
            for query in ("nut", "nut torque", "torque torque bolt", "vargmyr nut", "vargmyr"):
                found = (*store.lexical(query.split(), 10, where), *store.dense(vector_of(query), 10, where))
                told += [(hit.passage.uri, hit.passage.text, round(hit.score, 5)) for hit in found]
                told += [round(each, 5) for each in store.background(vector_of(query), where)]
                told.append(
                    repr(store.languages(vector_of(query), where)) if isinstance(store, MultilingualStore) else ""
                )
            told.append(store.frequencies(["nut", "torque", "bolt", "vargmyr", "road"], where).tolist())
            return [*told, store.counts(where)]

        readers = ((), ("service",), ("service", "other"))
        before = [seen(groups) for groups in readers]
        secret = ["vargmyr nut nut torque", "torque " * 40, *(f"nut bolt {n}" for n in range(60))]
        put(store, "secret.md", secret, groups=("board", "chief"))
        assert [seen(groups) for groups in readers] == before
        assert seen(("board",)) != before[0]
        assert store.frequencies(["vargmyr"]).tolist() == [2], "the owner's are of everything"

    def test_a_reader_of_everything_gets_the_scores_of_the_owner(self, open_store):
        store = open_store()
        put(store, "open.md", [f"nut torque {n}" + " oil" * (n % 7) for n in range(30)] + ["bolt nut", "bolt oil oil"])
        store.optimize()
        for query in ("nut", "oil oil bolt", "torque nut zzz"):
            own, all_of_it = (store.lexical(query.split(), 40, where) for where in (None, Filter(groups=())))
            scores = {hit.passage.id: hit.score for hit in all_of_it}
            assert scores == pytest.approx({hit.passage.id: hit.score for hit in own}, rel=1e-5)

    def test_several_documents_change_in_one_commit(self, open_store):
        store = open_store()
        put(store, "old.md", ["one", "two"])
        renewed, new = make_document("old.md", ["three"], content_hash="2"), make_document("new.md", ["four", "five"])
        store.replace([entry(renewed), entry(new)])
        assert store.counts() == (2, 3)
        assert open_store().hashes() == {renewed.id: "2", new.id: "1"}
        assert {hit.passage.text for hit in open_store().dense(vector_of("x"), 10)} == {"three", "four", "five"}

    def test_a_reader_sees_the_old_version_or_the_new_never_both_or_neither(self, open_store):
        writer = open_store()
        put(writer, "a.md", ["version 0 x", "version 0 y"], content_hash="0")
        writer.optimize()
        seen: list[set[str]] = []
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                hits = open_store().dense(vector_of("q"), 10)
                seen.append({hit.passage.text.split()[1] for hit in hits})

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(1, 2_000):
            if number > 24 and len(seen) > 3:  # a quick store writes them all before the reader has begun
                break
            put(writer, "a.md", [f"version {number} x", f"version {number} y"], content_hash=str(number))
        stop.set()
        reader.join()
        assert len(seen) > 3
        assert all(len(versions) == 1 for versions in seen), seen
