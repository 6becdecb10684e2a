"""A worker that a file took over answers whatever it likes: that costs this file, and nothing else."""

from __future__ import annotations

import json
import os
import struct
import textwrap
import time
from pathlib import Path

import pytest

from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser

SECONDS = 15
READER = """
    import os, stat, time
    from pathlib import Path

    def read(content, builder, context):
        answer = Path(__file__).with_name("answer").read_bytes()
        for descriptor in range(3, 64):  # one of them is where answers go
            try:
                is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
            except OSError:
                continue
            if is_pipe:
                os.write(descriptor, answer)
        time.sleep(60)
"""


def plant(package: Path, reader: str = READER) -> None:
    """A package with a reader of `.hostile` files; READER answers with what stands in `answer` beside it."""
    info = package / "hostile_reader-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile-reader\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[metier.parsers]\n.hostile = hostile_reader:read\n")
    (package / "hostile_reader.py").write_text(textwrap.dedent(reader))


@pytest.fixture
def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A parser, and what it makes of a file whose reader answers in place of the worker."""
    package = tmp_path / "package"
    plant(package)
    (tmp_path / "a.hostile").write_text("content")
    (tmp_path / "good.txt").write_text("The crane lifts 40 tons.")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])]))

    def answer(said: bytes):
        (package / "answer").write_bytes(said)
        return parser.parse(tmp_path / "a.hostile", uri="a.hostile", groups=("board",))

    with Parser(ParsingSettings(timeout_seconds=SECONDS)) as parser:
        yield parser, answer


def framed(said: object) -> bytes:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return struct.pack(">I", len(body)) + body


NO_ANSWERS = {
    "4 GiB": struct.pack(">I", 2**32 - 1) + b"[",
    "no JSON": framed(b"no JSON"),
    "no UTF-8": framed(b"\xff\xfe"),
    "nested": framed(b"[" * 60_000),
    "a list": framed([]),
    "nothing": framed({}),
    "a number": framed({"document": 5}),
    "parts": framed({"document": {"text": "a"}}),
    "no words": framed({"what": 5}),
    "wrong parts": framed({"document": {"blocks": [[1]], "tables": [], "pictures": [], "groups": [], "warnings": []}}),
}


@pytest.mark.parametrize("said", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_answer_that_is_none_costs_this_file(answered, tmp_path, said):
    parser, answer = answered
    began = time.monotonic()
    with pytest.raises(ParseError, match=r"a\.hostile"):
        answer(said)
    assert "40 tons" in parser.parse(tmp_path / "good.txt", uri="good.txt").text
    assert time.monotonic() - began < SECONDS  # not waited for


def test_name_and_groups_of_a_document_are_not_the_workers_to_say(answered):
    fields = {"id": "x", "uri": "other.txt", "title": "", "text": "words", "media_type": "text/plain", "groups": []}
    _, answer = answered
    document = answer(framed({"document": {**fields, "blocks": [], "tables": [], "pictures": [], "warnings": []}}))
    assert (document.uri, document.groups) == ("a.hostile", ("board",))


REMEMBERING = """
    SEEN = []

    def read(content, builder, context):
        SEEN.append(content.decode())
        builder.add("paragraph", " ".join(SEEN))
"""


def test_what_one_document_left_in_the_worker_is_not_there_for_readers_of_another(tmp_path, monkeypatch):
    plant(tmp_path / "package", REMEMBERING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "package"))
    texts = []
    with Parser(ParsingSettings()) as parser:
        for name, groups in (("open", ()), ("secret", ("board",)), ("more", ("board",)), ("public", ())):
            (tmp_path / f"{name}.hostile").write_text(name)
            texts.append(parser.parse(tmp_path / f"{name}.hostile", uri=f"{name}.hostile", groups=groups).text)
    assert texts == ["open", "secret", "secret more", "public"]  # it is kept while the readers are the same
