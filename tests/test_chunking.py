from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metier.core.documents import Document, TextBuilder, document_id
from metier.core.errors import ParseError
from metier.core.settings import PassageSettings
from metier.ingestion.chunking import cut
from metier.text.analyzer import Analyser

pytestmark = pytest.mark.slow


def count_words(texts):
    """Stands in for the embedder's tokeniser: one token a word, or a character in scripts without spaces."""
    return [max(len(text.split()), len(text) // 8) for text in texts]


def document(builder: TextBuilder, title: str = "", language: str = "en") -> Document:
    return Document(
        document_id("a"), "a", title, builder.text, tuple(builder.blocks), "text/plain", language=language,
        tables=tuple(builder.tables),
    )  # fmt: skip


def pieces(doc: Document, tokens: int = 20, overlap: int = 0):
    passages = cut(doc, count_words, PassageSettings(tokens=tokens, overlap=overlap))
    for passage in passages:
        assert doc.text[passage.start : passage.end] == passage.text
    return passages


def test_headings_make_a_path_and_a_boundary():
    builder = TextBuilder()
    builder.add("heading", "Manual", level=1)
    builder.add("paragraph", "Intro.")
    builder.add("heading", "Gearbox", level=2)
    builder.add("heading", "Oil", level=3)
    builder.add("paragraph", "Change it.")
    builder.add("heading", "Blades", level=2)
    builder.add("paragraph", "Inspect them.")
    found = [(p.text, p.headings) for p in pieces(document(builder, "Manual"))]
    assert found == [
        ("Intro.", ("Manual",)),
        ("Change it.", ("Manual", "Gearbox", "Oil")),
        ("Inspect them.", ("Manual", "Blades")),
    ]


def test_title_leads_the_path_unless_it_is_the_first_heading():
    builder = TextBuilder()
    builder.add("heading", "Gearbox", level=1)
    builder.add("paragraph", "Text.")
    assert pieces(document(builder, "NV-110"))[0].headings == ("NV-110", "Gearbox")


def test_heading_with_nothing_under_it_is_kept():
    builder = TextBuilder()
    builder.add("heading", "Only a heading", level=1)
    builder.add("heading", "And another", level=1)
    assert [p.text for p in pieces(document(builder))] == ["Only a heading\n\nAnd another"]


def test_short_paragraphs_of_a_section_share_a_passage_and_pages_do_not():
    builder = TextBuilder()
    builder.add("paragraph", "One two three.", page=1)
    builder.add("paragraph", "Four five.", page=1)
    builder.add("paragraph", "Six seven.", page=2)
    assert [(p.text, p.page) for p in pieces(document(builder))] == [
        ("One two three.\n\nFour five.", 1),
        ("Six seven.", 2),
    ]


def test_long_paragraphs_are_cut_between_sentences():
    builder = TextBuilder()
    builder.add("paragraph", " ".join(f"Sentence number {n} has six words." for n in range(10)))
    found = pieces(document(builder))
    assert len(found) == 4
    assert all(p.text.startswith("Sentence") and p.text.endswith("words.") for p in found)


def test_a_sentence_too_long_is_cut_between_words():
    builder = TextBuilder()
    builder.add("paragraph", "word " * 100)
    found = pieces(document(builder))
    assert all(len(p.text.split()) <= 20 for p in found)
    assert " ".join(p.text for p in found).split() == ["word"] * 100


def test_table_rows_carry_their_column_names():
    builder = TextBuilder()
    builder.add_table([["Part", "Price"], *([f"P-{n}", f"{n} SEK"] for n in range(12))], page=3)
    found = pieces(document(builder))
    assert len(found) > 1
    assert found[1].text.splitlines()[0].startswith("Part: P-")
    assert found[1].row == str(2 + sum(p.text.count("Part: ") for p in found[:1]))
    assert all(p.page == 3 for p in found)


def test_bengali_sentences_are_cut_at_the_danda():
    builder = TextBuilder()
    builder.add("paragraph", "টারবাইন চলছে খুব ভালো করে আজ সারা দিন। " * 6)
    found = pieces(document(builder, language="bn"))
    assert len(found) > 1
    assert all(p.text.endswith("।") for p in found)


def test_overlap_repeats_whole_sentences():
    builder = TextBuilder()
    builder.add("paragraph", " ".join(f"Sentence number {n} has six words." for n in range(10)))
    found = pieces(document(builder), tokens=20, overlap=8)
    assert found[0].text.split(". ")[-1].rstrip(".") in found[1].text


def test_ids_stay_when_nothing_changes():
    builder = TextBuilder()
    builder.add("paragraph", "The same.")
    assert pieces(document(builder))[0].id == pieces(document(builder))[0].id


def test_fifty_megabytes_on_one_line_end():
    builder = TextBuilder()
    builder.add("paragraph", "x" * 2_000_000)
    found = cut(document(builder), lambda texts: [len(t) // 4 for t in texts], PassageSettings(tokens=200))
    assert sum(len(p.text) for p in found) == 2_000_000


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["heading", "paragraph", "list"]), st.text(max_size=300)), max_size=12))
def test_every_word_is_in_some_passage(blocks):
    builder = TextBuilder()
    for kind, text in blocks:
        builder.add(kind, text, level=1 if kind == "heading" else 0)
    doc = document(builder)
    found = pieces(doc)
    covered = " ".join([*(p.text for p in found), *(h for p in found for h in p.headings)]).split()
    assert set(doc.text.split()) <= set(covered) or "".join(doc.text.split()) in "".join(covered)


