"""The worker: kept between files, replaced when it dies, gone when the parent is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from metier.errors import ParseError
from metier.parsing import Parser
from metier.settings import ParsingSettings

from . import samples

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and resource limits")


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("A short note.")
    return path


def alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(process: int, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(process)


def test_the_worker_starts_with_the_first_file_and_stays(note):
    with Parser(ParsingSettings()) as parser:
        assert parser._process is None
        parser.parse(note, uri="note.txt")
        first = parser._process.pid
        started = time.perf_counter()
        for _time in range(50):
            parser.parse(note, uri="note.txt")
        assert (time.perf_counter() - started) / 50 < 0.02
        assert parser._process.pid == first
    assert parser._process is None


def test_facts_come_back_whole(note):
    with Parser(ParsingSettings()) as parser:
        document = parser.parse(note, uri="team/note.txt", groups=("service", "board"))
    assert (document.uri, document.title, document.text) == ("team/note.txt", "note", "A short note.")
    assert document.groups == ("service", "board")
    assert document.text[document.blocks[0].start : document.blocks[0].end] == "A short note."


def test_a_time_out_ends_the_worker_and_the_next_file_is_read(note, tmp_path):
    slow = tmp_path / "slow.pdf"
    slow.write_bytes(samples.pdf([[(1 + i % 500, 1 + i // 50, 8, "word word")] * 40 for i in range(400)]))
    with Parser(ParsingSettings(timeout_seconds=0.3)) as parser:
        with pytest.raises(ParseError, match=r"longer than 0\.3 s.*timeout_seconds"):
            parser.parse(slow, uri="slow.pdf")
    with Parser(ParsingSettings(timeout_seconds=20)) as parser:
        assert parser.parse(note, uri="note.txt").text


@linux
def test_a_worker_killed_in_the_middle(note, tmp_path):
    slow = tmp_path / "slow.pdf"
    slow.write_bytes(samples.pdf([[(1 + i % 500, 1 + i // 50, 8, "word word")] * 40 for i in range(400)]))
    with Parser(ParsingSettings()) as parser:
        parser.parse(note, uri="note.txt")
        threading.Timer(0.2, os.kill, (parser._process.pid, signal.SIGSEGV)).start()
        with pytest.raises(ParseError, match=r"crashed the parser.*SIGSEGV"):
            parser.parse(slow, uri="slow.pdf")
        assert parser.parse(note, uri="note.txt").text == "A short note."


@linux
def test_a_worker_that_died_while_idle_is_replaced(note):
    with Parser(ParsingSettings()) as parser:
        parser.parse(note, uri="note.txt")
        os.kill(parser._process.pid, signal.SIGKILL)
        time.sleep(0.1)
        assert parser.parse(note, uri="note.txt").text == "A short note."


@linux
def test_memory_is_limited(note, tmp_path):
    path = tmp_path / "big.xlsx"
    rows = "".join(f'<row r="{r}"><c r="A{r}"><v>{r}.5</v></c></row>' for r in range(1, 400_000))
    path.write_bytes(samples.xlsx({"S": f"<sheetData>{rows}</sheetData>"}))
    with Parser(ParsingSettings(memory_mb=256)) as parser:
        with pytest.raises(ParseError, match=r"256 MiB of memory.*memory_mb|crashed"):
            parser.parse(path, uri="big.xlsx")
        assert parser.parse(note, uri="note.txt").text == "A short note."


def test_parsing_from_several_threads(tmp_path):
    paths = []
    for number in range(20):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"note {number}")
        paths.append(path)
    found: dict[str, str] = {}
    with Parser(ParsingSettings()) as parser:

        def work(mine):
            for path in mine:
                found[path.stem] = parser.parse(path, uri=path.name).text

        threads = [threading.Thread(target=work, args=(paths[i::4],)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        worker = parser._process.pid
        # the thread that started the worker has ended: the worker must not have died with it
        assert parser.parse(paths[0], uri="0.txt").text == "note 0"
        assert parser._process.pid == worker
    assert found == {str(number): f"note {number}" for number in range(20)}


@linux
@pytest.mark.parametrize("busy", [False, True])
def test_the_worker_dies_with_its_parent(tmp_path, busy):
    path = tmp_path / ("slow.pdf" if busy else "note.txt")
    slow = samples.pdf([[(1 + i % 500, 1 + i // 50, 8, "word word")] * 40 for i in range(800)])
    path.write_bytes(slow if busy else b"note")
    program = f"""
        import threading, time
        from pathlib import Path
        from metier.parsing import Parser
        from metier.settings import ParsingSettings
        parser = Parser(ParsingSettings())
        note = Path({str(path)!r}).with_name("first.txt")
        note.write_text("x")
        parser.parse(note, uri="n")
        print(parser._process.pid, flush=True)
        {"parser.parse(Path(" + repr(str(path)) + "), uri='x')" if busy else "time.sleep(60)"}
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    time.sleep(0.1)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(worker)


@linux
def test_files_in_the_working_directory_are_not_imported(note, tmp_path, monkeypatch):
    (tmp_path / "email.py").write_text("raise SystemExit('imported')")
    (tmp_path / "csv.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    mail = tmp_path / "a.eml"
    mail.write_text("From: a@b.c\nSubject: Hello\n\nBody\n")
    with Parser(ParsingSettings()) as parser:
        assert "Body" in parser.parse(mail, uri="a.eml").text


def test_the_parent_imports_nothing_heavy():
    program = "import sys, metier.parsing; print([m for m in ('pydantic', 'xberg', 'pypdfium2', 'selectolax') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
