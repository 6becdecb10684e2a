"""What another package adds, with `tests/plugin_package` installed as pip would, but without a network."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
from conformance import IDENTITY, StoreConformance

from metier import Expert
from metier.core import plugins
from metier.core.settings import StoreSettings
from metier.store import open_store as open_at

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parent / "plugin_package"
MEMO = "Title: Feed pump\n\nThe feed pump is greased every 14 days.\n\nIts key hangs in the blue cabinet.\n"


def install(place: Path) -> Path:
    """Copy the package to `place`, with the folder beside it that tells what it adds. Returns `place`."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    shutil.copytree(PACKAGE / "metier_example", place / "metier_example", ignore=shutil.ignore_patterns("__pycache__"))
    about = place / "metier_example-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, added in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {found_at}" for name, found_at in added.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return place


def break_module(installed: Path, module: str) -> None:
    path = installed / "metier_example" / f"{module}.py"
    path.write_text("raise RuntimeError('its licence has run out')\n")


@pytest.fixture
def installed(tmp_path):
    return install(tmp_path / "site")


@pytest.fixture
def metier(run_metier, installed):
    """The command line where the package is installed."""

    def run(*arguments, **options):
        return run_metier(*arguments, env=os.environ | {"PYTHONPATH": str(installed)}, **options)

    return run


@pytest.fixture
def metier_here(call_metier, installed, monkeypatch):
    """The same in this process. See `call_metier`."""
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setenv("PYTHONPATH", str(installed))  # for the process that parses
    plugins._installed.cache_clear()
    yield call_metier
    for name in [name for name in sys.modules if name.partition(".")[0] == "metier_example"]:
        del sys.modules[name]
    plugins._installed.cache_clear()


@pytest.fixture
def memos(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "pump.memo").write_text(MEMO)
    (folder / "other.txt").write_text("The feed pump is greased never.")
    return folder


def make_expert(folder, embedding="words:256", store="onefile", model="echo:1"):
    """An expert without sources whose models and store are those of the package."""
    Expert.create(folder, embedding=embedding, model=model)
    with (folder / "metier.toml").open("a") as settings:
        settings.write(f'\n[store]\nbackend = "{store}"\n\n[answering]\nstyle = "written"\n')


def value(done):
    return json.loads(done.stdout)


def test_one_package_adds_a_parser_a_source_an_embedder_a_store_and_a_generator(metier, memos, tmp_path):
    metier("init", "plant", "--embedding", "words:256", "--model", "echo:1")
    settings = tmp_path / "plant" / "metier.toml"
    settings.write_text(settings.read_text() + '\n[store]\nbackend = "onefile"\n[answering]\nstyle = "written"\n')
    metier("add", f"memo://{memos}")
    synced = value(metier("sync", "--json"))
    assert (synced["added"], synced["failed"]) == (1, [])
    assert [path.name for path in (tmp_path / "plant" / ".metier" / "store").iterdir()] == ["onefile.sqlite"]
    hit, *_ = value(metier("search", "greased feed pump", "--json"))["hits"]
    assert (hit["document"], hit["headings"]) == ("memo://notes/pump.memo", ["Feed pump"])
    answer = value(metier("ask", "How often is the feed pump greased?", "--json"))
    assert (answer["text"], answer["model"]) == ("The feed pump is greased every 14 days.", "echo:1")
    assert [citation["document"] for citation in answer["citations"]] == ["memo://notes/pump.memo"]


def test_a_metric_is_measured_compared_and_named_in_the_report(metier, metier_here, memos, tmp_path):
    make_expert(tmp_path / "plant")
    Expert.open(tmp_path / "plant").add(str(memos / "other.txt"))
    questions = [
        {"question": "How often is the pump greased?", "answers": ["never"], "split": "exam"},
        {"question": "When is the feed pump greased?", "answers": ["on Sundays"], "split": "exam"},
    ]
    (tmp_path / "exam.jsonl").write_text("\n".join(map(json.dumps, questions)))
    metier_here("sync")
    metier_here("exam", "import", "exam.jsonl", "--loose")
    compared = value(metier("compare", "--modes", "base,rag", "--no-calibrate", "--json"))
    assert compared["modes"]["rag"]["first_sentence"]["mean"] == 0.5
    assert "first_sentence" in {pair["metric"] for pair in compared["pairs"]}
    metier("report", "--out", "report.html")
    assert "answers whose first sentence says it" in (tmp_path / "report.html").read_text()


def test_a_file_in_an_ordinary_folder_is_read_anew_once_a_package_reads_its_format(
    metier, call_metier, memos, tmp_path
):
    Expert.create(tmp_path / "plant").add(str(memos))
    assert value(call_metier("sync", "--json"))["added"] == 2
    assert value(call_metier("search", "blue cabinet", "--json"))["hits"][0]["headings"] == ["pump"]
    synced = value(metier("sync", "--json"))
    assert (synced["changed"], synced["unchanged"]) == (1, 1)
    hit, *_ = value(metier("search", "blue cabinet", "--json"))["hits"]
    assert (hit["document"], hit["headings"]) == ("notes/pump.memo", ["Feed pump"])


@pytest.mark.parametrize(
    ("made_with", "arguments", "known"),
    [
        ({}, ("add", "gopher://notes"), "memo://"),
        ({"store": "twofiles"}, ("search", "pump"), "lance, postgres, onefile"),
        ({"embedding": "letters:256"}, ("search", "pump"), "words:…"),
        ({"model": "parrot:1"}, ("ask", "pump?"), "echo:NAME"),
    ],
)
def test_an_unknown_name_is_bad_input_and_what_is_known_is_named(metier_here, tmp_path, made_with, arguments, known):
    make_expert(tmp_path / "plant", **made_with)
    assert known in " ".join(metier_here(*arguments, check=2).stderr.split())


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("source", ("add", "memo://notes")),
        ("embedder", ("search", "pump")),
        ("store", ("search", "pump")),
        ("generator", ("ask", "pump?")),
    ],
)
def test_a_package_that_fails_at_import_is_named_with_its_reason(metier_here, installed, tmp_path, module, arguments):
    make_expert(tmp_path / "plant")
    break_module(installed, module)
    said = " ".join(metier_here(*arguments, check=1).stderr.split())
    assert "metier-example" in said
    assert "its licence has run out" in said


def test_a_parser_that_fails_at_import_costs_its_files_and_not_the_sync(metier_here, installed, memos, tmp_path):
    break_module(installed, "parser")
    make_expert(tmp_path / "plant")
    Expert.open(tmp_path / "plant").add(str(memos))
    synced = value(metier_here("sync", "--json"))
    assert synced["added"] == 1
    (failure,) = synced["failed"]
    assert failure["item"] == "notes/pump.memo"
    assert "its licence has run out (metier-example (metier.parsers))" in failure["reason"]


class TestOneFile(StoreConformance):
    @pytest.fixture
    def open_store(self, metier_here, tmp_path):
        def open_again(identity=IDENTITY, *, replace=False, exact_until=200_000):
            settings = StoreSettings(backend="onefile", exact_until=exact_until)
            return open_at(tmp_path / "store", settings, identity, replace=replace)

        return open_again
