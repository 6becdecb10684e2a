"""The wheel holds what the package reads beside its code, and answers where no other Métier can be imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from fnmatch import filter as matching
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
NOT_SHIPPED = ("*.egg-info", "__pycache__")
NOT_PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "METIER_EXPERT")


def run(*command: str | Path, cwd: Path) -> str:
    """What the command writes, without what would let another Métier be imported."""
    env = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built without a network, from a copy: what an earlier build left in the repository cannot get into it."""
    place = tmp_path_factory.mktemp("wheel")
    project = place / "project"
    shutil.copytree(ROOT / "src", project / "src", ignore=shutil.ignore_patterns(*NOT_SHIPPED))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    offline = ("--no-index", "--no-deps", "--no-build-isolation")
    run(sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", place, project, cwd=place)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A virtual environment with the wheel alone; what it depends on is that of the environment of the tests."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=place)
    # Folders that a .pth file names are searched last, and .pth files in them (the editable Métier) are not read.
    dependencies = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(dependencies) + "\n")
    return place


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.mark.parametrize(
    "pattern",
    [
        "metier/py.typed",
        "metier/text/languages/*.toml",
        "metier/evaluation/report/words.*.json",
        "metier/serving/web/static/*.css",
        "metier/serving/web/static/*.js",
        "metier/serving/web/templates/*.html",
        "metier/serving/web/wordings/*.json",
        "metier/models/reader/*.safetensors",
    ],
)
def test_what_the_package_reads_is_in_the_wheel(names, pattern):
    source = [path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "metier").rglob("*")]
    assert matching(source, pattern)
    assert sorted(matching(names, pattern)) == sorted(matching(source, pattern))


def test_nothing_of_the_package_is_missing_and_nothing_else_is_in_the_wheel(names):
    files = {path for path in (ROOT / "src" / "metier").rglob("*") if path.is_file()}
    shipped = {path.relative_to(ROOT / "src").as_posix() for path in files if "__pycache__" not in path.parts}
    assert {name for name in names if ".dist-info/" not in name} == shipped


def test_an_expert_of_one_document_answers_from_the_wheel(environment, tmp_path):
    program, python = environment / "bin" / "metier", environment / "bin" / "python"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "nuts.md").write_text(
        "# Blade root\n\nThe blade root nuts of the NV-110 are tightened to 840 Nm.\n"
    )
    imported = run(python, "-c", "import metier; print(metier.__file__)", cwd=tmp_path).strip()
    assert Path(imported).is_relative_to(environment)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(program, "--version", cwd=tmp_path) == f"metier {version}\n"

    run(program, "init", "turbines", "--model", "smollm2-135m-instruct", cwd=tmp_path)
    run(program, "add", "docs", cwd=tmp_path)
    assert json.loads(run(program, "sync", "--json", cwd=tmp_path))["added"] == 1
    answer = json.loads(run(program, "ask", "How tight are the blade root nuts?", "--json", cwd=tmp_path))
    assert "840 Nm" in answer["text"]
    assert [citation["document"] for citation in answer["citations"]] == ["docs/nuts.md"]
