"""What is installed: every package in one version with the hashes of its files, and what is said of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = ("constraints.txt", "constraints-serve.txt", "constraints-audit.txt")
OF_THE_MACHINE = {"torch"}  # its build depends on the graphics card
# What pip-audit prints of a file: an index that knows all, one of a mirror, one that cannot be reached.
AUDITS = {
    "clean": ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, 0, "Nothing bad is known of 1 packages"),
    "bad": (
        {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]},
        1, "a 1: CVE-1; mended in 2",
    ),
    "mirror": ({"dependencies": [{"name": "a", "skip_reason": "not found"}]}, 1, "Nothing was checked"),
    "offline": (None, 1, "Nothing was checked: the index cannot be asked"),
}  # fmt: skip


def locked(file: str) -> dict[str, tuple[str, list[str]]]:
    """Name to version and hashes."""
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        requirement = Requirement(line.partition(" --hash")[0])
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        found[canonicalize_name(requirement.name)] = pin.version, hashes
    return found


@pytest.mark.parametrize("file", LOCKS)
def test_every_package_has_one_version_and_its_hashes_and_names_no_index(file):
    assert all(hashes for _, hashes in locked(file).values())
    assert not re.search(r"://|--index|--find-links", (ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("constraints.txt", ("demo", "dev", "docs", "exam", "serve", "tracing", "tune")),
        ("constraints-serve.txt", ("postgres", "s3", "serve", "tracing")),
    ],
)
def test_what_is_locked_is_what_the_project_asks_for(file, extras):
    known = locked(file)
    parts = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    for requirement in map(Requirement, (line for part in parts for line in part)):
        if requirement.name in OF_THE_MACHINE:
            continue
        version, _ = known[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}: run scripts/lock"


def test_the_image_holds_the_versions_that_are_tested():
    tested = locked("constraints.txt")
    assert all(tested[name][0] == version for name, (version, _) in locked("constraints-serve.txt").items())


def test_only_what_has_its_hash_is_installed():
    makefile, dockerfile = ((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "Dockerfile"))
    installs = re.findall(r"RUN pip install .*|\$\(PIP\) .*", dockerfile + makefile)
    hashed = [line for line in installs if "--require-hashes" in line or "$(HASHED)" in line]
    rest = [line for line in installs if line not in hashed]
    assert len(hashed) == 3
    # torch, and Métier itself, built by what was installed before
    assert all("torch==" in line or "--no-deps --no-build-isolation" in line for line in rest), rest


@pytest.mark.parametrize("case", AUDITS)
def test_an_audit_says_what_it_found_and_where_it_could_not_look(case, tmp_path):
    told, code, word = AUDITS[case]
    program = tmp_path / "pip-audit"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nprint({json.dumps(told)!r}) if {told is not None} else sys.exit('no route')\n"
    )
    program.chmod(0o755)
    command = [sys.executable, ROOT / "scripts" / "audit", program, "constraints.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
