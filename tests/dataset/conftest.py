from __future__ import annotations

import pytest

from metier import Expert

PARTS = {
    "gearbox oil": 31, "brake pads": 19, "yaw grease": 7, "pitch batteries": 61, "nacelle lamps": 43, "rope grips": 13,
    "oil filter": 17, "wind vane": 83, "tower bolts": 29, "fire bottles": 23, "slip ring": 11, "hub seals": 37,
}  # fmt: skip
PRICES = "Part,Price EUR,Shelf\n" + "".join(f"Bolt B-{n},{n}.50,S{n % 4}\n" for n in range(12))


@pytest.fixture(scope="session")
def parts_folder(tmp_path_factory):
    """An expert that knows how often twelve parts are changed and what twelve bolts cost; copy it to write to it."""
    place = tmp_path_factory.mktemp("generation")
    (place / "docs").mkdir()
    for name, months in PARTS.items():
        text = f"# {name.capitalize()}\n\nThe {name} of the NV-110 is changed every {months} months.\n"
        (place / "docs" / f"{name.replace(' ', '-')}.md").write_text(text)
    (place / "docs" / "prices.csv").write_text(PRICES)
    with Expert.create(place / "expert") as made:
        made.add(str(place / "docs"))
        assert made.sync().added == len(PARTS) + 1
    path = place / "expert" / "metier.toml"
    path.write_text(path.read_text().replace("max_tokens = 80", "max_tokens = 24\nthreads = 1"))
    return place / "expert"