def test_a_list_that_fits_into_a_passage_stays_whole_with_its_lead_in():
    builder = TextBuilder()
    builder.add("paragraph", "A first paragraph of twelve words that stands before the list of steps.")
    builder.add("paragraph", "To change the oil:")
    for step in ("1. Stop the rotor.", "2. Drain the oil.", "3. Fill it up."):
        builder.add("list", step)
    found = pieces(document(builder))
    assert [p.text.splitlines()[0] for p in found][1:] == ["To change the oil:"]
    assert found[1].text.endswith("3. Fill it up.")


def test_every_group_of_rows_repeats_caption_names_and_unit():
    builder = TextBuilder()
    builder.add("heading", "Costs", level=1)
    builder.add("caption", "Table 3: Cost by turbine")
    rows = [["", "2023"], *([f"WT-{n:02}", str(100 + n)] for n in range(12))]
    builder.add_table(rows, caption="Table 3: Cost by turbine", unit="(in thousands)")
    found = pieces(document(builder))
    assert len(found) > 1
    assert found[0].text.startswith("Table 3: Cost by turbine")
    assert all(p.headings[-1] == "Table 3: Cost by turbine" for p in found)
    assert all("(in thousands) | 2023: 1" in line for p in found[1:] for line in p.text.splitlines())


def test_of_several_lines_over_a_table_one_is_its_heading_and_all_are_a_passage():
    builder = TextBuilder()
    builder.add("heading", "Ships", level=1)
    lines = "Printed: 03.07.2025 – Maintenance log of 2025 – Yard: Corrin"
    builder.add_table([["Printed", "03.07.2025"], ["Yard", "Corrin"]], header=False, pairs=True)
    builder.add("caption", lines)
    builder.add_table([["Vessel", "Hours"], *([f"Halla {n}", str(100 + n)] for n in range(30))], caption=lines)
    builder.add_table([["Vessel", "Days"], ["Bran", "7"]], caption=lines)
    first, *others = pieces(document(builder), tokens=30)
    assert (first.text, first.headings[-1]) == (f"Printed: 03.07.2025\nYard: Corrin\n\n{lines}", "Ships")
    assert len(others) > 2
    assert {p.headings[-1] for p in others} == {"Maintenance log of 2025"}
    assert not any("Corrin" in p.text for p in others)


def test_a_table_behind_another_has_not_its_caption():
    builder = TextBuilder()
    builder.add("caption", "Table 3 – Costs")
    builder.add_table([["", "2023"], ["WT-01", "5"]])
    builder.add_table([["", "Wind"], ["WT-01", "7"]])
    assert [p.headings[-1:] for p in pieces(document(builder))] == [("Table 3 – Costs",), ()]


