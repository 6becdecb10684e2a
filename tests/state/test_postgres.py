"""The state in a PostgreSQL: made, migrated, written by several, and told of where it is away."""

from __future__ import annotations

from contextlib import closing

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from metier.feedback.log import Log
from metier.serving.auth.keys import Keys
from metier.state import postgres_schema, quick
from metier.state.catalog import Catalog
from metier.state.schema import REVISION
from metier.state.tables import metadata, of_server
from metier.state.upgrade import upgrade


def test_looking_makes_nothing(new_schema):
    place = new_schema()
    assert not quick.has_rows(place, "corrections")
    assert quick.items(place) == []
    assert quick.newest_item(place) == (0, "")
    assert Catalog(place).items() == {}
    assert Log(place).corrections() == []
    assert quick.stamp(place) == Log(place).version() == 0
    assert not Keys(place).exist()
    with place.connection() as connection:
        assert place.namespace not in sa.inspect(connection).get_schema_names()


def test_every_revision_runs_and_together_they_make_what_the_tables_say(new_schema):
    for fresh in (True, False):
        place = new_schema()
        if not fresh:
            with place.connection(whole=True) as connection, connection.begin():
                connection.execute(sa.schema.CreateSchema(place.namespace))
                upgrade(connection, "0007", None, postgres_schema.VERSIONS)
                connection.exec_driver_sql(
                    "INSERT INTO keys (id, hash, name, scopes, created) VALUES ('a','b','c','[]','d')"
                )
        with closing(Keys(place)) as keys:
            assert [key.id for key in keys.list_keys()] == ([] if fresh else ["a"])
            keys.create("b")
        with place.connection() as connection:
            assert postgres_schema.revision(connection, place.namespace) == REVISION
            context = MigrationContext.configure(connection, opts={"version_table": postgres_schema.VERSIONS})
            assert compare_metadata(context, [metadata, of_server]) == []
            collations = connection.exec_driver_sql(
                "SELECT DISTINCT collation_name FROM information_schema.columns WHERE data_type = 'character varying' "
                f"AND table_schema = '{place.namespace}' AND table_name <> 'state_version'"
            )
            assert collations.scalars().all() == ["C"]
