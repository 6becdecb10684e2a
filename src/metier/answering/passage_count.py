"""How many passages an answer is read from: metier.toml says it, or calibration learned it, or the default serves."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from metier.core.atomic import write_text

DEFAULT_PASSAGES = 4


@dataclass(frozen=True, slots=True)
class PassageCount:
    """`passages`: how many. `origin`: who chose it ("default", "practice", "metier.toml"); `questions`: on how many
    practice questions."""

    passages: int = DEFAULT_PASSAGES
    origin: str = "default"
    questions: int = 0

    @classmethod
    def load(cls, path: Path) -> PassageCount:
        """What calibration saved; the default where it saved nothing readable."""
        try:
            saved = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()
        return saved if isinstance(saved.passages, int) and saved.passages >= 1 else cls()

    def save(self, path: Path) -> None:
        write_text(path, json.dumps(asdict(self)))