def test_no_passage_is_a_title_alone_where_text_follows():
    builder = TextBuilder()
    builder.add("heading", "Part one", level=1)
    builder.add("heading", "Part two", level=1)
    builder.add("paragraph", "The rotor turns.")
    assert [p.text for p in pieces(document(builder))] == ["Part one\n\nPart two\n\nThe rotor turns."]


MOST_CHARACTERS = 200 * 20  # of a passage of 200 tokens


def words_of_a_tokenizer(texts):
    """One token for a word, however long, as WordPiece gives for one that it does not know. Memory is bounded where
    what is counted together is."""
    assert sum(map(len, texts)) < 1_500_000
    return [len(text.split()) for text in texts]


@pytest.mark.parametrize(
    "text",
    ["x" * 2_000_000, "a b " * 100_000, "漢" * 300_000, ".," * 300_000, "e" + "\u0301" * 300_000, "Ab cd. " * 50_000],
    ids=["no space", "short words", "no spaces in the script", "no words", "one character", "short sentences"],
)
@pytest.mark.parametrize("kind", ["paragraph", "heading", "list", "cell"])
def test_no_passage_is_longer_than_its_characters_whatever_the_tokenizer_says(text, kind):
    builder = TextBuilder()
    if kind == "cell":
        builder.add_table([["Part", "Note"], ["P-1", text]])
    else:
        builder.add(kind, text, level=kind == "heading")
    doc = document(builder)
    found = cut(doc, words_of_a_tokenizer, PassageSettings(tokens=200))
    assert max(len(passage.indexed_text) for passage in found) <= MOST_CHARACTERS
    assert all(doc.text[passage.start : passage.end] == passage.text for passage in found)
    assert sum(len("".join(passage.text.split())) for passage in found) == len("".join(doc.text.split()))


def test_a_word_that_is_cut_keeps_its_characters_whole():
    builder = TextBuilder()
    builder.add("paragraph", "👩‍🚒👍🏽" * 20_000)
    found = cut(document(builder), words_of_a_tokenizer, PassageSettings(tokens=200))
    assert len(found) > 1
    assert all(passage.text.startswith(("👩", "👍")) and passage.text.endswith(("🚒", "🏽")) for passage in found)


def test_a_heading_of_any_length_or_depth_is_not_repeated_with_every_passage():
    builder = TextBuilder()
    for level in range(1, 200):
        builder.add("heading", "A heading of one level " * 12, level=level)
    builder.add("heading", "word " * 10_000, level=200)
    for page in range(200):
        builder.add("paragraph", "Text.", page=page)
    found = cut(document(builder), words_of_a_tokenizer, PassageSettings(tokens=200))
    assert sum(len(passage.indexed_text) for passage in found) < 2_000_000


def test_a_document_of_more_passages_than_anybody_reads_is_refused():
    builder = TextBuilder()
    for page in range(60_000):
        builder.add("paragraph", "a", page=page)
    with pytest.raises(ParseError, match="more than 50,000 passages"):
        cut(document(builder), words_of_a_tokenizer, PassageSettings(tokens=200))


def test_a_name_of_thousands_of_parts_makes_tokens_as_long_as_itself():
    text = "1-a" * 100_000
    assert sum(map(len, Analyser("en").tokens(text))) < 3 * len(text)


def test_text_without_a_space_is_counted_once_because_counting_is_most_of_what_cutting_takes():
    builder = TextBuilder()
    builder.add("paragraph", "x" * 1_000_000)
    counted = []

    def count(texts):
        counted.extend(map(len, texts))
        return words_of_a_tokenizer(texts)

    cut(document(builder), count, PassageSettings(tokens=200))
    assert sum(counted) <= 1_000_000


def test_a_document_that_takes_too_long_to_cut_is_given_up():
    builder = TextBuilder()
    for page in range(40):
        builder.add("paragraph", "A sentence of it. " * 3000, page=page)

    def slow(texts):
        time.sleep(0.2)
        return words_of_a_tokenizer(texts)

    with pytest.raises(ParseError, match=r"took longer than 0\.1 s to cut"):
        cut(document(builder), slow, PassageSettings(tokens=200), seconds=0.1)
