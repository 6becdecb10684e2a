from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import shared_data

from metier import Expert


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
def test_a_full_disk_says_so_and_loses_nothing(tmp_path, docs, run_metier):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        run_metier("init", "disk/expert")
        run_metier("add", "docs", "-e", "disk/expert")
        run_metier("sync", "-e", "disk/expert")
        for number in range(140):
            (docs / f"more{number}.txt").write_text(f"Record {number}. " + f"The value is {number}. " * 200)
        done = run_metier("sync", "-e", "disk/expert", check=1)
        assert "disk is full" in done.stderr
        subprocess.run(["mount", "-o", "remount,size=60m", str(disk)], check=True)
        assert "840" in run_metier("search", "blade root nuts", "-e", "disk/expert").stdout
        assert '"failed": []' in run_metier("sync", "--json", "-e", "disk/expert").stdout
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_sync_that_is_interrupted_says_so(expert, docs):
    code = (
        "import signal, threading; from metier.cli import main;"
        "threading.Timer(1.5, signal.raise_signal, [signal.SIGINT]).start(); main()"
    )
    for number in range(150):
        (docs / f"{number}.md").write_text(f"# {number}\n\n" + "Some words about the wind. " * 80)
    done = subprocess.run(
        [sys.executable, "-c", code, "sync", "-e", str(expert.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert expert.sync().added > 0
