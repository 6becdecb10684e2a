"""The HTML page of a comparison: what stands on it, that data stays data, and that nothing missing breaks it."""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
import itertools
import json
import re
import string
from importlib.resources import files

import pytest
from selectolax.lexbor import LexborHTMLParser

from evaluation.sample_result import sample
from metier.evaluation.report import answers, charts
from metier.evaluation.report.page import html
from metier.evaluation.report.tables import leaders
from metier.evaluation.report.translations import LANGUAGES, ReportTranslations
from metier.evaluation.report.view import ReportView
from metier.evaluation.result import ComparisonResult

pytestmark = pytest.mark.slow

ORDER = [
    "modes", "cost", "metrics", "pairs", "kinds", "languages", "rules", "failures", "calibration", "answers", "notes",
    "method",
]  # fmt: skip
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp; {0} <!-- </style>"
PARTS = list(sample(4))


def parsed(result: dict, language: str = "en") -> LexborHTMLParser:
    return LexborHTMLParser(html(ComparisonResult.from_json(result), language))


def view(result: dict) -> ReportView:
    return ReportView(ComparisonResult.from_json(result), ReportTranslations.of("en"))


def texts(tree: LexborHTMLParser, selector: str) -> list[str]:
    return [" ".join(node.text().split()) for node in tree.css(selector)]


@pytest.fixture(scope="module")
def result() -> dict:
    return sample()


@pytest.fixture(scope="module")
def tree(result: dict) -> LexborHTMLParser:
    return parsed(result)


def test_the_verdict_comes_first_and_then_the_sections_in_order(tree, result):
    headings = [node.tag for node in tree.css("h1, h2, h3, h4")]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1
    assert all(int(after[1]) <= int(before[1]) + 1 for before, after in itertools.pairwise(headings))
    assert texts(tree, "h1") == ["Use rag+tuned: the fine-tuned model, answering from your documents."]
    assert [node.attributes["id"] for node in tree.css("main > section")] == ORDER
    basis = dict(zip(texts(tree, ".basis dt"), texts(tree, ".basis dd"), strict=True))
    assert basis["Questions"].startswith("60 (")
    assert basis["Model"] == "smollm2-135m-instruct"
    assert basis["Measured"] == "2026-11-25 05:00 UTC"
    assert basis["Margin that counts"] == "0.03"
    assert basis["Ruled out"] == "base: cites nothingtuned: cites nothing"
    assert basis["Constraints"] == "must cite"
    reason = result["verdict"]["reason"].removeprefix("Use rag+tuned: i")
    assert texts(tree, "header > p")[1:] == [f"I{reason}", result["agreement"]]


