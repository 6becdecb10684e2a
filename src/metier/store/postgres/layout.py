"""The tables of one index.

    documents_G, passages_G             what is there now
    past_documents_G, past_passages_G   what was replaced or deleted, and until when it was there
    postings_G, segments_G              which words stand in which passages (`postings.py`)

Policies keep readers to their groups, which each transaction states (`metier.groups`): a query that forgot to ask for
them sees nothing of others. All that a condition looks at stands in the row of a passage, and its vector with it; texts
stand beside, so that an exact search reads no more than it must.
"""

from __future__ import annotations

from metier.store.postgres.connections import Connection

TABLES = ("documents", "passages", "past_documents", "past_passages", "postings", "segments")
DOCUMENT = {
    "id": "text", "uri": "text", "title": "text", "media_type": "text", "language": "text", "groups": "text[]",
    "metadata": "text[]", "content_hash": "text", "text": "text", "payload": "text", "since": "timestamptz",
}  # fmt: skip
PASSAGE = {
    "number": "int4", "id": "text", "document_id": "text", "position": "int4", "start": "int8", "end": "int8",
    "page": "int4", "row": "text", "uri": "text", "title": "text", "language": "text", "groups": "text[]",
    "metadata": "text[]", "headings": "text[]", "text": "text", "tokens": "text", "label": "int8",
    "rank": "int8", "since": "timestamptz", "embedding": "vector",
}  # fmt: skip
_PLAIN = 1_800  # dimensions up to which a vector stands in its row, where it is read quickest
_TABLES = """
CREATE TABLE documents_{g} (
    id text PRIMARY KEY, uri text NOT NULL, title text NOT NULL, media_type text NOT NULL, language text NOT NULL,
    groups text[] NOT NULL, metadata text[] NOT NULL, content_hash text NOT NULL, text text NOT NULL,
    payload text NOT NULL, since timestamptz NOT NULL
);
CREATE INDEX ON documents_{g} (uri COLLATE "C");
CREATE TABLE passages_{g} (
    number integer PRIMARY KEY, id text NOT NULL UNIQUE, document_id text NOT NULL, position integer NOT NULL,
    start bigint NOT NULL, "end" bigint NOT NULL, page integer, "row" text, uri text NOT NULL, title text NOT NULL,
    language text NOT NULL, groups text[] NOT NULL, metadata text[] NOT NULL, headings text[] NOT NULL,
    text text NOT NULL, tokens text NOT NULL, label bigint NOT NULL, rank bigint NOT NULL,
    since timestamptz NOT NULL, embedding vector({dimension}) NOT NULL
);
CREATE INDEX ON passages_{g} (document_id, position);
CREATE INDEX ON passages_{g} (label, rank);
ALTER TABLE passages_{g} ALTER id SET STORAGE MAIN, ALTER document_id SET STORAGE MAIN, ALTER uri SET STORAGE MAIN,
    ALTER groups SET STORAGE MAIN, ALTER metadata SET STORAGE MAIN, ALTER language SET STORAGE MAIN,
    ALTER embedding SET STORAGE {storage};
CREATE TABLE past_documents_{g} (LIKE documents_{g}, until timestamptz NOT NULL);
CREATE TABLE past_passages_{g} (LIKE passages_{g} INCLUDING STORAGE, until timestamptz NOT NULL);
CREATE INDEX ON past_documents_{g} (id);
CREATE INDEX ON past_passages_{g} (document_id, position);
CREATE TABLE postings_{g} (
    token bigint NOT NULL, segment integer NOT NULL, groups text[] NOT NULL, count integer NOT NULL,
    postings bytea NOT NULL
);
ALTER TABLE postings_{g} ALTER postings SET STORAGE EXTERNAL;
CREATE INDEX ON postings_{g} (token);
CREATE TABLE segments_{g} (
    segment integer NOT NULL, groups text[] NOT NULL, documents integer NOT NULL, passages integer NOT NULL,
    tokens bigint NOT NULL
);
"""
_SEEN = """
    COALESCE((SELECT current_setting('metier.everything', true)), '') = 'yes'
    OR groups && (SELECT COALESCE(NULLIF(current_setting('metier.groups', true), ''), '{}'))::text[]
"""


def make(connection: Connection, generation: int, dimension: int) -> None:
    storage = "PLAIN" if dimension <= _PLAIN else "EXTERNAL"
    connection.execute(_TABLES.format(g=generation, dimension=dimension, storage=storage))
    for name in TABLES:
        connection.execute(
            f"ALTER TABLE {name}_{generation} ENABLE ROW LEVEL SECURITY; "
            f"ALTER TABLE {name}_{generation} FORCE ROW LEVEL SECURITY; "
            f"CREATE POLICY readers ON {name}_{generation} USING ({_SEEN})"
        )


def names(columns: dict[str, str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
