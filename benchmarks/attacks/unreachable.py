"""What is out of reach for a while: shares that are not mounted, and a page that is down. Nothing of it may be lost."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from attacks.attacked import Attacked, Outcome, Try, metier
from metier import Expert


def tries(on: Attacked) -> Iterator[Try]:
    yield "sources", "a share that is not mounted, by four ways", partial(_unmounted, on)
    yield "sources", "a share below a source that is not mounted", partial(_unmounted_below, on)
    yield "web", "a page that is down while the index is made anew", partial(_down, on)


def _unmounted(on: Attacked) -> Outcome:
    """A folder, one of two of its kind, a glob and a file: gone, then there and empty."""
    place = on.place / "share"
    for name in ("folder", "globbed", "single"):
        (place / name).mkdir(parents=True)
        (place / name / "a.md").write_text(f"# A\n\nThe crane in the {name} lifts 40 tons.")
    with Expert.create(place / "expert") as made:
        for source in ("folder", "globbed/*.md", "single/a.md"):
            made.add(str(place / source))
        made.sync()
        count = len(made.runtime.store.uris())
    lost, codes = [], []
    for step in ("gone", "empty"):
        for name in ("folder", "globbed", "single"):
            if step == "gone":
                (place / name).rename(place / f"{name}-away")
            else:
                (place / name).mkdir(exist_ok=True)
        codes.append(metier("sync", "-e", str(place / "expert")).code)
        with Expert.open(place / "expert") as expert:
            if len(expert.runtime.store.uris()) != count:
                lost.append(step)
    codes.append(metier("sync", "-e", str(place / "expert"), "--allow-empty").code)
    with Expert.open(place / "expert") as expert:
        left = len(expert.runtime.store.uris())
    held = not lost and codes[0] == codes[1] == 1 and left == 0
    return held, f"lost when {lost}" if lost else f"exit codes {codes}, {left} left once that was allowed"


def _unmounted_below(on: Attacked) -> Outcome:
    """A mount of two documents, where this may be mounted; and a folder of thirty, whatever it lies on."""
    place = on.place / "below"
    for name, count in (("mount", 0), ("folder", 30)):
        (place / "docs" / name).mkdir(parents=True)
        for number in range(count):
            (place / "docs" / name / f"{number}.md").write_text(f"Crane {number} lifts 40 tons.")
    (place / "docs" / "readme.md").write_text("Cranes are greased.")
    mount = place / "docs" / "mount"
    may = not subprocess.run(["mount", "-t", "tmpfs", "none", mount], capture_output=True, check=False).returncode
    try:
        for number in range(2 if may else 0):
            (mount / f"{number}.md").write_text(f"Ship {number} carries 9 cranes.")
        with Expert.create(place / "expert") as made:
            made.add(str(place / "docs"))
            count = made.sync().added
    finally:
        if may:
            subprocess.run(["umount", mount], check=True)
    (place / "docs" / "folder").rename(place / "away")
    done = metier("sync", "-e", str(place / "expert"))
    with Expert.open(place / "expert") as expert:
        kept = len(expert.runtime.store.uris())
        left = count - expert.sync(allow_empty=True).deleted
    held = kept == count and done.code == 1 and "--allow-empty" in done.out and left == 1
    said = "" if may else "; no mount may be made here"
    return held, f"{kept} of {count} kept, exit code {done.code}, {left} left once that was allowed{said}"


def _down(on: Attacked) -> Outcome:
    page = b"<h1>Nuts</h1><p>The blade root nuts take 840 Nm.</p>"

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with Expert.create(on.place / "down") as expert:
        with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            expert.add(f"http://127.0.0.1:{server.server_port}/", private=True)
            expert.sync()
            server.shutdown()
        report = expert.sync(rebuild=True)
        hits = expert.search("What do the blade root nuts take?")
        held = bool(report.failed) and any("840 Nm" in hit.passage.text for hit in hits)
    return held, "kept, and told" if held else f"{len(hits)} passages left, {len(report.failed)} told"