def test_nothing_is_loaded_and_only_the_pages_own_script_may_run(tree):
    linked = [
        node.attributes.get(name) for name in ("src", "href", "srcset", "action") for node in tree.css(f"[{name}]")
    ]
    assert linked
    assert all(target.startswith("#") for target in linked)
    assert "url(" not in tree.css_first("style").text()
    assert "@import" not in tree.css_first("style").text()
    assert not tree.css("link, img, iframe, object, embed, base, [onclick], [style]")
    policy = next(node for node in tree.css("meta") if node.attributes.get("http-equiv") == "Content-Security-Policy")
    (script,) = tree.css("script")
    digest = base64.b64encode(hashlib.sha256(script.text().encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy.attributes["content"]
    assert "default-src 'none'" in policy.attributes["content"]


def test_ids_are_unique_and_every_reference_resolves(tree):
    ids = [node.attributes["id"] for node in tree.css("[id]")]
    assert len(ids) == len(set(ids))
    targets = {node.attributes["href"][1:] for node in tree.css("[href]")}
    targets |= {each for node in tree.css("[aria-labelledby]") for each in node.attributes["aria-labelledby"].split()}
    assert targets <= set(ids)


def test_every_table_has_a_caption_and_scoped_headers(tree):
    tables = tree.css("table")
    assert len(tables) == 6
    for table in tables:
        assert table.css_first("caption").text()
        assert {node.attributes.get("scope") for node in table.css("thead th")} == {"col"}
        assert all(row.css_first("th").attributes.get("scope") == "row" for row in table.css("tbody tr"))


def test_the_figures_of_the_result_stand_on_the_page(tree, result):
    score = result["modes"]["rag"]["score"]
    told = f"{score['mean']:.2f} ({score['low']:.2f}–{score['high']:.2f})"
    assert told in texts(tree, "#modes text.value")
    columns, row = texts(tree, "#metrics thead th"), texts(tree, "#metrics tbody tr:first-child > *")
    assert dict(zip(columns, row, strict=True))["rag"] == told
    pair = next(each for each in result["pairs"] if (each["a"], each["b"]) == ("rag", "base"))
    cells = next(row for row in tree.css("#pairs tbody tr") if row.css_first("th").text() == "rag over base").css("td")
    assert cells[0].text().startswith(f"{pair['difference']:+.2f} (")
    assert cells[1].text() == "0.002 significant"
    assert "unanswerable12 questions" in texts(tree, "#kinds tbody th")
    assert "Arabic (ar)12 questions" in texts(tree, "#languages tbody th")
    cause = result["failures"]["rag"][0]
    assert f"{cause['count']} {cause['cause']} {cause['share']:.0%}" in texts(tree, "#failures .cause")
    assert "metier calibrate" in texts(tree, "#failures code")


def test_whiskers_stand_where_the_figures_are():
    figure = {"mean": 0.61, "low": 0.5, "high": 0.7, "n": 10}
    tree = LexborHTMLParser(charts.four_way(view({"modes": {"rag": {"score": figure}}})))
    whisker = tree.css_first("g.whisker line").attributes
    assert (whisker["x1"], whisker["x2"]) == ("50.00%", "70.00%")
    assert tree.css_first("svg[x='61.00%'] use").attributes["href"] == "#m-rag"
    assert tree.css_first("desc").text() == "rag: 0.61 (0.50–0.70)."


def test_cost_is_money_where_every_mode_has_a_price_else_time():
    result = sample(10)
    assert charts.cost_of(view(result)).name == "seconds"
    result["costs"]["base"]["per_thousand"]["money"] = 0.4
    assert charts.cost_of(view(result)).name == "seconds"
    for mode, money in zip(result["costs"], (0.4, 1.5, 0.5, 8.0), strict=True):
        result["costs"][mode]["per_thousand"]["money"] = money
    priced = charts.cost_of(view(result))
    assert (priced.name, priced.unit, priced.of["rag"]) == ("money", "EUR", 1.5)
    assert "for 1,000 questions: EUR (logarithmic)" in texts(parsed(result), "#cost text")
    for costs in result["costs"].values():
        costs["per_thousand"] = None
    assert charts.cost_of(view(result)).name == "total"


def test_names_of_neighbours_in_the_chart_of_costs_stand_on_different_sides():
    result = sample(10, modes=("base", "rag+tuned"))
    for mode, seconds, score in (("base", 420.0, 0.43), ("rag+tuned", 500.0, 0.47)):
        result["costs"][mode]["per_thousand"]["seconds"] = seconds
        result["modes"][mode]["score"] = {"mean": score, "low": 0.3, "high": 0.6, "n": 30}
    names = {node.text(): node.attributes["text-anchor"] for node in parsed(result).css("#cost text.name")}
    assert names == {"base": "end", "rag+tuned": "start"}


def test_a_mode_is_marked_only_where_it_is_significantly_ahead_of_every_other():
    result = sample(12)
    pairs = [
        {"a": "rag+tuned", "b": b, "metric": "score", "difference": 0.2, "p_adjusted": 0.01} for b in result["modes"]
    ]
    result["pairs"] = pairs[:3]
    assert leaders(view(result)) == {"score": "rag+tuned"}
    assert len(parsed(result).css("td.best")) == 1
    result["pairs"][1]["p_adjusted"] = 0.2
    assert not parsed(result).css("td.best")


def test_whatever_stands_in_the_data_is_shown_as_text():
    def spoiled(value):
        if isinstance(value, dict):
            return {name: spoiled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [spoiled(each) for each in value]
        return HOSTILE if isinstance(value, str) else value

    result = spoiled(sample(6))
    result["modes"][HOSTILE] = result["modes"]["rag"]
    result["by_kind"][HOSTILE] = result["by_kind"]["fact"]
    result["rules"][0]["figures"][HOSTILE] = 1
    result["verdict"]["excluded"][HOSTILE] = HOSTILE
    for row in result["answers"]:
        row["modes"]["rag"] |= {"error": "", "unsupported": []}
        row["modes"][HOSTILE] = row["modes"]["rag"] | {"unsupported": [[0, 10]]}
    tree = parsed(result)
    assert len(tree.css("script")) == 1
    assert not tree.css("img")
    assert not [name for node in tree.css("*") for name in node.attributes if name.startswith("on")]
    for selector in (".asked", ".said", "q", ".passage", ".reason", "#rules h3", "#notes li", "bdi", "#kinds th", "dt"):
        assert any(HOSTILE in node.text() for node in tree.css(selector)), selector
    assert any(node.text().startswith(HOSTILE[:10] + " [no support]") for node in tree.css(".said"))


@pytest.mark.parametrize("missing", [None, {}, []], ids=["null", "empty", "list"])
@pytest.mark.parametrize("part", PARTS)
def test_a_page_is_made_without_any_part(part, missing):
    result = sample(6)
    result[part] = missing
    assert parsed(result).css_first("h1").text()
    del result[part]
    assert parsed(result).css_first("h1").text()


def fields(value, path=()):
    """Where every named value stands; of a list the first entry speaks for all."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield (*path, name)
            yield from fields(each, (*path, name))
    elif isinstance(value, list) and value:
        yield from fields(value[0], (*path, 0))


def test_a_page_is_made_without_any_one_field():
    whole = sample(2, modes=("base", "rag"))
    required = {"a", "b"}  # a pair is of two modes
    for *above, name in fields(whole):
        if name in required:
            continue
        for lacking in ("null", "gone"):
            result = copy.deepcopy(whole)
            within = functools.reduce(lambda value, key: value[key], above, result)
            within[name] = None
            if lacking == "gone":
                del within[name]
            assert "<h1>" in html(ComparisonResult.from_json(result)), (*above, name)


def test_figures_that_are_missing_are_dashes_and_rows_without_any_are_left_out():
    result = sample(6)
    result["modes"]["base"]["score"] = {"mean": None, "low": None, "high": None, "n": 0}
    result["modes"]["rag"]["score"] = {"mean": 0.5, "low": float("nan"), "high": None, "n": 1}
    result["pairs"][0] |= {"low": None, "high": None, "p": None, "p_adjusted": None, "effect": None}
    result["by_kind"]["fact"]["rag"] = None
    result["costs"]["rag"] = None
    tree = parsed(result)
    assert texts(tree, "#metrics tbody tr:first-child td")[:2] == ["–", "0.50"]
    assert "Energy for 1,000 questions, kWh" not in texts(tree, "#cost th")
    assert "No prices are set, so there is no sum of money." in texts(tree, "#cost p")


def test_one_mode_only():
    tree = parsed(sample(6, modes=("rag",)))
    assert texts(tree, "h1") == ["Only rag was measured: there is nothing to compare it with."]
    assert not tree.css("#pairs")
    assert len(tree.css("#metrics thead th")) == 2


def test_before_tuning_the_page_says_that_no_adapter_was_measured():
    result = sample(6, modes=("base", "rag")) | {"adapter": None}
    assert "none: the tuned modes were not measured" in texts(parsed(result), ".basis dd")


def test_undecided_names_the_modes_and_the_questions_that_would_decide():
    result = sample(6)
    result["verdict"] |= {"choice": "undecided", "between": ["rag", "rag+tuned"], "questions_needed": 1480}
    tree = parsed(result)
    assert texts(tree, "h1") == ["Undecided between rag and rag+tuned."]
    assert texts(tree, ".reason") == [result["verdict"]["reason"]]  # another verdict than the headline's stays
    assert "1,480" in texts(tree, ".basis dd")


def test_advice_before_anything_was_measured_shows_the_rules_and_says_so():
    whole = sample(4)
    result = {name: whole[name] for name in ("expert", "created", "metier", "language", "model", "rules")}
    tree = parsed(result | {"verdict": None})
    assert texts(tree, "h1") == ["What the rules advise for turbines, before anything is measured."]
    assert texts(tree, ".reason")[0].startswith("No question has been put to any mode yet.")
    assert [node.attributes["id"] for node in tree.css("main > section")] == ["rules"]
    assert texts(tree, ".basis dt") == ["Model", "As of"]
    towards = texts(tree, ".towards")
    assert towards == ["Points to rag", "Points to rag", "Points to rag+tuned", "Points nowhere"]


def test_no_failures_are_said_and_errors_are_shown():
    result = sample(6)
    result["failures"]["rag"] = []
    spoiled = {
        "text": "",
        "error": "The question does not fit into the model.",
        "grades": {"score": 0.0},
        "cause": "no answer",
    }
    result["answers"][0]["modes"]["tuned"] = spoiled
    tree = parsed(result)
    assert "No failures." in texts(tree, "#failures p")
    question = tree.css_first("#q1")
    assert "No answer: The question does not fit into the model." in question.text()
    assert "tuned" in question.attributes["data-wrong"].split()


def test_answers_stand_side_by_side_with_their_sources_and_what_nothing_supports(tree, result):
    assert len(tree.css("#questions > details")) == 60
    place, row = next((n, r) for n, r in enumerate(result["answers"], 1) if r["modes"]["rag"]["unsupported"])
    answer, question = row["modes"]["rag"], tree.css_first(f"#q{place}")
    assert question.css_first(".asked").text() == row["question"]
    shown = question.css(".answer")[1]
    start, end = answer["unsupported"][0]
    assert shown.css_first(".unsupported").text() == answer["text"][start:end]
    assert shown.css_first(".unsupported + .flag").text() == " [no support]"
    cited = answer["citations"][0]
    assert shown.css_first(".cited li").text() == (
        f"{cited['document']}, p. {cited['page']} · Operation › Wind {cited['quote']}"
    )
    assert f"score {answer['grades']['score']:.2f}" in shown.css_first(".measured").text()
    read = question.css(".read li")
    assert len(read) == 5
    assert texts(question, ".read li:first-child .mode") == ["rag", "rag+tuned"]
    right = {mode for mode, each in row["modes"].items() if not each["cause"]}
    assert set(question.attributes["data-right"].split()) == right


@pytest.mark.parametrize("spans", [[[-5, 4]], [[2, 900]], [[4, 2]], [[0, 6], [3, 9]], [[9, 12], [0, 3]]])
def test_spans_outside_the_text_or_over_each_other_lose_no_text(spans):
    result = sample(2)
    result["answers"][0]["modes"]["rag"] |= {"text": "বাংলা লেখা।", "unsupported": spans, "error": ""}
    said = parsed(result).css_first("#q1 .answer.rag .said")
    for flag in said.css(".flag"):
        flag.decompose()
    assert said.text() == "বাংলা লেখা।"


def test_above_some_thousands_of_questions_what_was_read_is_left_out_and_the_page_says_so(monkeypatch, result):
    monkeypatch.setattr(answers, "_READ_UP_TO", 59)
    tree = parsed(result)
    assert not tree.css(".read")
    assert len(tree.css("#questions > details")) == 60
    assert any("too many questions" in text for text in texts(tree, "#answers > p"))


def test_other_scripts_are_marked_with_their_language_and_find_their_own_direction(tree, result):
    for language in ("bn", "ar", "zh"):
        place = next(n for n, row in enumerate(result["answers"], 1) if row["language"] == language)
        asked = tree.css_first(f"#q{place} .asked")
        assert (asked.attributes.get("lang"), asked.attributes["dir"]) == (language, "auto")
    place = next(n for n, row in enumerate(result["answers"], 1) if row["language"] == "en")
    assert "lang" not in tree.css_first(f"#q{place} .asked").attributes


def test_a_bengali_page_says_its_own_words_in_bengali_and_marks_english_data(result):
    tree = parsed(result, "bn")
    assert tree.css_first("html").attributes == {"lang": "bn", "dir": "ltr"}
    assert texts(tree, "h1") == ["rag+tuned ব্যবহার করুন: ফাইন-টিউন করা মডেল, উত্তর দেবে আপনার নথি থেকে।"]
    assert texts(tree, "#rules h2") == ["নিয়মগুলো কী বলে"]
    assert tree.css_first(".reason").attributes["lang"] == "en"
    assert texts(tree, "#pairs tbody th")[0] == "rag, base-এর তুলনায়"  # the better one first, as the page explains
    place = next(n for n, row in enumerate(result["answers"], 1) if row["language"] == "bn")
    assert "lang" not in tree.css_first(f"#q{place} .asked").attributes


def test_a_language_without_words_is_shown_in_english(result):
    assert parsed(result, "de-CH").css_first("html").attributes["lang"] == "en"


def test_every_language_has_the_same_words_with_the_same_places():
    def places(text: str) -> set:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    english = ReportTranslations.of("en").known
    for language in LANGUAGES:
        known = ReportTranslations.of(language).known
        assert list(known) == list(english)
        assert {key: places(text) for key, text in known.items()} == {
            key: places(text) for key, text in english.items()
        }


def test_a_seeded_sample_makes_the_same_page_twice():
    once, again = sample(8), json.loads(json.dumps(sample(8)))
    assert html(ComparisonResult.from_json(once)) == html(ComparisonResult.from_json(again))


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_that_wcag_aa_asks_for(scheme):
    style = files("metier.evaluation.report").joinpath("page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", style.split(":root {")[scheme + 1].split("}")[0]))
    for background in ("paper", "wash"):
        for text in ("ink", "soft", "link", "right", "wrong", "base", "rag", "tuned", "both", "other"):
            assert contrast(colours[text], colours[background]) >= 4.5, (text, background)
        assert contrast(colours["edge"], colours[background]) >= 3, background


@pytest.mark.parametrize(
    ("groups", "said"),
    [([], "everybody"), ([["board"], ["service", "safety"]], "who holds board, and service or safety"),
     ([[HOSTILE]], f"who holds {HOSTILE}")],
)  # fmt: skip
def test_whom_the_report_is_for_stands_in_it(groups, said):
    tree = parsed(sample() | {"groups": groups})
    assert said in texts(tree, ".basis dd")
