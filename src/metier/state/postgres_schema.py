"""The tables of the state in a PostgreSQL at the schema of this release: made, or brought up to it by Alembic."""

from __future__ import annotations

import sqlalchemy as sa

from metier.core.errors import StoreError
from metier.core.storage_settings import check_expert
from metier.state.postgres_state import PostgresState
from metier.state.schema import REVISION
from metier.state.tables import metadata, of_server, state_changes
from metier.state.upgrade import make, upgrade

VERSIONS = "state_version"  # table with the revision; the store in the same schema has another


def ready(place: PostgresState, *, make: bool) -> bool:
    """Whether its tables are there, of this schema. `make`: make them. Raises `StoreError` where they cannot be read or
    made, are another expert's, or a newer release has made them."""
    if place.is_current:
        return True
    with place.told("be opened"):
        with place.connection() as connection:
            found = revision(connection, place.namespace)
        if found is None and not make:
            return False
        if found is not None and found > REVISION:
            raise StoreError(
                f"a newer Métier has written this expert's state (revision {found}, this one knows {REVISION})",
                where=str(place),
                hint="Install that release: `pip install --upgrade metier`.",
            )
        if found != REVISION:
            _bring_up(place)
        with place.connection() as connection:
            check_expert(_expert(connection, place.namespace), place.expert, "state", str(place))
    place.is_current = True
    return True


def revision(connection: sa.Connection, namespace: str) -> str | None:
    """Of the tables; None where there are none."""
    if connection.execute(sa.select(sa.func.to_regclass(f'"{namespace}".{VERSIONS}'))).scalar_one() is None:
        return None
    found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSIONS}").scalar()  # noqa: S608 (a constant)
    return found


def _expert(connection: sa.Connection, namespace: str) -> str:
    """Whose tables they are; "" where nobody has said."""
    asked = sa.select(sa.func.obj_description(sa.func.to_regclass(f'"{namespace}".{VERSIONS}'), "pg_class"))
    return connection.execute(asked).scalar_one() or ""


def _bring_up(place: PostgresState) -> None:
    """In one transaction: whoever is killed has done nothing."""
    with place.connection(whole=True) as connection, connection.begin():
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(place.lock_key("migration"))))
        there = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :name").bindparams(name=place.namespace)
        if connection.execute(there).first() is None:  # one who may make none may have been given one
            connection.execute(sa.schema.CreateSchema(place.namespace))
        found = revision(connection, place.namespace)
        if found is None:
            make(connection, REVISION, (metadata, of_server), VERSIONS)
            connection.execute(sa.insert(state_changes).values(number=1))
            versions = sa.Table(VERSIONS, sa.MetaData(), comment=place.expert, schema=place.namespace)
            connection.execute(sa.schema.SetTableComment(versions))
        elif found != REVISION:
            upgrade(connection, REVISION, None, VERSIONS)
