"""The documentation is built whole: every link leads somewhere, and the reference is read off the code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_documentation_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    settings = (tmp_path / "site" / "reference" / "settings.html").read_text(encoding="utf-8")
    assert "fusion_weight" in settings
    verbs = (tmp_path / "site" / "reference" / "cli.html").read_text(encoding="utf-8")
    assert "metier corrections add" in verbs
    python = (tmp_path / "site" / "reference" / "python.html").read_text(encoding="utf-8")
    assert "unsupported" in python
    pages = "".join(page.read_text(encoding="utf-8") for page in (tmp_path / "site").rglob("*.html"))
    assert "fonts.googleapis" not in pages, "pages work without a network"
