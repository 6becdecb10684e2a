"""What one machine learned of the corpus and of practice questions, for all that answer from the same state: weights
of the fusion, how many passages are shown, when to refuse. Each is a small file in the folder of the state."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from metier.core.atomic import write_text
from metier.core.permissions import make_state_folder
from metier.state.place import Place, open_database

log = logging.getLogger(__name__)


class LearnedFiles:
    """`files`: where they are here. Where the state is a file, nobody else has them, and nothing is done."""

    def __init__(self, place: Place, files: Sequence[Path]) -> None:
        self._place, self._files = place, files

    def publish(self) -> None:
        """Let the others have what they say. Raises `StoreError`."""
        if isinstance(self._place, Path):
            return
        from sqlalchemy.dialects.postgresql import insert

        from metier.state.tables import learned_files

        there, known = [path for path in self._files if path.exists()], self._known()
        rows = [{"name": path.name, "content": path.read_text(encoding="utf-8")} for path in there]
        rows = [row for row in rows if known.get(row["name"]) != row["content"]]
        if rows:
            made = insert(learned_files)
            keeping = made.on_conflict_do_update(index_elements=["name"], set_={"content": made.excluded.content})
            with closing(open_database(self._place)) as database, database.writing() as connection:
                connection.execute(keeping, rows)

    def fetch(self) -> bool:
        """Have them say what was published last; whether one of them changed. Raises `StoreError`."""
        known, changed = self._known(), False
        for path in self._files:
            said = known.get(path.name)
            if said is None or (path.exists() and path.read_text(encoding="utf-8") == said):
                continue
            try:
                make_state_folder(path.parent)
                write_text(path, said)
                changed = True
            except OSError as error:  # it answers without
                log.warning("what was learned elsewhere cannot be kept in %s: %s", path, error.strerror or error)
        return changed

    def _known(self) -> dict[str, str]:
        if isinstance(self._place, Path):
            return {}
        import sqlalchemy as sa

        from metier.state.tables import learned_files

        with closing(open_database(self._place)) as database:
            return {row["name"]: row["content"] for row in database.read(sa.select(learned_files))}
