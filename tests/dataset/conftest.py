from __future__ import annotations

import pytest
from parts import PARTS, answer_briefly, read_nothing, write_documents

from metier import Expert

PRICES = "Part,Price EUR,Shelf\n" + "".join(f"Bolt B-{n},{n}.50,S{n % 4}\n" for n in range(12))


@pytest.fixture(scope="session")
def parts_folder(tmp_path_factory):
    """An expert that knows how often twelve parts are changed and what twelve bolts cost; copy it to write to it."""
    place = tmp_path_factory.mktemp("generation")
    write_documents(place / "docs")
    (place / "docs" / "prices.csv").write_text(PRICES)
    with Expert.create(place / "expert") as made:
        made.add(str(place / "docs"))
        assert made.sync().added == len(PARTS) + 1
    answer_briefly(place / "expert")
    read_nothing(place / "expert")
    return place / "expert"
