"""The files of an index on object storage, and what its errors mean.

Small files are read and written by fsspec, tables by LanceDB, which has a client of its own: it is told the endpoint,
region and login that fsspec has. What is mapped into memory is fetched once a version, into a folder of this machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any, BinaryIO, TypeVar

from metier.core import addresses
from metier.core.atomic import replacing
from metier.core.errors import DatabaseUnavailable, MetierError, StoreError
from metier.core.object_storage import ObjectStorage
from metier.core.permissions import make_folder
from metier.store.lance import local_copy
from metier.store.lance.import_lancedb import import_lancedb

_Asked = TypeVar("_Asked")
_LANCE_SCHEMES = {"gcs": "gs", "abfs": "az"}
# LanceDB tries a request again for as long. Less than a turn to write lasts, so that one that is over ends.
_RETRIES = {"client_max_retries": "2", "client_retry_timeout": "40", "download_retry_count": "1"}
_TAGS = ("ETag", "etag", "e_tag", "md5Hash", "content_md5", "generation", "mtime", "LastModified", "last_modified")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_OF_LOGIN = re.compile(
    r"AccessDenied|Access Denied|Forbidden|\b40[13]\b|InvalidAccessKey|SignatureDoesNotMatch|credential|InvalidToken"
    r"|ExpiredToken|AuthenticationFailed|AuthorizationFailure|Unauthorized|Permission",
    re.IGNORECASE,
)  # fmt: skip
_NO_BUCKET = re.compile(r"NoSuchBucket|bucket does not exist|ContainerNotFound|notFound.*bucket", re.IGNORECASE)
_CONFLICT = re.compile(r"incompatible with concurrent|commit conflict|concurrent (commit|writers)", re.IGNORECASE)
_GONE = re.compile(r"NoSuchKey|not found: .*(lance|manifest)|Object at location .* not found", re.IGNORECASE)
_HOST = re.compile(r"https?://[^/\s\"]+")
_LOST = (
    (r"could not connect|sending request|connection refused|tcp connect|dns error", "no connection to"),
    (r"timed out|deadline", "no answer in time from"),
    (r"connection (was )?(reset|closed|aborted)|incomplete|broken pipe|disconnected", "the connection was lost to"),
)
_RIGHTS = "Reading needs the right to list and get objects, syncing also to put and delete them."


class ObjectFiles:
    """Those below `folder` of an address. See `StoreFiles`. `cache`: folder of this machine for what is mapped into
    memory; `session`: of LanceDB, which keeps what was read of tables."""

    def __init__(self, storage: ObjectStorage, folder: str, cache: Path, session: Any) -> None:
        self._storage, self._folder, self._cache, self._session = storage, folder, cache, session
        self._base = f"{storage.path}/{folder}"
        self._versions: dict[str, Hashable] | None = None
        self._paths: dict[Hashable, Path] = {}

    @property
    def name(self) -> str:
        return self._folder

    @property
    def address(self) -> str:
        return self._storage.address

    def connect(self) -> Any:
        scheme = _LANCE_SCHEMES.get(self._storage.scheme, self._storage.scheme)
        options = self.asked(lambda: _lance_options(self._storage))
        address = f"{scheme}://{self._base}"
        return import_lancedb().connect(address, storage_options=options | _RETRIES, session=self._session)

    def read(self, name: str) -> bytes | None:
        if self.version(name) is None:
            return None
        return self.asked(lambda: _read(self._storage, f"{self._base}/{name}"))

    @contextmanager
    def replacing(self, name: str) -> Iterator[BinaryIO]:
        with tempfile.TemporaryFile() as file:
            yield file
            size = file.tell()
            file.seek(0)
            data = file.read(size)
        self.asked(lambda: put(self._storage, f"{self._base}/{name}", data))
        self._versions = None

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.asked(lambda: self._storage.filesystem.rm_file(f"{self._base}/{name}"))
        self._versions = None

    def version(self, name: str) -> Hashable:
        if self._versions is None:
            self._versions = self.asked(self._listed)
        return self._versions.get(name)

    def _listed(self) -> dict[str, Hashable]:
        try:
            found = self._storage.filesystem.ls(self._base, detail=True)
        except FileNotFoundError:
            return {}
        files = (each for each in found if each["type"] == "file")
        return {each["name"].rsplit("/", 1)[-1]: (each["size"], _tag(each)) for each in files}

    def path(self, name: str) -> Path | None:
        version = self.version(name)
        if version is None:
            return None
        if (known := self._paths.get((name, version))) is not None:
            return known
        digest = hashlib.sha256(repr((self.address, self._folder, version)).encode()).hexdigest()[:16]
        folder = self._writable_cache()
        path = folder / f"{name}.{digest}"
        if not path.exists():
            for old in folder.glob(f"{name}.*"):
                with suppress(OSError):  # somebody else has it mapped
                    old.unlink()
            data = self.read(name)
            if data is None:
                return None
            with replacing(path) as file:
                file.write(data)
        self._paths[name, version] = path
        return path

    def copied(self, table: str, most_bytes: float) -> Any | None:
        if not most_bytes or self._storage.scheme == "file":
            return None
        base, folder = f"{self._base}/{table}.lance", self._cache / self._folder
        if not self.asked(lambda: local_copy.update(self._storage, base, folder / f"{table}.lance", most_bytes)):
            return None
        return import_lancedb().connect(folder, session=self._session).open_table(table)

    def size(self) -> int:
        return int(self.asked(lambda: self._storage.filesystem.du(self._base)))

    def _writable_cache(self) -> Path:
        try:
            make_folder(self._cache)
            if os.access(self._cache, os.W_OK):
                return self._cache
        except OSError:  # a state that is read-only
            pass
        self._cache = Path(tempfile.mkdtemp(prefix="metier-"))
        weakref.finalize(self, rmtree, self._cache, ignore_errors=True)
        return self._cache

    def asked(self, ask: Callable[[], _Asked]) -> _Asked:
        """What the storage says. Raises `StoreError`, and `FileNotFoundError`, `FileExistsError` of single files."""
        return asked(self._storage, ask)

    def problem(self, error: Exception) -> StoreError:
        return told(self._storage, error)


def asked(storage: ObjectStorage, ask: Callable[[], _Asked]) -> _Asked:
    """What the storage says. Raises `StoreError`, and `FileNotFoundError`, `FileExistsError` of single files."""
    try:
        return ask()
    except (MetierError, FileExistsError):
        raise
    except FileNotFoundError as error:
        if _NO_BUCKET.search(str(error)):
            raise told(storage, error) from None
        raise
    except Exception as error:  # noqa: BLE001 - each store's library raises what it likes
        raise told(storage, error) from None


def told(storage: ObjectStorage, error: Exception) -> StoreError:
    """An error of fsspec or LanceDB, in a line, without secrets."""
    text, where = str(error), storage.address
    if _CONFLICT.search(text):
        return StoreError(
            "another writer has taken over, so that nothing of this commit was written",
            where=where,
            hint="What was committed before stays; run `metier sync` again.",
        )
    if _NO_BUCKET.search(text):
        bucket = storage.path.split("/")[0]
        return StoreError(f"there is no bucket {bucket}", where=where, hint="Make it, or correct [store] url.")
    if isinstance(error, PermissionError) or _OF_LOGIN.search(text):
        code = _CODE.search(text)
        said = code[1] if code else storage.told(error).partition(" (")[0] if len(text) < 120 else "access denied"
        hint = f"Check [store] auth_env or the login in the environment. {_RIGHTS}"
        return StoreError(f"the storage refuses this login: {said}", where=where, hint=hint)
    if _GONE.search(text):
        return StoreError(
            "what was being read has been replaced more than an hour ago",
            where=where,
            hint="Open the expert again, or call refresh.",
        )
    return DatabaseUnavailable(
        f"could not be reached: {_reason(storage, error)}",
        where=where,
        hint="Check [store] url and the connection. What was committed stays; the next `metier sync` does the rest.",
    )


def _reason(storage: ObjectStorage, error: Exception) -> str:
    """In the words of a person where it is one of the reasons that LanceDB and fsspec have many sentences for."""
    text = str(error)
    host = _HOST.search(text)
    at = f" {addresses.masked(host[0])}" if host else ""
    for said, told in _LOST:
        if re.search(said, text, re.IGNORECASE):
            return told + at
    said = storage.told(error)
    return said if len(said) < 160 else f"{said[:120]} …"


def put(storage: ObjectStorage, path: str, data: bytes, *, only_new: bool = False) -> None:
    """Whole or not at all. Raises `FileExistsError` where it is there and `only_new` holds, whoever was quicker."""
    files: Any = storage.filesystem
    if storage.scheme == "file":
        files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        if only_new:
            with open(path, "xb") as file:
                file.write(data)
        else:
            beside = Path(f"{path}.{os.getpid()}")
            beside.write_bytes(data)
            beside.replace(path)
        return
    try:
        files.pipe_file(path, data, mode="create" if only_new else "overwrite")
    except FileExistsError:
        raise
    except Exception as error:
        if only_new and getattr(error, "code", getattr(error, "status_code", None)) in (409, 412):
            raise FileExistsError(path) from None
        raise


def _read(storage: ObjectStorage, path: str) -> bytes | None:
    try:
        found: bytes = storage.filesystem.cat_file(path, start=0)  # without it s3fs asks first how long it is
        return found
    except FileNotFoundError as error:
        if _NO_BUCKET.search(str(error)):
            raise
        return None


def _tag(facts: dict[str, Any]) -> str:
    return next((str(facts[name]) for name in _TAGS if facts.get(name)), "")


def _lance_options(storage: ObjectStorage) -> dict[str, str]:
    """What LanceDB is told so that it reaches what fsspec does; of the rest it asks the environment itself."""
    given = storage.options
    if storage.scheme == "s3":
        return _s3_options(storage, given)
    names = {
        "gs": {"project": "google_project_id"},
        "az": {
            "account_name": "azure_storage_account_name", "account_key": "azure_storage_account_key",
            "sas_token": "azure_storage_sas_token", "tenant_id": "azure_tenant_id", "client_id": "azure_client_id",
            "client_secret": "azure_client_secret",
        },
    }  # fmt: skip
    known = names.get(_LANCE_SCHEMES.get(storage.scheme, storage.scheme), {})
    options = {known[name]: str(value) for name, value in given.items() if name in known}
    token = given.get("token")
    if isinstance(token, dict):
        options["google_service_account_key"] = json.dumps(token)
    elif isinstance(token, str) and token.endswith(".json"):
        options["google_service_account"] = token
    return options


def _s3_options(storage: ObjectStorage, given: dict[str, Any]) -> dict[str, str]:
    names = {"key": "aws_access_key_id", "secret": "aws_secret_access_key", "token": "aws_session_token"}
    options = {lance: str(given[name]) for name, lance in names.items() if given.get(name)}
    if given.get("anon"):
        options["aws_skip_signature"] = "true"
    client: Any = storage.filesystem.s3.meta
    region, endpoint = client.region_name, str(client.endpoint_url)
    if "amazonaws.com" not in endpoint:
        options |= {"aws_endpoint": endpoint, "aws_region": region or "us-east-1"}
        if endpoint.startswith("http://"):
            options["allow_http"] = "true"
    elif region not in (None, "aws-global"):
        options["aws_region"] = region
    return options
