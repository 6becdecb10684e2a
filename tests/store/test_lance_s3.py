"""The LanceDB store on object storage: an S3 server (moto) on this machine."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
import s3_server
from conformance import IDENTITY, StoreConformance, put, vector_of
from flaky_proxy import FlakyProxy

from metier.core import object_storage
from metier.core.documents import document_id
from metier.core.errors import DatabaseUnavailable, InputError, SettingsError, StoreError
from metier.core.settings import StoreSettings
from metier.store import open_store as open_at
from metier.store.lance import leases, local_copy, object_files, shared_generations, store

s3fs = pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow

SECRET = "s3cr3t-8841"

_buckets = itertools.count(1)


@pytest.fixture
def address(s3_endpoint, monkeypatch):
    """In an empty bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("STORE_LOGIN", f"anna:{SECRET}")
    name = f"store-{next(_buckets)}"
    request(s3_endpoint, f"/{name}", "PUT")
    return f"s3://{name}/plant"


@pytest.fixture
def open_store(address, tmp_path):
    def open_again(identity=IDENTITY, *, replace=False, **options):
        settings = StoreSettings(url=address, auth_env="STORE_LOGIN", **options)
        return open_at(tmp_path / "store", settings, identity, replace=replace)

    return open_again


def request(endpoint: str, path: str, method: str, data: bytes | None = None) -> None:
    headers = {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(endpoint + path, data, headers, method=method)).close()


