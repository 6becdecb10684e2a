from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from metier.core.errors import InputError, StoreError
from metier.serving.auth.keys import Keys

GROUPS = ("রক্ষণাবেক্ষণ", "سلامة", "维修", "safety, night")


@pytest.fixture
def keys(state_place, clock):
    """In each place that a state can be in."""
    opened = Keys(state_place, clock.now)
    yield opened
    opened.close()


@pytest.fixture
def file_keys(tmp_path, clock):
    opened = Keys(tmp_path / ".metier" / "catalog.sqlite", clock.now)
    yield opened
    opened.close()


def every_byte(folder: Path) -> bytes:
    """Of the file and what SQLite keeps beside it."""
    files = list(folder.glob("catalog.sqlite*"))
    assert files
    return b"".join(file.read_bytes() for file in files)


def test_a_key_is_found_by_its_secret(keys):
    key, secret = keys.create("কর্মশালার ট্যাবলেট", GROUPS, ("admin", "ask"), rate=60)
    assert keys.check(secret) == key
    assert (key.name, key.groups, key.scopes, key.rate) == ("কর্মশালার ট্যাবলেট", GROUPS, ("ask", "admin"), 60)
    assert (key.created, key.expires, key.revoked, key.last_used) == ("2031-05-04T12:00:00+00:00", None, None, None)


def test_public_only_and_everything_are_told_apart(keys):
    public, all_documents = keys.create("a", ())[1], keys.create("b", None)[1]
    assert keys.check(public).groups == ()
    assert keys.check(all_documents).groups is None


def test_secrets_are_random_and_never_on_disk(file_keys, tmp_path):
    made = [file_keys.create("a") for _ in range(20)]
    assert len({key.id for key, _ in made}) == len({secret[-43:] for _, secret in made}) == 20
    held = every_byte(tmp_path / ".metier")
    for key, secret in made:
        assert key.id.encode() in held
        assert secret[-43:].encode() not in held
        assert secret[-43:-20].encode() not in held


def test_only_the_owner_of_the_file_may_read_it(tmp_path, file_keys):
    file_keys.create("a")
    for file in (tmp_path / ".metier").glob("catalog.sqlite*"):
        if file.suffix == ".lock":
            continue
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_wrong_secrets(keys):
    key, secret = keys.create("a")
    other, _ = keys.create("b")
    turned = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    for wrong in (
        turned, secret.replace(key.id, other.id), secret.replace(key.id, "0" * 12), secret + "A", secret[:-1],
        secret.upper(), f" {secret}", f"{secret}\n", "", "mtr_", f"mtr_{key.id}_", f"mtr_{key.id}", "x" * 10**6,
        f"mtr_{key.id}_{'é' * 43}", "mtr_' OR 1=1 --_" + "A" * 43, "\ud800",
    ):  # fmt: skip
        assert keys.check(wrong) is None, wrong[:80]
    assert keys.check(secret) == key


def test_a_key_expires(keys, clock):
    key, secret = keys.create("a", expires=clock.time + timedelta(days=90))
    clock.go_on(90 * 86400 - 1)
    assert keys.check(secret)
    assert keys.active(key.id)
    assert keys.any_active()
    clock.go_on(1)
    assert keys.check(secret) is None
    assert keys.active(key.id) is None
    assert not keys.any_active()
    assert [key.state(clock.time) for key in keys.list_keys()] == ["expired"]


def test_a_time_in_another_zone_is_the_same_time(keys, clock):
    dhaka = clock.time.astimezone(timezone(timedelta(hours=6)))
    assert keys.create("a", expires=dhaka + timedelta(hours=1))[0].expires == "2031-05-04T13:00:00+00:00"


def test_a_key_is_revoked_for_good(keys, clock):
    key, secret = keys.create("a", expires=clock.time + timedelta(days=1))
    assert not keys.create("b")[0].revoked
    clock.go_on(5)
    revoked = keys.revoke(key.id)
    assert revoked.revoked == "2031-05-04T12:00:05+00:00"
    clock.go_on(86400)
    assert keys.revoke(key.id) == revoked
    assert revoked.state(clock.time) == "revoked"
    assert keys.check(secret) is None
    assert keys.active(key.id) is None
    assert [key.name for key in keys.list_keys() if key.revoked] == ["a"]


def test_a_secret_that_turned_up_can_be_revoked_itself(keys):
    key, secret = keys.create("a")
    assert keys.revoke(secret).id == key.id
    assert keys.check(secret) is None


def test_revoking_what_there_is_not(keys):
    for unknown in ("000000000000", "", "a' OR '1'='1"):
        with pytest.raises(InputError, match="metier keys list"):
            keys.revoke(unknown)


def test_revoking_the_last_key_does_not_undo_that_there_were_keys(keys):
    assert not keys.exist()
    assert not keys.any_active()
    key, _ = keys.create("a")
    assert keys.exist()
    assert keys.any_active()
    keys.revoke(key.id)
    assert keys.exist()
    assert not keys.any_active()


