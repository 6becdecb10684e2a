"""Where an expert keeps what it knows: `[store]`, its passages, and `[state]`, what the tool remembers.

In a PostgreSQL both are in one schema of the expert's own unless they are told otherwise, in tables of other names."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Self

from pydantic import Field

from metier.core import addresses
from metier.core.errors import StoreError
from metier.core.source_settings import Section

POSTGRES = "postgresql://"
_NAMESPACE = r"[a-z_][a-z0-9_]{0,47}"
_OF_EXPERT = "name of the expert that made what is at url, for one that was renamed, None = its name now"
_ID = ", id "
_OF_NAMESPACE = "schema of a PostgreSQL that the tables are in, None = metier_ and the expert's name"


class _Placed(Section):
    """What may be in a database."""

    url: str | None = None
    namespace: str | None = Field(None, description=_OF_NAMESPACE)
    expert: str | None = Field(None, description=_OF_EXPERT)

    def model_post_init(self, _context: object) -> None:
        if self.url is not None and (wrong := addresses.problem(self.url)) is not None:
            raise ValueError(f"{addresses.masked(self.url)}: {wrong}")
        if self.namespace is not None and not re.fullmatch(_NAMESPACE, self.namespace):
            raise ValueError("namespace: is made of up to 48 of a-z, 0-9 and _, and begins with no digit")
        if (self.namespace or "").startswith("pg_"):
            raise ValueError("namespace: names that begin with pg_ are PostgreSQL's own")

    @property
    def is_postgres(self) -> bool:
        return (self.url or "").startswith(POSTGRES)

    def of_expert(self, name: str, identity: str | None = None) -> Self:
        """With the schema that an expert of this name has unless it is told another, and its name and identity."""
        known = self.expert or (f"{name}{_ID}{identity}" if identity else name)
        return self.model_copy(update={"namespace": self.namespace or _namespace(name), "expert": known})


def check_expert(made_by: str, expert: str, section: str, where: str) -> None:
    """`made_by`: the expert that made what is at `where`, as `of_expert` has it, "" where nobody has said; `expert`:
    that opens it, likewise. Raises `StoreError` where these are two."""
    (name, made_id), (own, own_id) = _parted(made_by), _parted(expert)
    if not made_by or not expert or (name == own and (not made_id or not own_id or made_id == own_id)):
        return
    known = json.dumps(name, ensure_ascii=False)
    told, other = f"{known} (id {made_id})", f"another one of that name (id {own_id})"
    if name != own:
        told, other = known, json.dumps(own, ensure_ascii=False)
    raise StoreError(
        f"is of the expert {told}, and this is {other}",
        where=where,
        hint=f"Give each its own place in [{section}]; if this one {'was renamed' if name != own else 'is the same'}, "
        f"say so there: expert = {json.dumps(made_by, ensure_ascii=False)}",
    )


def _parted(expert: str) -> tuple[str, str]:
    """Its name, and its id, "" where it has none."""
    name, mark, identity = expert.rpartition(_ID)
    return (name, identity) if mark else (expert, "")


def _namespace(name: str) -> str:
    """Names that differ give others, so that no expert reads another's tables."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) and len(plain) <= 40:
        return f"metier_{plain}"
    return f"metier_{plain[:30]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


class StoreSettings(_Placed):
    backend: str = Field("lance", description="lance, postgres (with pgvector), or a store that another package adds")
    url: str | None = Field(
        None,
        description="where it is: postgresql://user@host/database; of lance an object store, s3://bucket/prefix, "
        "None = .metier/store",
    )
    auth_env: str | None = Field(
        None,
        description="environment variable, or secret in the keyring, for url: password or user:password, of an object "
        "store KEY:SECRET",
    )
    local_copy_gb: float = Field(
        2,
        ge=0,
        description="an index on object storage is copied to each machine that reads it up to this size, 0 = never",
    )
    exact_until: int = Field(50_000, ge=0, description="passages up to which vectors are searched exactly")
    keep_versions_days: float = Field(
        30, ge=0, description="what was replaced or deleted can be asked for so long (ask --as-of), 0 = not at all"
    )

    @property
    def is_object_storage(self) -> bool:
        return self.backend == "lance" and self.url is not None

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if self.backend == "postgres" and not self.is_postgres:
            raise ValueError(f'backend = "postgres" needs url = "{POSTGRES}user@host/database"')
        if self.backend == "lance" and self.is_postgres:
            raise ValueError(f'url = "{POSTGRES}…" needs backend = "postgres"')


class StateSettings(_Placed):
    url: str | None = Field(None, description="postgresql://user@host/database, None = in .metier")
    auth_env: str | None = Field(
        None, description="environment variable, or secret in the keyring, for url: password or user:password"
    )
    shared: bool = Field(
        False,
        description="a team shares what is in .metier: its files follow the umask; else they are the owner's alone",
    )

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if self.url is not None and not self.is_postgres:
            raise ValueError(f"url is of a PostgreSQL: {POSTGRES}user@host/database")
