"""What is told where the database of a store cannot be used, and what becomes of work that is cut off."""

from __future__ import annotations

import contextlib
import itertools
import socket
import sys
import threading

import pytest
from conformance import IDENTITY, put
from postgres_server import free_port, run_postgres, running_server

from metier.core.errors import DatabaseUnavailable, MetierError, StoreError
from metier.core.settings import StoreSettings
from metier.store import open_store
from metier.store.postgres import connections
from metier.store.postgres.postings import Postings

pytestmark = pytest.mark.slow
PASSWORD = "s3cret:p@ss/word"
_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """No long pauses."""
    monkeypatch.setattr(connections, "PAUSES", (0.01, 0.1, 0.1))
    monkeypatch.setattr(connections, "_PATIENCE", 1.0)


@pytest.fixture
def settings(postgres):
    """A database of its own."""
    name = f"errors{next(_NUMBERS)}"
    run_postgres(postgres, "postgres")(f"CREATE DATABASE {name}")
    yield StoreSettings(backend="postgres", url=f"postgresql://postgres@127.0.0.1:{postgres}/{name}", namespace="own")
    run_postgres(postgres, "postgres")(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def run(postgres, settings):
    return run_postgres(postgres, settings.url.rpartition("/")[2])


@pytest.fixture
def refused(tmp_path, settings):
    """What is told where the store cannot be opened with these changes."""

    def told(url: str | None = None, **changes: object) -> str:
        changed = settings.model_copy(update={"url": url or settings.url, **changes})
        with pytest.raises(StoreError) as caught:
            open_store(tmp_path, changed, IDENTITY)
        assert "\n" not in caught.value.message
        assert PASSWORD not in caught.value.message
        assert caught.value.hint
        return caught.value.message

    return told


@pytest.fixture
def writer(postgres):
    """An account that is asked for a password, and may do nothing."""
    everywhere = run_postgres(postgres, "postgres")
    if not everywhere("SELECT 1 FROM pg_roles WHERE rolname = 'writer'"):
        everywhere("CREATE ROLE writer LOGIN")
    everywhere(f"ALTER ROLE writer PASSWORD '{PASSWORD}'")


def test_what_cannot_be_reached_is_told_in_a_line(refused, settings, postgres, writer, monkeypatch):
    url = f"postgresql://writer@127.0.0.1:{postgres}/postgres"
    assert "STORE_LOGIN, which is not set" in refused(url, auth_env="STORE_LOGIN")
    monkeypatch.setenv("STORE_LOGIN", f"{PASSWORD}-wrong")
    assert "password authentication failed" in refused(url, auth_env="STORE_LOGIN")
    assert "no password supplied" in refused(url)
    assert '"nowhere" does not exist' in refused(settings.url.rpartition("/")[0] + "/nowhere")
    assert "onnection refused" in refused(f"postgresql://postgres@127.0.0.1:{free_port()}/postgres")
    assert "host.invalid" in refused("postgresql://postgres@host.invalid/postgres")


def test_a_server_that_hangs_up_on_tls_is_asked_again(settings, tmp_path):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken, _ = server.accept()
                    with taken:
                        asked.append(taken.recv(8))
                        taken.sendall(b"S")
                        taken.recv(65536)

        threading.Thread(target=hang_up, daemon=True).start()
        port = server.getsockname()[1]
        away = settings.model_copy(update={"url": f"postgresql://a@127.0.0.1:{port}/db?sslmode=require"})
        with pytest.raises(DatabaseUnavailable, match="SSL"):
            open_store(tmp_path, away, IDENTITY)
        server.shutdown(socket.SHUT_RDWR)
    assert len(asked) == 3


def test_what_the_account_may_not_do_is_told_with_what_an_administrator_does(
    refused, settings, postgres, writer, run, monkeypatch
):
    monkeypatch.setenv("STORE_LOGIN", PASSWORD)
    url = settings.url.replace("postgres@", "writer@")
    assert "permission denied for database" in refused(url, auth_env="STORE_LOGIN")
    run('CREATE SCHEMA "own" AUTHORIZATION writer')
    told = refused(url, auth_env="STORE_LOGIN")
    assert 'permission denied to create extension "vector"' in told
    assert "CREATE EXTENSION vector" in told


def test_a_server_without_pgvector_is_told_of(refused, run, settings):
    name = settings.url.rpartition("/")[2]
    run(f"ALTER DATABASE {name} SET extension_control_path = '/nowhere'")
    assert "pgvector is not installed on this server" in refused()


def test_a_pgvector_that_is_too_old_is_told_of(refused, run):
    run("CREATE EXTENSION vector")
    run("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    assert "pgvector 0.7.4 is installed, and 0.8.0 or newer is needed" in refused()


def test_a_store_of_a_newer_release_is_refused(refused, run, settings, tmp_path):
    put(open_store(tmp_path, settings, IDENTITY), "a.md", ["one"])
    run("UPDATE own.store_version SET version_num = '9999'")
    assert "a newer Métier has written this store (revision 9999" in refused()
    run("UPDATE own.store_version SET version_num = '0001'")
    assert open_store(tmp_path, settings, IDENTITY).counts() == (1, 1)


def test_psycopg_that_is_not_installed_is_told_of(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("metier.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MetierError, match=r"pip install \"metier\[postgres\]\""):
        open_store(tmp_path, StoreSettings(backend="postgres", url="postgresql://host/name"), IDENTITY)


def end_sessions(run) -> None:
    run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )


@pytest.fixture
def cut_off(run, monkeypatch):
    """Ends all sessions in the middle of the next so many commits."""
    change, left = Postings.change, [0]

    def changed(*given, **more):
        if left[0]:
            left[0] -= 1
            end_sessions(run)
        return change(*given, **more)

    monkeypatch.setattr(Postings, "change", changed)
    return left


def test_a_commit_that_is_cut_off_is_done_again(settings, tmp_path, cut_off):
    store = open_store(tmp_path, settings, IDENTITY)
    put(store, "a.md", ["old one", "old two"])
    cut_off[0] = 2
    put(store, "a.md", ["new one"], content_hash="2")
    assert cut_off[0] == 0
    assert [hit.passage.text for hit in store.lexical(["one"], 9)] == ["new one"]
    assert store.frequencies(["old", "one"]).tolist() == [0, 1]
    assert store.counts() == (1, 1)


def test_a_commit_that_is_cut_off_again_and_again_leaves_what_was_there(settings, tmp_path, cut_off):
    store = open_store(tmp_path, settings, IDENTITY)
    put(store, "a.md", ["old one"])
    cut_off[0] = 100
    with pytest.raises(StoreError, match=r"a\.md: terminating connection") as caught:
        put(store, "a.md", ["new one"], content_hash="2")
    assert "nothing is half written" in caught.value.message
    cut_off[0] = 0
    assert [hit.passage.text for hit in store.lexical(["one"], 9)] == ["old one"]
    assert dict(store.hashes()) == open_store(tmp_path, settings, IDENTITY).hashes()
    put(store, "a.md", ["new one"], content_hash="2")
    assert [hit.passage.text for hit in store.lexical(["one"], 9)] == ["new one"]


def test_sessions_that_ended_while_nobody_asked_are_made_again(settings, tmp_path, run):
    store = open_store(tmp_path, settings, IDENTITY)
    put(store, "a.md", ["one"])
    end_sessions(run)
    assert [hit.passage.text for hit in store.lexical(["one"], 9)] == ["one"]


def test_a_server_that_is_stopped_is_told_of_and_used_again_once_it_runs(tmp_path):
    with running_server() as server:
        url = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        store = open_store(tmp_path, StoreSettings(backend="postgres", url=url, namespace="own"), IDENTITY)
        put(store, "a.md", ["one"])
        server.stop()
        for _ in range(2):
            with pytest.raises(StoreError, match="refused"):
                store.lexical(["one"], 9)
        with pytest.raises(StoreError, match="refused"):
            put(store, "b.md", ["two"])
        server.start()
        assert [hit.passage.text for hit in store.lexical(["one"], 9)] == ["one"]
        put(store, "b.md", ["two"])
        assert store.counts() == (2, 2)
