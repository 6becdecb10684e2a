"""The schema of a store in a database: made, or brought by Alembic to the revision that this release knows.

One query says whether there is anything to do; Alembic is imported only where there is. It is done in one transaction,
by one process at a time: whoever is killed in between has done nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors

from metier.core.errors import StoreError
from metier.core.storage_settings import StoreSettings, check_expert
from metier.store.postgres.connections import Connection, Connections

if TYPE_CHECKING:
    import sqlalchemy as sa

REVISION = "0001"  # the last of `migrations/versions`
VERSION_TABLE = "store_version"
_OLDEST = (0, 8, 0)  # of pgvector: the first that goes on searching where a filter left too little
_LOOK = f"""
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector,
    (SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
        WHERE extname = 'vector') AS vector_schema,
    to_regclass(quote_ident(%(namespace)s) || '.{VERSION_TABLE}') IS NOT NULL AS made,
    obj_description(to_regclass(quote_ident(%(namespace)s) || '.{VERSION_TABLE}'), 'pg_class') AS expert,
    (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS sees_all,
    (SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = %(role)s) AS may_be_reader
"""
# That the role that reads for readers looks into; of an administrator's, `vector` may be where not everybody does.
_SCHEMAS = """
SELECT quote_ident(nspname) FROM pg_namespace n
WHERE nspname = %s OR nspname <> 'public' AND oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'vector')
"""


@dataclass(frozen=True, slots=True)
class OpenedSchema:
    """`search_path`: of the statement that sets it; `role`: that reads for readers, None for the account's own.
    `is_guarded`: whether the database itself keeps readers from what is not for them."""

    search_path: str
    role: str | None
    is_guarded: bool


def reader_role(namespace: str) -> str:
    return f"{namespace}_reader"


def prepare(connections: Connections, connection: Connection, settings: StoreSettings) -> OpenedSchema:
    """`connection`: outside of a transaction. Raises `StoreError` where the schema cannot be read or made, is another
    expert's, or a newer release has made it."""
    names = {"namespace": connections.namespace, "role": reader_role(connections.namespace)}
    found = _look(connection, names)
    revision = _revision(connection, connections.namespace) if found["made"] else ""
    if revision > REVISION:
        raise StoreError(
            f"a newer Métier has written this store (revision {revision}, this one knows {REVISION})",
            where=connections.where,
            hint="Install that release: `pip install --upgrade metier`.",
        )
    if revision != REVISION or found["vector"] is None:
        _bring_up(connections, settings.expert or "")
        found = _look(connection, names)
    where = f"{connections.where}, schema {connections.namespace}"
    check_expert(found["expert"] or "", settings.expert or "", "store", where)
    _check_vector(str(found["vector"]), connections.where)
    role = reader_role(connections.namespace) if found["sees_all"] and found["may_be_reader"] else None
    path = f'"{connections.namespace}", {found["vector_schema"]}'
    return OpenedSchema(f"SET search_path = {path}", role, not found["sees_all"] or role is not None)


def _look(connection: Connection, names: dict[str, str]) -> dict[str, Any]:
    found = connection.execute(_LOOK, names).fetchone()
    assert found is not None  # a SELECT without FROM  # noqa: S101
    return found


def _revision(connection: Connection, namespace: str) -> str:
    found = connection.execute(f'SELECT version_num FROM "{namespace}".{VERSION_TABLE}').fetchone()
    return str(found["version_num"]) if found else ""


def _bring_up(connections: Connections, expert: str) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine("postgresql+psycopg://", creator=connections.plain, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            _make(connection, connections.namespace, expert)
    except sa.exc.DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        raise _unmade(error.orig, connections) from None
    finally:
        engine.dispose()


def _make(connection: sa.Connection, namespace: str, expert: str) -> None:
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config

    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"metier:{namespace}",))
    if connection.exec_driver_sql("SELECT 1 FROM pg_namespace WHERE nspname = %s", (namespace,)).first() is None:
        connection.exec_driver_sql(f'CREATE SCHEMA "{namespace}"')
    # Where it is not there yet: where all experts find it, and not in a schema of the account's name.
    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    connection.exec_driver_sql(f'SET LOCAL search_path = "{namespace}"')
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    is_new = not sa.inspect(connection).has_table(VERSION_TABLE, namespace)
    command.upgrade(config, REVISION)
    if is_new:
        made = sa.Table(VERSION_TABLE, sa.MetaData(), comment=expert, schema=namespace)
        connection.execute(sa.schema.SetTableComment(made))
    _make_reader(connection, namespace)


def _unmade(error: psycopg.Error, connections: Connections) -> StoreError:
    said, namespace = connections.told(error), connections.namespace
    if isinstance(error, errors.InsufficientPrivilege):
        return StoreError(
            f"the account may not make what the store needs: {said.what}",
            where=said.where,
            hint="Have an administrator run CREATE EXTENSION vector in this database, and GRANT CREATE ON DATABASE to "
            f'the account or CREATE SCHEMA "{namespace}" AUTHORIZATION of it.',
        )
    if isinstance(error, errors.FeatureNotSupported | errors.UndefinedFile):
        return StoreError(
            f"pgvector is not installed on this server: {said.what}",
            where=said.where,
            hint="Install it there (Debian: postgresql-17-pgvector), or use a server that has it.",
        )
    return said


def _check_vector(version: str, where: str) -> None:
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    if numbers < _OLDEST:
        raise StoreError(
            f"pgvector {version} is installed, and {'.'.join(map(str, _OLDEST))} or newer is needed",
            where=where,
            hint="Install a newer one on the server, then have its owner run ALTER EXTENSION vector UPDATE.",
        )


def _make_reader(connection: sa.Connection, namespace: str) -> None:
    """The role that reads for readers, where the account may make one. Another account is held back by the policies
    themselves, unless it is one that PostgreSQL never holds back."""
    import sqlalchemy as sa

    role = reader_role(namespace)
    try:
        with connection.begin_nested():
            if connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).first() is None:
                connection.exec_driver_sql(f'CREATE ROLE "{role}" NOLOGIN')
            connection.exec_driver_sql(f'GRANT "{role}" TO CURRENT_USER')
            for schema in connection.exec_driver_sql(_SCHEMAS, (namespace,)).scalars():
                connection.exec_driver_sql(f'GRANT USAGE ON SCHEMA {schema} TO "{role}"')
            connection.exec_driver_sql(f'GRANT SELECT ON store_generations TO "{role}"')
    except sa.exc.DBAPIError as error:
        if not isinstance(error.orig, errors.InsufficientPrivilege):
            raise
