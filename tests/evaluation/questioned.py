"""Documents that questions can be written about: twelve parts in prose, and tables in English and Bengali."""

from __future__ import annotations

from pathlib import Path

from parts import answer_briefly, read_nothing, write_documents

from metier import Expert

MAKERS = ("Nordvind", "Alfa", "Beta", "Gamma")
BOLTS = {f"Bolt B-{n}": (f"{n}.50", f"S{n % 4}", MAKERS[n % 4]) for n in range(12)}
TURBINES = {f"WT-0{n}": (f"{2 + n * 0.3:.1f} MW", f"{80 + n} m") for n in range(1, 7)}
BENGALI = {f"এসভি-{70 + n}": (f"{n + 2} মেগাওয়াট", f"{80 + n} মিটার") for n in range(1, 5)}


def make(place: Path, language: str = "en") -> Path:
    """The folder of an expert that has read them."""
    write_documents(place / "docs")
    for name, header, rows in (
        ("prices.csv", "Part,Price EUR,Shelf,Maker", BOLTS),
        ("turbines.csv", "Turbine,Rated power,Tower height", TURBINES),
        ("টারবাইন.csv", "টারবাইন,ক্ষমতা,উচ্চতা", BENGALI),
    ):
        lines = [header, *(",".join((key, *values)) for key, values in rows.items())]
        (place / "docs" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with Expert.create(place / "expert", language=language) as made:
        made.add(str(place / "docs"))
        assert not made.sync().failed
    answer_briefly(place / "expert")
    read_nothing(place / "expert")
    return place / "expert"