def test_the_newest_comes_first(keys, clock):
    for name in "abc":
        keys.create(name)
    clock.go_on(60)
    keys.create("d")
    assert [key.name for key in keys.list_keys()] == ["d", "c", "b", "a"]


def test_the_last_use_is_written_at_most_once_a_minute(keys, clock):
    key, secret = keys.create("a")
    seen = []
    for seconds in (0, 59, 1, 30, 30):
        clock.go_on(seconds)
        keys.check(secret)
        seen.append(keys.list_keys()[0].last_used[11:19])
    assert seen == ["12:00:00", "12:00:00", "12:01:00", "12:01:00", "12:02:00"]
    clock.go_on(60)
    keys.active(key.id)
    assert keys.list_keys()[0].last_used[11:19] == "12:03:00"


def test_a_wrong_secret_is_no_use_of_the_key(keys):
    _, secret = keys.create("a")
    keys.check(secret[:-3] + "AAA")
    assert keys.list_keys()[0].last_used is None


def test_a_good_key_holds_where_its_use_cannot_be_written(file_keys, monkeypatch):
    _, secret = file_keys.create("a")

    @sa.event.listens_for(file_keys._database._engine, "connect")
    def read_only(connection, _record):
        connection.execute("PRAGMA query_only=1")

    file_keys._database._engine.dispose()
    assert file_keys.check(secret)
    assert file_keys.list_keys()[0].last_used is None
    with pytest.raises(StoreError, match="cannot be written"):
        file_keys.create("b")


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x1b[31m", "x" * 101, "\ud800"])
def test_names_that_are_none(keys, name):
    with pytest.raises(InputError, match="name of a key"):
        keys.create(name)
    with pytest.raises(InputError, match="a group"):
        keys.create("a", (name,))
    assert keys.list_keys() == []


def test_names_with_joiners(keys):
    name = "র‍্যাক می‌خواهم"  # ZERO WIDTH JOINER and NON-JOINER are part of how these are spelt
    assert keys.create(f" {name} ")[0].name == name


def test_what_makes_no_sense_is_refused(keys, clock):
    for wrong, said in (
        ({"scopes": ("ask", "root")}, "no scope 'root'"),
        ({"scopes": ()}, "without scopes"),
        ({"expires": clock.time}, "expired already"),
        ({"expires": datetime(2001, 1, 1, tzinfo=UTC)}, "expired already"),
        ({"rate": 0}, "0 requests"),
        ({"groups": ("*",)}, "--all-groups"),
    ):
        with pytest.raises(InputError, match=said):
            keys.create("a", **wrong)
    assert keys.list_keys() == []


def test_a_damaged_file_is_told(tmp_path):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"cannot be opened.*restore it from a backup") as caught:
        Keys(path).list_keys()
    assert caught.value.where == str(path)


def test_a_folder_that_is_none_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        Keys(tmp_path / "file" / "catalog.sqlite").create("a")


def test_every_commit_is_synced(file_keys):
    with file_keys._database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def in_another_process(code: str, path: Path, *, stdin: str = "") -> subprocess.CompletedProcess[str]:
    head = "import os, signal, sys\nfrom pathlib import Path\nfrom metier.serving.auth.keys import Keys\n"
    code = f"{head}keys = Keys(Path({str(path)!r}))\n{code}"
    return subprocess.run([sys.executable, "-c", code], input=stdin, capture_output=True, text=True, check=False)


DIE = "sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)"


def test_what_was_said_survives_kill_9(tmp_path):
    path = tmp_path / "catalog.sqlite"
    done = in_another_process(f"print(keys.create('ক', ['খ'])[1]); {DIE}", path)
    assert done.returncode == -signal.SIGKILL
    secret = done.stdout.strip()
    opened = Keys(path)
    assert opened.check(secret).groups == ("খ",)
    opened.close()
    done = in_another_process(f"print(keys.revoke({secret!r}).revoked); {DIE}", path)
    assert done.returncode == -signal.SIGKILL
    opened = Keys(path)
    assert [key.revoked for key in opened.list_keys()] == [done.stdout.strip()]
    assert opened.check(secret) is None
    opened.close()


def test_a_running_server_heeds_another_process(tmp_path):
    path = tmp_path / "catalog.sqlite"
    opened = Keys(path)
    _, mine = opened.create("a")
    done = in_another_process("keys.revoke(sys.stdin.read()); print(keys.create('b')[1])", path, stdin=mine)
    assert opened.check(mine) is None
    assert opened.check(done.stdout.strip()).name == "b"
    opened.close()


def test_many_at_once(tmp_path):
    """Threads that each open the file again, as processes do, and make, check and revoke."""
    path, failed, made = tmp_path / "catalog.sqlite", [], []

    def work() -> None:
        try:
            opened = Keys(path)
            for number in range(5):
                key, secret = opened.create(f"{number}")
                assert opened.check(secret).id == key.id
                made.append(opened.revoke(key.id).id)
            opened.close()
        except BaseException as error:  # noqa: BLE001 (a thread's error would be lost)
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    opened = Keys(path)
    assert {key.id for key in opened.list_keys() if key.revoked} == set(made)
    assert len(made) == 40
    opened.close()
