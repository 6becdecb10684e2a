"""`metier tune --sql` from the outside: rows of the tables, an adapter with its measure, asked where no rule answers
and by those alone who may read the tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metier import Expert
from metier.core.errors import InputError
from metier.dataset.rows import load
from metier.services.sql_adapters import ROWS_FILE, SqlAdapterOptions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
STAFF = "Name,Room,Pay\nAda,12,3100\nBo,14,2800\nCid,12,2650\nDee,14,2900\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An expert on a table that the board alone may read."""
    folder = tmp_path_factory.mktemp("sql")
    (folder / "staff.csv").write_text(STAFF, encoding="utf-8")
    with Expert.create(folder / "expert") as expert:
        expert.add(str(folder / "staff.csv"), groups=["board"])
        expert.sync()
    return folder / "expert"


def test_an_adapter_for_queries_is_made_measured_and_asked(folder: Path) -> None:
    with Expert.open(folder) as expert:
        with pytest.raises(InputError, match="no tables"):
            expert.sql_adapters.tune(wanted=SqlAdapterOptions(count=6))
        stages: set[str] = set()
        made = expert.sql_adapters.tune(
            wanted=SqlAdapterOptions(count=6, groups=None),
            tell=lambda stage, *_: stages.add(stage),
            max_steps=1,
            validation=0,
        )
        assert made.card.reference == "expert-sql@1"
        assert (made.card.result["rows"], made.questions) == (6, 1)
        assert made.card.exam == {"sql_questions": 1, "sql_exact_before": made.before, "sql_exact": made.after}
        assert made.before in (0.0, 1.0)
        assert made.after in (0.0, 1.0)
        assert stages == {"Making questions", "Asking the model", "Asking the adapter"}
        rows = load(folder / ".metier" / ROWS_FILE)
        assert len(rows) == 6
        assert all("SELECT" in row.completion or row.completion.endswith("NO") for row in rows)
        assert len(made.card.documents) == 1
        assert made.card.groups == (("board",),)
        assert expert.adapters.for_sql() is None
    settings = folder / "metier.toml"
    settings.write_text(f'{settings.read_text("utf-8")}\n[answering]\nsql_adapter = "expert-sql"\n', "utf-8")
    with Expert.open(folder) as expert:
        assert expert.adapters.for_sql(("sales",)) is None
        assert expert.adapters.for_sql(("board",)) == "expert-sql@1"
        assert expert.ask("What is the average pay of the staff?").text == "2862.5"  # a rule, not the adapter
        assert expert.adapters.has_loaded(made.card)


def test_the_command_says_what_is_missing(tmp_path: Path, call_metier) -> None:
    Expert.create(tmp_path / "empty").close()
    done = call_metier("tune", "--sql", "-e", "empty", check=2)
    assert "no tables to write queries for" in done.stderr
    assert json.loads(call_metier("adapters", "list", "-e", "empty", "--json").stdout) == []
