from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from conftest import shared_data

from metier import Expert

pytestmark = pytest.mark.slow


def write_many(folder: Path, count: int) -> None:
    """Documents of six short passages each: a sync commits about 44 of them at once."""
    for number in range(count):
        sections = (f"# Value {number}.{part}\n\nThe value is {number}.\n\n" for part in range(6))
        (folder / f"{number}.md").write_text("".join(sections))


def write_bad(folder: Path) -> None:
    (folder / "zero.pdf").write_bytes(b"")
    with zipfile.ZipFile(folder / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("[Content_Types].xml", "<Types/>")
        bomb.writestr("word/document.xml", b"\0" * 900_000_000)
    whole = (folder / "bomb.docx").read_bytes()
    (folder / "truncated.docx").write_bytes(whole[: len(whole) // 2])
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    (folder / "laughs.xml").write_text(f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l11;</x>')
    (folder / "line.txt").write_text("wind " * 10_000_000)
    (folder / "unknown.xyz").write_bytes(bytes(range(256)) * 40)
    (folder / "latin.txt").write_bytes("Prüfung der Höhe über dem Boden, täglich im Frühjahr.".encode("latin-1"))


def test_bad_files_are_told_apart_and_the_good_ones_are_found(expert, docs):
    write_bad(docs)
    report = expert.sync()
    failed = {failure.item.removeprefix("docs/"): failure.reason for failure in report.failed}
    assert {"zero.pdf", "bomb.docx", "truncated.docx", "unknown.xyz", "line.txt"} <= set(failed)
    assert all(len(reason) > 10 for reason in failed.values())
    assert expert.search("how tight are the blade root nuts")[0].passage.uri == "docs/bolts.txt"
    assert expert.search("Prüfung der Höhe")[0].passage.uri == "docs/latin.txt"
    for hit in expert.search("ha ha ha", 100):
        assert len(hit.passage.text) < 10_000


@pytest.mark.parametrize("kind", ["pypdf", "defusedxml"])
def test_hostile_files_go_through_with_nothing_hung_crashed_or_expanded(tmp_path, kind):
    # Without OCR: rendering the scans among them takes minutes.
    source = shared_data() / "hostile" / kind
    expert = Expert.create(tmp_path / "expert")
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text() + "\n[parsing]\ntimeout_seconds = 20\nocr = 'never'\n")
    with Expert.open(expert.folder) as opened:
        opened.add(str(source))
        report = opened.sync()
        files = [name for name in source.rglob("*") if name.is_file()]
        assert report.added + len(report.failed) == len(files)
        assert report.added > 0
        assert all(failure.reason for failure in report.failed)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_says_so_and_loses_nothing(tmp_path, docs, run_metier, call_metier):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        call_metier("init", "disk/expert")
        call_metier("add", "docs", "-e", "disk/expert")
        call_metier("sync", "-e", "disk/expert")
        write_many(docs, 90)
        done = run_metier("sync", "-e", "disk/expert", check=1)
        assert "disk is full" in done.stderr
        subprocess.run(["mount", "-o", "remount,size=60m", str(disk)], check=True)
        assert "840" in call_metier("search", "blade root nuts", "-e", "disk/expert").stdout
        assert '"failed": []' in call_metier("sync", "--json", "-e", "disk/expert").stdout
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_sync_that_is_interrupted_says_so_and_goes_on_where_it_was(expert, docs):
    write_many(docs, 150)
    process = subprocess.Popen(
        [sys.executable, "-c", "from metier.cli import main; main()", "sync", "-e", str(expert.folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    store = expert.runtime.state_folder / "store"
    while process.poll() is None and len(list(store.glob("*.lance/_versions/*"))) < 3:  # the third: a first commit
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Interrupted. Nothing that was saved is lost." in said
    assert "Traceback" not in said
    half = len(expert.runtime.store.hashes())
    assert 0 < half < 154
    report = expert.sync()
    assert (report.added, report.unchanged, report.failed) == (154 - half, half, [])


def test_a_text_with_a_few_bytes_that_are_no_utf8_is_read_with_a_warning(expert, docs):
    text = "নীল চাবি টাওয়ারের দরজা খোলে। ব্রেক প্যাড প্রতি ১৮ মাস অন্তর বদলাতে হয়।".encode()
    (docs / "ভাঙা.txt").write_bytes(text[:60] + b"\xff\xfe\x80" + text[60:] + b"\xe0\xa6")
    report = expert.sync()
    assert report.failed == []
    (warning,) = report.warnings
    assert (warning.item, "not valid UTF-8" in warning.reason) == ("docs/ভাঙা.txt", True)
    assert [item.reason for item in expert.items() if item.uri == "docs/ভাঙা.txt"] == [warning.reason]
    (hit,) = [hit for hit in expert.search("ব্রেক প্যাড") if hit.passage.uri == "docs/ভাঙা.txt"]
    assert "ব্রেক প্যাড প্রতি ১৮ মাস" in hit.passage.text
    assert expert.sync().warnings == report.warnings


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_real_docx_cut_in_the_middle_is_told_and_mended_when_it_is_whole(expert, docs, share):
    whole = (shared_data() / "documents" / "docx" / "sources" / "lorem_ipsum.docx").read_bytes()
    (docs / "report.docx").write_bytes(whole[: int(len(whole) * share)])
    report = expert.sync()
    (failure,) = report.failed
    assert failure.item == "docs/report.docx"
    assert "damaged" in failure.reason
    assert report.added == 4
    (docs / "report.docx").write_bytes(whole)
    assert expert.sync().added == 1
    assert any(hit.passage.uri == "docs/report.docx" for hit in expert.search("lorem ipsum dolor sit amet"))
