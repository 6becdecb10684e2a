"""Tables and queries of databases: PostgreSQL, MariaDB and MySQL, SQLite. SQLAlchemy is imported when one is asked."""

from metier.sources.sql.source import SqlSource

__all__ = ["SqlSource"]
