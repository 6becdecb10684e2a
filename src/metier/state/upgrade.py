"""Makes the tables of a new expert, or takes those of an older one through the migrations."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

from metier.core.disk import unwritable
from metier.core.errors import StoreError
from metier.state import sqlite
from metier.state.sqlite import VERSIONS
from metier.state.tables import metadata

_WAIT = 30  # seconds for another process that is writing


def bring_up(path: Path, revision: str, *, fresh: bool) -> None:
    """In one transaction: whoever is killed has done nothing. Raises `StoreError`."""
    # Names and groups of keys are nobody else's business, but those of the team whose folder it is.
    folder = path.parent.stat().st_mode
    mode = folder & 0o660 if folder & stat.S_IWGRP else 0o600
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, mode))
    with suppress(OSError):
        path.chmod(mode)
    engine = engine_of(path)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(sqlite.BEGIN)
            if fresh:
                make(connection, revision, (metadata,))
            else:
                upgrade(connection, revision, path.parent)
            connection.commit()
    except sa.exc.SQLAlchemyError as error:
        raise unwritable(path.parent, getattr(error, "orig", None) or error) or StoreError(
            f"the expert's state cannot be brought up to date: {getattr(error, 'orig', error)}",
            where=str(path),
            hint="Nothing was changed. Make room, see that the folder is writable, and try again.",
        ) from None
    finally:
        engine.dispose()


def make(connection: sa.Connection, revision: str, tables: Iterable[sa.MetaData], versions: str = VERSIONS) -> None:
    """What all migrations together would make; Alembic takes half a second to import. `versions`: name of the table
    with the revision."""
    for each in tables:
        each.create_all(connection, checkfirst=False)
    version = sa.Table(versions, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
    version.create(connection)
    connection.execute(sa.insert(version).values(version_num=revision))


def upgrade(connection: sa.Connection, revision: str, folder: Path | None, versions: str = VERSIONS) -> None:
    """`folder`: where an earlier Métier kept parts of the state in files of their own, None = nowhere."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes.update(connection=connection, folder=folder, versions=versions)
    command.upgrade(config, revision)


def engine_of(path: Path) -> sa.Engine:
    """Without an isolation level the driver begins no transaction of its own: who writes says when one begins."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None, "timeout": _WAIT})
    sa.event.listen(engine, "connect", lambda connection, _record: sqlite.write_ahead(connection, _WAIT))
    return engine