class Bucket:
    """What is below an address, looked at past the store."""

    def __init__(self, address: str, endpoint: str) -> None:
        self.name, _, self._below = address.removeprefix("s3://").partition("/")
        login = {"aws_access_key_id": "anna", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
        self._client = boto3.client("s3", endpoint_url=endpoint, **login)

    def names(self, below: str = "") -> list[str]:
        prefix = f"{self._below}/"
        found = self._client.list_objects_v2(Bucket=self.name, Prefix=prefix + below).get("Contents", [])
        return [each["Key"].removeprefix(prefix) for each in found]

    @property
    def indexes(self) -> set[str]:
        return {first for name in self.names() if (first := name.split("/")[0]).isdigit()}

    def change_lease(self, **changed: object) -> None:
        """The one in force."""
        key = f"{self._below}/{max(self.names('leases/'))}"
        lease = json.loads(self._client.get_object(Bucket=self.name, Key=key)["Body"].read())
        self._client.put_object(Bucket=self.name, Key=key, Body=json.dumps(lease | changed).encode())

    def expire_lease(self) -> None:
        """As if its holder had been on another machine and had stood still for a minute."""
        self.change_lease(renewed=time.time() - leases.LASTS - 1)


@pytest.fixture
def bucket(address, s3_endpoint):
    return Bucket(address, s3_endpoint)


_of_filters = StoreConformance.test_filters_hold_for_both_searches_before_ranking


class TestLanceOnS3(StoreConformance):
    @pytest.mark.parametrize(("where", "uris"), _of_filters.pytestmark[0].args[1][2::6])
    def test_filters_hold_for_both_searches_before_ranking(self, open_store, where, uris):
        """Some of them, for the sake of time: the embedded store holds to all by the same conditions."""
        _of_filters(self, open_store, where, uris)


# --- readers -------------------------------------------------------------------------------------------------------


def test_who_reads_while_another_machine_rebuilds_goes_on_until_they_look_again(open_store, bucket, monkeypatch):
    put(open_store(), "a.md", ["old words"])
    reader = open_store()
    rebuilt = open_store(replace=True)
    put(rebuilt, "a.md", ["new words"])
    rebuilt.optimize()
    assert [hit.passage.text for hit in reader.lexical(["words"], 3)] == ["old words"]
    rebuilt.publish()
    assert len(bucket.indexes) == 2
    assert [hit.passage.text for hit in reader.dense(vector_of("x"), 3)] == ["old words"]
    reader.refresh()
    assert [hit.passage.text for hit in reader.lexical(["words"], 3)] == ["new words"]
    late = open_store()
    monkeypatch.setattr(shared_generations, "_KEPT", 0.0)  # an hour later
    late.optimize()
    assert len(bucket.indexes) == 1
    assert [hit.passage.text for hit in open_store().lexical(["words"], 3)] == ["new words"]


def test_a_server_hears_of_what_another_machine_wrote(open_store, monkeypatch):
    reader = open_store()
    before = reader.written()
    put(open_store(), "a.md", ["words"])
    assert reader.written() == before, "it looks every few seconds"
    monkeypatch.setattr(shared_generations, "_LOOK_AGAIN", 0.0)
    assert reader.written() != before
    now = reader.written()
    assert reader.written() == now


def test_statistics_are_fetched_once_and_kept_on_this_machine(open_store, tmp_path, monkeypatch):
    writer = open_store()
    put(writer, "a.md", ["nut torque", "nut oil"])
    writer.optimize()
    assert open_store().frequencies(["nut"]).tolist() == [2]
    kept = sorted(path.name for path in (tmp_path / "store" / "fetched").iterdir() if path.is_file())
    assert [name.split(".")[0] for name in kept] == ["frequencies"]
    fetched: list[str] = []
    read = object_files.ObjectFiles.read
    monkeypatch.setattr(object_files.ObjectFiles, "read", lambda self, name: fetched.append(name) or read(self, name))
    reader = open_store()
    for _ in range(3):
        assert reader.frequencies(["nut"]).tolist() == [2]
    assert "frequencies.npy" not in fetched
    put(writer, "b.md", ["nut"])
    writer.optimize()
    reader.refresh()
    assert reader.frequencies(["nut"]).tolist() == [3]
    assert len(list((tmp_path / "store" / "fetched").glob("frequencies*"))) == 1


def test_pruning_leaves_no_index_that_went_out_of_use_in_the_bucket_or_in_copies(
    open_store, bucket, tmp_path, monkeypatch
):
    put(open_store(), "a.md", ["old words"])
    reader = open_store()
    assert len(reader.lexical(["words"], 3)) == 1
    rebuilt = open_store(replace=True)
    put(rebuilt, "a.md", ["new words"])
    rebuilt.publish()
    assert len(bucket.indexes) == 2
    rebuilt.prune(datetime.now(UTC))
    assert len(bucket.indexes) == 1
    monkeypatch.setattr(local_copy, "_KEPT", -1.0)  # an hour later
    reader.refresh()
    assert [hit.passage.text for hit in reader.lexical(["words"], 3)] == ["new words"]
    copies = [path.name for path in (tmp_path / "store" / "fetched").iterdir() if path.is_dir()]
    assert set(copies) == bucket.indexes


# --- writers -------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_told_who_writes(open_store, monkeypatch):
    monkeypatch.setattr(shared_generations, "_PATIENCE", 0.0)
    first, second = open_store(), open_store()
    with first.writing():
        put(first, "a.md", ["one"])
        with pytest.raises(InputError, match=r"process \d+ on .*, since .* its lease ends by itself in \d+ s"):
            put(second, "b.md", ["two"])
    put(second, "b.md", ["two"])
    assert set(open_store().uris()) == {"a.md", "b.md"}
    with pytest.raises(InputError), second.writing():
        put(first, "a.md", ["three"])


def test_of_writers_at_once_none_loses_a_commit(open_store, monkeypatch):
    """Each waits for the others, and sees what they wrote before it writes."""
    monkeypatch.setattr(shared_generations, "_PATIENCE", 60.0)
    monkeypatch.setattr(leases, "_LOOK_AGAIN", 0.05)
    open_store()

    def write(name: str) -> None:
        own = open_store()
        for number in range(2):
            put(own, f"{name}.md", [f"{name} {number}", f"{name} {number} too"], content_hash=str(number))
            put(own, "shared.md", [f"by {name} {number}"], content_hash=f"{name} {number}")

    writing = [threading.Thread(target=write, args=(name,)) for name in ("anna", "bina")]
    for thread in writing:
        thread.start()
    for thread in writing:
        thread.join()
    store = open_store()
    assert set(store.uris()) == {"anna.md", "bina.md", "shared.md"}
    assert store.counts() == (3, 5)
    (shared,) = store.passages(document_id("shared.md"))
    assert shared.text == f"by {store.hashes()[document_id('shared.md')]}"


def test_a_writer_that_lost_its_lease_writes_nothing_more(open_store, bucket):
    """It stood still for a minute, and does not know of it yet: not what it writes decides, but who has the lease."""
    first, second = open_store(), open_store()
    with first.writing():
        put(first, "a.md", ["committed"])
        bucket.expire_lease()
        put(second, "b.md", ["by the other"])
        with pytest.raises(StoreError, match="another writer has taken over"):
            put(first, "c.md", ["too late"])
        with pytest.raises(StoreError, match="another writer has taken over"):
            first.delete([document_id("a.md")])
    assert set(open_store().uris()) == {"a.md", "b.md"}
    put(first, "c.md", ["again"])
    assert set(open_store().uris()) == {"a.md", "b.md", "c.md"}


def test_a_lease_whose_answer_was_lost_is_held_all_the_same(open_store, bucket, monkeypatch):
    store, put_object = open_store(), leases.put

    def answered_twice(*given, only_new: bool = False) -> None:
        put_object(*given, only_new=only_new)
        if only_new:  # the client asked again
            put_object(*given, only_new=only_new)

    monkeypatch.setattr(leases, "put", answered_twice)
    put(store, "a.md", ["words"])
    assert open_store().counts() == (1, 1)


def test_a_turn_that_cannot_be_taken_over_whole_is_let_go(open_store, bucket, monkeypatch):
    first, second = open_store(), open_store()
    with first.writing():
        put(first, "a.md", ["words"])
        bucket.expire_lease()
        with monkeypatch.context() as changed:
            changed.setattr(object_files.ObjectFiles, "connect", lambda _: (_ for _ in ()).throw(StoreError("away")))
            with pytest.raises(StoreError, match="away"):
                second.writing().__enter__()
        put(second, "b.md", ["words"])
        with pytest.raises(StoreError, match="taken over"):
            put(first, "c.md", ["words"])
    assert open_store().counts() == (2, 2)


def test_the_index_of_another_expert_is_refused(open_store):
    put(open_store(expert="turbines"), "a.md", ["words"])
    for replaced in (False, True):
        with pytest.raises(StoreError, match='is of the expert "turbines", and this is "bakery"'):
            open_store(expert="bakery", replace=replaced)
    rebuilt = open_store(expert="turbines", replace=True)
    rebuilt.publish()
    with pytest.raises(StoreError, match='is of the expert "turbines"'):
        open_store(expert="bakery")


def test_a_rebuild_that_lost_its_lease_is_not_published(open_store, bucket):
    put(open_store(), "a.md", ["old"])
    rebuilt = open_store(replace=True)
    with rebuilt.writing():
        put(rebuilt, "a.md", ["rebuilt"])
        bucket.expire_lease()
        put(open_store(), "b.md", ["by the other"])
        with pytest.raises(StoreError, match="another writer has taken over"):
            rebuilt.publish()
    assert set(open_store().uris()) == {"a.md", "b.md"}


def test_a_lease_is_renewed_and_its_holder_stops_where_that_fails(open_store, bucket, monkeypatch):
    monkeypatch.setattr(leases, "_RENEWED_EVERY", 0.05)
    store = open_store()
    with store.writing():
        bucket.change_lease(renewed=0.0)
        wait_for(lambda: bucket_lease(bucket)["renewed"] > 0)
        monkeypatch.setattr(leases.LeaseLog, "update", lambda *_: (_ for _ in ()).throw(StoreError("away")))
        monkeypatch.setattr(leases, "_now", lambda: time.monotonic() + 1e6)
        with pytest.raises(StoreError, match="could not be reached for a minute"):
            put(store, "a.md", ["one"])


def bucket_lease(bucket: Bucket) -> dict[str, object]:
    key = f"{bucket._below}/{max(bucket.names('leases/'))}"
    return json.loads(bucket._client.get_object(Bucket=bucket.name, Key=key)["Body"].read())


def wait_for(there) -> None:
    until = time.monotonic() + 20
    while not there():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_writer_that_is_killed_leaves_whole_documents_and_no_lock(open_store, address, tmp_path):
    child = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from conformance import IDENTITY, put
from metier.core.settings import StoreSettings
from metier.store import open_store
store = open_store(Path({str(tmp_path / "theirs")!r}), StoreSettings(url={address!r}, auth_env="STORE_LOGIN"), IDENTITY)
with store.writing():
    for n in range(1000):
        put(store, f"{{n % 3}}.md", [f"{{n}} one", f"{{n}} two"], content_hash=str(n))
        print(n, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) >= 7:
                process.kill()
                break
    store = open_store()
    assert store.counts() == (3, 6)
    for name in store.uris().values():
        assert len({passage.text.split()[0] for passage in store.passages(name)}) == 1
    put(store, "after.md", ["works on"])
    assert store.counts() == (4, 7)


# --- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch):
    """Nothing is tried again for long."""
    monkeypatch.setattr(store, "_PAUSES", (0.1,))
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setitem(object_storage.WAITS["s3"]["config_kwargs"], "retries", {"max_attempts": 0})
    monkeypatch.setitem(object_files._RETRIES, "client_max_retries", "0")


@pytest.fixture
def proxy(address, s3_endpoint, monkeypatch):
    made = FlakyProxy(int(s3_endpoint.rsplit(":", 1)[1]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.port}")
    yield made
    made.close()


def test_an_answer_that_is_lost_makes_no_document_twice(open_store, proxy):
    """The commit is there, and who committed does not hear of it."""
    store = open_store()
    put(store, "a.md", ["one", "two"])
    for number, lines in enumerate((["three"], ["four", "five"])):
        proxy.loses = b".manifest"
        put(store, "new.md", lines, content_hash=str(number))
        assert proxy.lost == number + 1
        assert open_store().counts() == (2, 2 + len(lines))
        assert [passage.text for passage in store.passages(document_id("new.md"))] == lines


@pytest.mark.usefixtures("impatient")
def test_what_was_copied_is_searched_while_the_storage_is_away(open_store, proxy, tmp_path):
    writer = open_store()
    put(writer, "a.md", ["one word", "two words"])
    writer.optimize()
    copied, bare = open_store(), open_store(local_copy_gb=0)
    for each in (copied, bare):
        assert [hit.passage.text for hit in each.lexical(["words"], 3)] == ["two words"]
        assert len(each.dense(vector_of("x"), 3)) == 2
    proxy.go_down()
    assert [hit.passage.text for hit in copied.lexical(["words"], 3)] == ["two words"]
    assert len(copied.dense(vector_of("x"), 3)) == 2
    with pytest.raises(DatabaseUnavailable):
        copied.refresh()
    assert len(copied.dense(vector_of("x"), 3)) == 2
    with pytest.raises(DatabaseUnavailable):
        bare.dense(vector_of("x"), 3)
    proxy.is_down = False
    put(writer, "a.md", ["three words"], content_hash="2")
    copied.refresh()
    assert [hit.passage.text for hit in copied.lexical(["words"], 3)] == ["three words"]


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_is_lost_loses_nothing(open_store, proxy):
    store = open_store()
    put(store, "a.md", ["one"])
    proxy.go_down()
    with pytest.raises(DatabaseUnavailable, match=r"no connection to|the connection was lost") as caught:
        put(store, "b.md", ["two"])
    assert SECRET not in caught.value.message
    proxy.is_down = False
    put(store, "b.md", ["two"])
    assert set(open_store().uris()) == {"a.md", "b.md"}


@pytest.mark.usefixtures("impatient")
def test_each_refusal_says_what_to_do_and_who_may_only_read_reads(tmp_path, monkeypatch):
    with s3_server.running_server(INITIAL_NO_AUTH_ACTION_COUNT="1000000") as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        keys = make_users(endpoint, {"writer": ["s3:*"], "reader": ["s3:GetObject", "s3:ListBucket"]})

        def open_as(login: str, url: str = "s3://plant/index", **options: bool):
            monkeypatch.setenv("STORE_LOGIN", login)
            return open_at(tmp_path / "store", StoreSettings(url=url, auth_env="STORE_LOGIN"), IDENTITY, **options)

        told = [refusal(lambda: open_as(keys["reader"]))]
        writer = open_as(keys["writer"])
        put(writer, "a.md", ["nut one", "two"])
        reader = open_as(keys["reader"])
        for _ in range(2):
            assert [hit.passage.text for hit in reader.lexical(["nut"], 3)] == ["nut one"]
            assert len(reader.dense(vector_of("x"), 3)) == 2
            writer.optimize()
            reader.refresh()
        assert reader.frequencies(["nut"]).tolist() == [1]
        name, word = keys["writer"].split(":")
        told += [
            refusal(lambda: put(reader, "b.md", ["x"])),
            refusal(lambda: open_as(f"{name}:wrong-{SECRET}")),
            refusal(lambda: open_as(f"AKIAUNKNOWN000000000:{SECRET}")),
        ]
        assert all("the storage refuses this login" in each for each in told)
        assert all("syncing also to put and delete" in each for each in told)
        told.append(refusal(lambda: open_as(keys["writer"], "s3://nobody/index")))
        assert "there is no bucket nobody" in told[-1]
        told.append(refusal(lambda: open_as(SECRET)))
        assert "KEY:SECRET" in told[-1]
    told.append(refusal(reader.refresh))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    told.append(refusal(lambda: open_as(keys["writer"])))
    assert all("no connection to http://127.0.0.1:" in each for each in told[-2:])
    assert not any(SECRET in each or word in each or "\n" in each for each in told)


def refusal(ask) -> str:
    with pytest.raises(StoreError) as caught:
        ask()
    return caught.value.message


def make_users(endpoint: str, rights: dict[str, list[str]]) -> dict[str, str]:
    """Their logins; from then on the server asks for one."""
    free = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
    accounts = boto3.client("iam", endpoint_url=endpoint, **free)
    request(endpoint, "/plant", "PUT")
    keys = {}
    for name, actions in rights.items():
        allowed = [{"Effect": "Allow", "Action": actions, "Resource": "*"}]
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        accounts.create_user(UserName=name)
        accounts.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
        made = accounts.create_access_key(UserName=name)["AccessKey"]
        keys[name] = f"{made['AccessKeyId']}:{made['SecretAccessKey']}"
    request(endpoint, "/moto-api/reset-auth", "POST", b"0")
    return keys


def test_an_expert_is_kept_in_a_bucket_and_a_second_machine_reads_it(address, docs, call_metier, tmp_path, monkeypatch):
    call_metier("init", "plant")
    told = [call_metier("add", str(docs))]
    settings = tmp_path / "plant" / "metier.toml"
    settings.write_text(f'{settings.read_text()}\n[store]\nurl = "{address}"\nauth_env = "STORE_LOGIN"\n')
    told += [call_metier(*verb) for verb in (("sync",), ("search", "blade root nuts"), ("status",), ("doctor",))]
    assert "840 Nm" in told[2].stdout
    assert address in told[3].stdout
    assert "may be written" in told[4].stdout
    second = tmp_path / "elsewhere" / "second"
    second.mkdir(parents=True)
    shutil.copy(settings, second)
    (docs / "bolts.txt").write_text("The blade root nuts of the NV-110 are tightened to 910 Nm.")
    told += [call_metier("sync", "--rebuild"), call_metier("search", "-e", str(second), "blade root nuts")]
    assert "910 Nm" in told[-1].stdout
    told.append(call_metier("status", "-e", str(second)))
    assert re.search(r"never synced from here(.|\n)*Next:\s*metier store ", told[-1].stdout)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert not [path for path in (tmp_path / "plant" / ".metier").rglob("*") if path.stat().st_mode & 0o077]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    told += [call_metier("status"), call_metier("search", "nuts", check=1)]
    assert all("no connection to http://127.0.0.1:9" in each.stdout + each.stderr for each in told[-2:])
    assert not any(SECRET in each.stdout + each.stderr for each in told)


def test_an_address_of_no_object_storage_is_told(tmp_path):
    with pytest.raises(SettingsError, match="is no place for a store"):
        open_at(tmp_path, StoreSettings(url="ftp://plant/index"), IDENTITY)
    with pytest.raises(SettingsError, match="names no bucket"):
        open_at(tmp_path, StoreSettings(url="s3:///index"), IDENTITY)


def test_a_shared_folder_is_written_to_by_one_at_a_time_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_generations, "_PATIENCE", 0.0)
    settings = StoreSettings(url=f"file://{tmp_path}/shared/plant")
    first, second = (open_at(tmp_path / name, settings, IDENTITY) for name in ("one", "two"))
    with first.writing():
        put(first, "a.md", ["one words"])
        first.optimize()
        with pytest.raises(InputError, match="another process is writing to this store"):
            put(second, "b.md", ["two"])
    put(second, "b.md", ["two words"])
    reader = open_at(tmp_path / "three", settings, IDENTITY)
    assert {hit.passage.text for hit in reader.lexical(["words"], 3)} == {"one words", "two words"}
    assert reader.frequencies(["words"]).tolist() == [1]


def test_storage_that_lets_two_make_one_object_is_refused(open_store, monkeypatch):
    whatever = object_files.put
    monkeypatch.setattr(leases, "put", lambda *given, only_new=False: whatever(*given))
    with pytest.raises(StoreError, match="does not honour conditional writes"):
        open_store()
