"""Object storage by fsspec: `s3://BUCKET/PREFIX`, `gs://…`, `az://CONTAINER/…`.

Where it is and who may read and write follows from the environment, as for each of these (AWS_ENDPOINT_URL,
GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_CONNECTION_STRING), or from the secret that `auth_env` names: KEY:SECRET,
or a JSON object with options of the fsspec file system. What `ObjectStorage.told` gives quotes no secret.
"""

from __future__ import annotations

import json
import logging
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from metier.core.addresses import secret
from metier.core.errors import MetierError, SettingsError, SourceError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

log = logging.getLogger(__name__)

# Scheme to the extra of Métier that reads it, and what KEY:SECRET is called there.
SCHEMES = {
    "s3": ("s3", "key", "secret"), "gs": ("gs", "", ""), "gcs": ("gs", "", ""),
    "az": ("az", "account_name", "account_key"), "abfs": ("az", "account_name", "account_key"),
    "abfss": ("az", "account_name", "account_key"),
}  # fmt: skip
WAITS = {"s3": {"config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 1}}}}


class ObjectStorage:
    """One address in it. Nothing is asked before `filesystem`. `raising`: what is raised where the login is not set,
    cannot be read, or the library that reads such addresses is missing. Raises `SettingsError` where no bucket is
    named."""

    def __init__(self, address: str, auth_env: str | None, raising: type[MetierError] = SourceError) -> None:
        self.address = address
        self.scheme, _, path = address.partition("://")
        self.path = path.rstrip("/")
        self._auth_env, self._raising = auth_env, raising
        if (not self.path.split("/")[0] and self.scheme != "file") or "?" in path or "#" in path:
            raise SettingsError("names no bucket", where=address, hint=f"Write {self.scheme}://BUCKET/PREFIX.")
        self._secrets: list[str] = []

    @cached_property
    def filesystem(self) -> AbstractFileSystem:
        waits, environment = WAITS.get(self.scheme, {}), {}
        if self.scheme == "s3" and (endpoint := os.environ.get("AWS_ENDPOINT_URL")):
            environment = {"endpoint_url": endpoint}  # so that fsspec has another client where this has changed
        given = {**waits, **environment, **self.options, "use_listings_cache": False}
        try:
            import fsspec

            made: AbstractFileSystem = fsspec.filesystem(self.scheme, **given)
        except ImportError as error:
            hint = f'Install it with `pip install "metier[{SCHEMES[self.scheme][0]}]"`.'
            raise self._raising(f"a library for it is missing: {error}", where=self.address, hint=hint) from None
        if (loop := getattr(made, "loop", None)) is not None:
            loop.set_exception_handler(_tell_nobody)
        return made

    @cached_property
    def options(self) -> dict[str, Any]:
        """Of the file system, from the secret; none without `auth_env`."""
        if self._auth_env is None:
            return {}
        try:
            value = secret(self._auth_env, self.address)
        except SourceError as error:
            raise self._raising(error.what, where=error.where, hint=error.hint) from None
        _, user, word = SCHEMES.get(self.scheme, ("", "", ""))
        if value.lstrip().startswith("{"):
            try:
                options: dict[str, Any] = json.loads(value)
            except ValueError:
                raise self._raising(f"{self._auth_env} holds no JSON that can be read", where=self.address) from None
        elif user and ":" in value:
            options = dict(zip((user, word), value.split(":", 1), strict=True))
        else:
            raise self._raising(
                f"{self._auth_env} holds no login", where=self.address,
                hint="Write KEY:SECRET into it, or a JSON object with options of the store.",
            )  # fmt: skip
        self._secrets = [value, *(each for each in options.values() if isinstance(each, str) and len(each) > 3)]
        return options

    def told(self, error: Exception) -> str:
        """What an error says, in a line, without what the secret holds."""
        said = " ".join(str(error).split()) or type(error).__name__
        for each in self._secrets:
            said = said.replace(each, "***")
        return said[:300]


def _tell_nobody(_loop: object, context: dict[str, Any]) -> None:
    """Of a request that was lost on the way whoever asked is told; its other half would be printed as well."""
    log.debug("lost on the way: %s", context.get("message"))
