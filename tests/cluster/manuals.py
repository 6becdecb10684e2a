"""Documents of one to eight passages, the same in every run, and some that cannot be read."""

from __future__ import annotations

import os
import random
from pathlib import Path

WORDS = ("gearbox", "oil", "blade", "bolt", "torque", "tower", "nacelle", "yaw", "brake", "disc", "pitch", "motor")


def write_manuals(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    rng = random.Random(0)
    for number in range(count):
        sections = [f"# Manual {number}\n"]
        for section in range(rng.randint(1, 4)):
            sections.append(f"## Section {section} of {number}\n")
            for _ in range(rng.randint(1, 3)):
                words = (" ".join(rng.choices(WORDS, k=14)).capitalize() for _ in range(4))
                sections.append(" ".join(f"{line} {rng.randint(1, 999)} Nm." for line in words) + "\n")
        (folder / f"manual-{number:03}.md").write_text("\n".join(sections), encoding="utf-8")
    (folder / "copy").mkdir()
    (folder / "copy" / "manual-000.md").write_bytes((folder / "manual-000.md").read_bytes())
    (folder / "prices.csv").write_text("part,price\nYaw pad P-17,320 SEK\nBrake disc P-18,2100 SEK\n")
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 cut off")
    (folder / "empty.md").write_text("")
    os.utime(folder / "empty.md", (0, 0))
    return folder
