from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from parts import PARTS, answer_briefly, write_documents

from metier import Expert

BENGALI = "# নিরাপত্তা\n\nনীল চাবি টাওয়ারের দরজা খোলে।\n\nলাল হাতল পাম্প থামায়।\n"
SECRET = "The rescue code of the NV-110 is 4417.\n"


@pytest.fixture(scope="session")
def _made(tmp_path_factory) -> Path:
    """An expert on twelve parts, a notice in Bengali, and what only the service may read; answers are short."""
    place = tmp_path_factory.mktemp("corrected")
    write_documents(place / "docs")
    (place / "docs" / "নিরাপত্তা.md").write_text(BENGALI, encoding="utf-8")
    (place / "secret").mkdir()
    (place / "secret" / "rescue.txt").write_text(SECRET)
    with Expert.create(place / "expert") as made:
        made.add(str(place / "docs"))
        made.add(str(place / "secret"), groups=("service",))
    answer_briefly(place / "expert")
    with Expert.open(place / "expert") as made:
        assert made.sync().added == len(PARTS) + 2
    return place


@pytest.fixture(scope="session")
def untouched(_made):
    """The expert itself, for tests that change nothing."""
    with Expert.open(_made / "expert") as opened:
        yield opened


@pytest.fixture
def folder(_made, tmp_path) -> Path:
    """A copy of it, with its documents beside it."""
    shutil.copytree(_made, tmp_path / "work")
    return tmp_path / "work" / "expert"


@pytest.fixture
def docs(folder) -> Path:
    return folder.parent / "docs"


@pytest.fixture
def expert(folder):
    with Expert.open(folder) as opened:
        yield opened
