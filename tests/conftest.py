from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import s3_server
from postgres_server import running_server
from sets import data_folder
from state_places import schemas

from metier import Expert
from metier.state.place import Place
from metier.state.postgres_state import PostgresState

DOCUMENTS = {
    "gearbox.md": "# Gearbox\n\n## Oil\n\nThe gearbox oil of the NV-110 is changed every 30 months.",
    "bolts.txt": "The blade root nuts of the NV-110 are tightened to 840 Nm.",
    "prices.csv": "part,price\nYaw pad P-17,320 SEK\nBrake disc P-18,2100 SEK\n",
    "বাংলা.md": "# নিরাপত্তা\n\nনীল চাবি টাওয়ারের দরজা খোলে।",
}


# Who is started in the background (nohup, a scheduler) ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Threads that wait for each other in torch are many times slower where tests run beside each other on the same cores.
os.environ["OMP_NUM_THREADS"] = "1"

# A busy machine is no fault of the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

# The longest files, which begin first, so that no worker is left alone with one of them at the end.
LONGEST = (
    "test_disk.py", "tuning/test_cli.py", "tuning/test_plan.py", "tuning/test_lora.py", "serving/test_killed.py",
    "cluster/test_ray.py", "dataset/test_training_rows.py", "flow/test_flow.py", "flow/test_sample_company.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.partition("::")[0].endswith(LONGEST))


def shared_data() -> Path:
    """The folder of the data sets; the test that asks for it is skipped where it is absent."""
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"the data sets are not at {folder} (set METIER_DATA)")
    return folder


def write_docs(folder: Path) -> Path:
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def docs(tmp_path) -> Path:
    return write_docs(tmp_path / "docs")


@pytest.fixture
def expert(tmp_path, docs):
    with Expert.create(tmp_path / "expert") as made:
        made.add(str(docs))
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[int]:
    """Port of a real PostgreSQL with pgvector."""
    with running_server() as server:
        yield server.port


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of a server that speaks S3."""
    with s3_server.running_server() as address:
        yield address


@pytest.fixture
def new_schema(postgres: int) -> Iterator[Callable[[], PostgresState]]:
    """Makes a place for a state in the PostgreSQL of the run."""
    with schemas(postgres) as make:
        yield make


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.slow)])
def state_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a state can be, one after the other; nothing is there yet."""
    if request.param == "file":
        return tmp_path / "state" / "catalog.sqlite"
    return request.getfixturevalue("new_schema")()


@pytest.fixture(scope="session")
def _synced(tmp_path_factory) -> Path:
    """An expert that has read `DOCUMENTS`, to be copied."""
    place = tmp_path_factory.mktemp("synced")
    with Expert.create(place / "turbines") as made:
        made.add(str(write_docs(place / "docs")))
        assert made.sync().added == len(DOCUMENTS)
    return place / "turbines"


@pytest.fixture
def turbines(_synced, docs, tmp_path) -> Path:
    """The folder of an expert that has read `docs`, which stands beside it."""
    return shutil.copytree(_synced, tmp_path / "turbines")


@pytest.fixture
def run_metier(tmp_path):
    """Run the command line in a process of its own, in `tmp_path`. See `call_metier`."""

    def run(*arguments: str, check: int | None = 0, **options) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from metier.cli import main; main()", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False, **options
        )
        assert "Traceback" not in done.stderr, done.stderr
        if check is not None:
            assert done.returncode == check, done.stderr
        return done

    return run


@pytest.fixture
def call_metier(tmp_path, monkeypatch):
    """The same in this process, which spares a second or two: for what is said and done, where starting and ending is
    not what is tested."""
    from metier.cli import main

    def call(*arguments: str, check: int | None = 0, input: str = "") -> subprocess.CompletedProcess[str]:
        code, said, told = 0, io.StringIO(), io.StringIO()
        with monkeypatch.context() as patched, contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
            patched.chdir(tmp_path)
            patched.setattr(sys, "argv", ["metier", *arguments])
            patched.setattr(sys, "stdin", io.StringIO(input))  # which is no terminal
            try:
                main()
            except SystemExit as stop:
                code = stop.code or 0
        if check is not None:
            assert code == check, told.getvalue()
        return subprocess.CompletedProcess(arguments, code, said.getvalue(), told.getvalue())

    return call
