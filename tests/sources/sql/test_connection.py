"""What a database is read with: secrets that are shown nowhere, sessions that cannot write, connections that break."""

import logging
import signal
import subprocess
import sys
import time
from urllib.parse import quote, quote_plus

import pytest
from postgres_server import run_postgres

from metier import Expert
from metier.core.source_settings import SourceSettings
from metier.sources.sql import blocks, connection, source

from .conftest import PASSWORD, run_sqlite
from .test_tables import blocks_of

pytestmark = pytest.mark.slow
SPELLINGS = [PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), quote_plus(PASSWORD)]


@pytest.fixture
def at_once(monkeypatch):
    """No long pauses, and few rows at a time."""
    monkeypatch.setattr(connection, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(source, "_AT_ONCE", 5)


@pytest.fixture(params=["postgres", "mariadb"])
def server(request):
    return request.getfixturevalue(f"{request.param}_shop")


def test_a_password_is_shown_nowhere(server, call_metier, tmp_path, caplog, monkeypatch, at_once):
    caplog.set_level(logging.DEBUG)
    said = call_metier("init", "expert").stdout
    told = call_metier("add", server.address, "--table", "orders", "--auth-env", "SHOP_PASSWORD", "-e", "expert")
    said += told.stdout + told.stderr
    for verb in ("sync", "sync", "sources"):
        told = call_metier(verb, "-e", "expert")
        said += told.stdout + told.stderr
    said += call_metier("ask", "How many orders are there?", "-e", "expert", "--json").stdout
    assert '"text": "60"' in said
    assert "1 source, 1 document: 1 read" in said  # however many blocks it has
    monkeypatch.setenv("SHOP_PASSWORD", f"reader:{PASSWORD}-wrong")
    failed = call_metier("sync", "-e", "expert", check=1)
    assert "***" in failed.stdout or "enied" in failed.stdout or "authentication" in failed.stdout
    said += failed.stdout + failed.stderr + caplog.text
    kept = b"".join(path.read_bytes() for path in (tmp_path / "expert").rglob("*") if path.is_file())
    for spelling in SPELLINGS:
        assert spelling not in said
        assert spelling.encode() not in kept
    assert call_metier("ask", "How many orders are there?", "-e", "expert").stdout.startswith("60")


def test_an_address_with_a_password_is_refused_with_the_way_to_do_it(call_metier, tmp_path):
    call_metier("init", "expert")
    told = call_metier("add", "postgresql://reader:geheim@db.local/shop", "-e", "expert", check=2)
    assert "geheim" not in told.stdout + told.stderr
    assert "--auth-env" in told.stderr
    assert "geheim" not in (tmp_path / "expert" / "metier.toml").read_text()
    told = call_metier("add", "postgresql://db.local", "-e", "expert", check=2)
    assert "postgresql://user@host/database" in told.stderr


def test_a_variable_that_is_not_set_is_told(postgres_shop, reads, monkeypatch):
    expert = reads(postgres_shop)
    monkeypatch.delenv("SHOP_PASSWORD")
    report = expert.sync()
    assert report.unreachable
    assert "SHOP_PASSWORD" in report.failed[0].reason


def test_a_session_cannot_write_whatever_a_query_calls(postgres, postgres_shop, reads):
    postgres_shop.run(
        "CREATE FUNCTION emptied() RETURNS integer LANGUAGE plpgsql AS 'BEGIN DELETE FROM stock; RETURN 1; END'"
    )
    owner = postgres_shop.address.replace("reader@", "postgres@")
    with_name = type(postgres_shop)("postgresql", owner, None, postgres_shop.run)
    expert = reads(with_name, query="SELECT id, emptied() AS gone FROM orders", key=("id",))
    report = expert.sync()
    assert "read-only" in report.failed[0].reason
    assert postgres_shop.run("SELECT count(*) FROM stock") == [(24,)]


def test_a_connection_that_breaks_is_made_again_where_it_broke(server, reads, monkeypatch, at_once):
    expert, begins, calls = reads(server, tables=("orders",)), blocks._begins_block, []

    def breaking(key):
        calls.append(key)
        if len(calls) in (10, 25):
            _end_sessions(server)
        return begins(key)

    monkeypatch.setattr(blocks, "_begins_block", breaking)
    assert not expert.sync().failed
    assert len(calls) > 25
    assert expert.ask("How many orders are there?").text == "60"


def _end_sessions(shop):
    if shop.family == "postgresql":
        shop.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
        return
    for (number,) in shop.run("SELECT id FROM information_schema.processlist WHERE user = 'reader'"):
        shop.run(f"KILL {number}")


def test_what_is_out_of_reach_deletes_nothing(postgres, postgres_shop, reads, monkeypatch, at_once):
    expert = reads(postgres_shop, tables=("orders", "stock"))
    expert.sync()
    kept = len(blocks_of(expert, "orders")) + len(blocks_of(expert, "stock"))
    name = postgres_shop.address.rpartition("/")[2]
    everywhere = run_postgres(postgres, "postgres")
    begins, calls = blocks._begins_block, []

    def breaking(key):
        calls.append(key)
        if len(calls) == 10:
            everywhere(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            everywhere("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
        return begins(key)

    monkeypatch.setattr(blocks, "_begins_block", breaking)
    report = expert.sync()  # in the middle
    assert (report.deleted, report.kept) == (0, kept)
    assert report.failed
    report = expert.sync()  # from the beginning
    assert (report.deleted, report.kept, report.unreachable) == (0, kept, [f"{postgres_shop.address}#orders,stock"])
    assert expert.ask("How many orders are there?").text == "60"
    everywhere(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert expert.sync().unchanged == kept


def test_a_table_of_which_a_block_could_not_be_read_is_not_counted(sqlite_shop, reads, monkeypatch):
    expert = reads(sqlite_shop, tables=("orders",))
    read = source.SqlSource._read

    def failing(self, reader, span):
        if span.start is not None and span.stop is None:
            raise source.SourceError("is locked")
        return read(self, reader, span)

    with monkeypatch.context() as patched:
        patched.setattr(source.SqlSource, "_read", failing)
        assert len(expert.sync().failed) == 1
        assert expert.ask("How many orders are there?").tables is None
    expert.sync(retry=True)
    assert expert.ask("How many orders are there?").text == "60"


def test_a_sync_that_is_killed_is_finished_by_the_next(tmp_path, small_blocks):
    run = run_sqlite(tmp_path / "shop.db")
    run("CREATE TABLE part (id INTEGER PRIMARY KEY, name TEXT, price REAL)")
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
        "INSERT INTO part SELECT i, 'Bolt ' || i, i / 4.0 FROM n")  # fmt: skip
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(f"sqlite:///{tmp_path}/shop.db")
    command = (
        "from metier import Expert; from metier.sources.sql import blocks; "
        "blocks.SMALLEST, blocks.USUAL, blocks.LARGEST = 5, 8, 20; "
        f"print('begun', flush=True); Expert.open({str(tmp_path / 'expert')!r}).sync()"
    )
    for seconds in (1.2, 2.2):
        process = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    with Expert.open(tmp_path / "expert") as expert:
        report = expert.sync()
        assert not report.failed
        assert expert.runtime.store.counts()[1] == 200
        assert expert.ask("How many parts are there?").text == "200"
        assert expert.sync().unchanged == expert.runtime.store.counts()[0]


def test_an_sqlite_file_is_named_from_where_one_stands(sqlite_shop, call_metier, tmp_path):
    call_metier("init", "expert")
    assert "does not exist" in call_metier("add", "sqlite:///none.db", "-e", "expert", check=2).stderr
    call_metier("add", "sqlite:///shop.db", "--table", "stock", "-e", "expert")
    with Expert.open(tmp_path / "expert") as expert:
        assert expert.settings.sources == (SourceSettings(url="sqlite:///../shop.db", tables=("stock",)),)
        assert expert.sync().passages == 24
        (tmp_path / "shop.db").rename(tmp_path / "away.db")
        report = expert.sync()
        assert (report.deleted, len(report.unreachable)) == (0, 1)
