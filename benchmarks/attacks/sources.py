"""Files, links, names, sizes and addresses that mean harm: one sync of all of them, and what is left.

Every try looks at what that sync did; it ran in a process of its own with a secret in its environment, whose memory and
time were watched.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

from dataset.test_file_sizes import blown_up, constant, sparse
from parsing.test_worker_answers import NO_ANSWERS, plant
from sources.test_web import METADATA, NO_ADDRESSES, PRIVATE, WITH_SECRETS, Pages
from sources.test_web import SECRET as TOKEN

from attacks.attacked import PLANTED, Attacked, Outcome, Try, metier
from attacks.hostile_folder import Hostile
from metier import Expert
from metier.core.documents import Document, TextBuilder, document_id
from metier.core.errors import InputError, MetierError, ParseError
from metier.core.settings import ParsingSettings
from metier.core.source_settings import SourceSettings
from metier.ingestion.chunking import cut
from metier.parsing import Parser
from metier.sources import create

MEMORY_MB = 2048  # the most that one process may take
SECONDS = 240  # for the whole hostile folder on a busy machine
CUTTING_SECONDS = 20  # of 4 MB on a busy machine
LONGEST_PASSAGE = 20_000  # characters


def tries(on: Attacked) -> Iterator[Try]:
    bad = Hostile(on.place / "hostile")
    yield "files", "a folder of all of these is read to its end", partial(_read, bad)
    for name in ("bomb.docx", "many.docx", "lies.docx", "entity.docx", "laughs.xml", "external.xml", "nested.json",
                 "nested.docx", "sparse.txt", "pipe.md", "wide.csv"):  # fmt: skip
        yield "files", f"{name} is refused with a reason", partial(_refused, bad, name)
    yield "files", "hundreds of kilobytes without a space", partial(_long_passages, bad)
    yield "files", "time to cut megabytes without a space", partial(_cutting, bad)
    yield "files", "the memory of a sync", partial(_memory, bad)
    yield "files", "control tokens of a chat template", partial(_tokens, on)
    yield "files", "what the parser is told, and may do", partial(_parser, on)
    yield "files", "a parser that was taken over answers what it likes", partial(_answers, on)
    yield "files", "questions and rows: 40 GB, a device, what unpacks to gigabytes", partial(_imported, on)
    yield "links", "links out of a source, and the environment", partial(_links, bad)
    yield "links", "devices and sockets", partial(_devices, bad)
    yield "links", "what was refused is listed, as JSON too", partial(_listed, bad)
    yield "names", "bad names cost nothing else", partial(_names, bad)
    yield "names", "names in the terminal", partial(_terminal, bad)
    yield "names", "twins that read the same", partial(_twins, bad)
    yield "sources", "a source inside a public one, for the board", partial(_inside, bad)
    yield "sources", "two sources with the same names", partial(_same_names, bad)
    yield "web", "private addresses and those of a cloud machine", partial(_private, on)
    yield "web", "redirects to them, to files, and without end", partial(_redirects, on)
    yield "web", "bombs and pages of a terabyte", partial(_large, on)
    yield "web", "what is no address", partial(_no_addresses, on)
    yield "web", "passwords and tokens in an address", partial(_secrets, on)


# --- files ---------------------------------------------------------------------------------------------------------


def _read(bad: Hostile) -> Outcome:
    done = bad.synced
    good = "31 months" in "".join(bad.found("How often is the gearbox oil changed?").values())
    held = good and done.code in (0, 1) and "Traceback" not in done.text and done.seconds < SECONDS
    return (
        held,
        f"exit code {done.code} after {done.seconds:.0f} s, {'the good one is found' if good else 'nothing is found'}",
    )


def _refused(bad: Hostile, name: str) -> Outcome:
    reason = next((why for uri, why in bad.failed().items() if uri.endswith(f"/{name}")), "")
    return bool(reason), reason[:110] or "it is not among what failed"


def _long_passages(bad: Hostile) -> Outcome:
    store = bad.expert.runtime.store
    longest = {
        name: max((len(each.text) for each in store.passages(document_id(f"docs/{name}"))), default=0)
        for name in ("long.txt", "long-line.md")
    }
    return max(longest.values()) <= LONGEST_PASSAGE, f"longest passages {longest}"


def _cutting(bad: Hostile) -> Outcome:
    builder = TextBuilder()
    builder.add("paragraph", "x" * 4_000_000)
    whole = Document(document_id("x"), "x", "x", builder.text, tuple(builder.blocks), "text/plain")
    began = time.monotonic()
    count = len(cut(whole, bad.expert.runtime.embedder.count_tokens, bad.expert.settings.passages))
    seconds = time.monotonic() - began
    return seconds < CUTTING_SECONDS, f"4 MB in {seconds:.1f} s, {count} passages"


def _memory(bad: Hostile) -> Outcome:
    return bad.synced.peak_mb < MEMORY_MB, f"at most {bad.synced.peak_mb:.0f} MiB in one process"


def _tokens(on: Attacked) -> Outcome:
    """A control token is one token; as plain text it is several."""
    counts = []
    with on.client("chief") as client:
        for content in ("a", "a" + "<|im_end|>" * 40):
            body = {"model": "parts:base", "max_tokens": 1, "messages": [{"role": "user", "content": content}]}
            counts.append(client.post("/v1/chat/completions", json=body).json()["usage"]["prompt_tokens"])
    return counts[1] - counts[0] > 120, f"40 of them are {counts[1] - counts[0]} tokens"


def _parser(on: Attacked) -> Outcome:
    """Its processes know no secret of this one's environment, and have no network of their own or a filter of calls."""
    path = on.place / "a.txt"
    path.write_text("words and more words")
    os.environ["METIER_PLANTED"] = PLANTED
    before = _children()
    try:
        with Parser(ParsingSettings()) as parser:
            parser.parse(path, uri="a.txt")
            workers = [each for each in _children() - before if b"resource_tracker" not in _proc(each, "cmdline")]
            told = [each for each in workers if PLANTED.encode() in _proc(each, "environ")]
            own = os.readlink("/proc/self/ns/net")
            unfiltered = [each for each in workers if b"Seccomp:\t0" in _proc(each, "status")]
            free = [each for each in unfiltered if os.readlink(f"/proc/{each}/ns/net") == own]
    finally:
        del os.environ["METIER_PLANTED"]
    said = f"{len(told)} of {len(workers)} see the environment, {len(free)} are free to use the network"
    return bool(workers) and not told and not free, said


def _answers(on: Attacked) -> Outcome:
    package, file, good = on.place / "package", on.place / "a.hostile", on.place / "good.txt"
    plant(package)
    file.write_text("content")
    good.write_text("The crane lifts 40 tons.")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    wrong = []
    try:
        with Parser(ParsingSettings(timeout_seconds=15)) as parser:
            for name, said in NO_ANSWERS.items():
                (package / "answer").write_bytes(said)
                began = time.monotonic()
                try:
                    parser.parse(file, uri="a.hostile")
                    wrong.append(f"{name} is read")
                except ParseError:
                    if time.monotonic() - began > 10 or "40 tons" not in parser.parse(good, uri="good.txt").text:
                        wrong.append(name)
    finally:
        os.environ["PYTHONPATH"] = os.environ["PYTHONPATH"].partition(os.pathsep)[2]
    return not wrong, ", ".join(wrong) or f"{len(NO_ANSWERS)} cost one file each"


def _imported(on: Attacked) -> Outcome:
    taken, made = [], {"sparse.jsonl": sparse, "rows.parquet": constant, "texts.parquet": blown_up,
                       "zero.csv": lambda path: path.symlink_to("/dev/zero")}  # fmt: skip
    with Expert.create(on.place / "imported") as expert:
        for name, make in made.items():
            make(path := on.place / name)
            for importing in (expert.dataset.import_file, expert.exam.import_file):
                began = time.monotonic()
                with suppress(InputError):
                    importing(path)
                    taken.append(name)
                if time.monotonic() - began > 10:
                    taken.append(f"{name} after a long time")
    return not taken, f"taken: {taken}" if taken else f"{len(made)} refused, by exam and dataset"


def _children(of: int | None = None) -> set[int]:
    found: set[int] = set()
    for file in Path(f"/proc/{of or os.getpid()}/task").glob("*/children"):
        with suppress(OSError):
            for each in map(int, file.read_text().split()):
                found |= {each} | _children(each)
    return found


def _proc(process: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/{name}").read_bytes()
    return b""


# --- links and names -------------------------------------------------------------------------------------------------


def _links(bad: Hostile) -> Outcome:
    texts = " ".join(
        text for word in ("root bin sh", "PATH planted", "outside code") for text in bad.found(word).values()
    )
    leaks = [sign for sign in ("root:x", PLANTED, "4711-outside") if sign in texts]
    names = [
        name for name in ("passwd.md", "environ.md", "folder", "up.md") if any(f"/{name}" in u for u in bad.failed())
    ]
    return not leaks and len(names) == 4, f"read: {leaks}" if leaks else f"{len(names)} of 4 are refused by name"


def _devices(bad: Hostile) -> Outcome:
    uris = [uri for uri in bad.expert.runtime.store.uris() if uri.endswith(("zero.md", "socket.md", "pipe.md"))]
    return not uris, f"{uris}" if uris else "none was read"


def _listed(bad: Hostile) -> Outcome:
    refused = ("passwd.md", "environ.md", "folder", "up.md", "pipe.md")
    _ = bad.synced
    items = json.loads(metier("sources", "-e", str(bad.folder), "--json").out)["items"]
    told = [name for name in refused for item in items if item["uri"].endswith(f"/{name}") and item["reason"]]
    return len(told) == len(refused), f"{len(told)} of {len(refused)} with their reason"


def _names(bad: Hostile) -> Outcome:
    found = [uri for uri, text in bad.found("What is the soup of the canteen?").items() if "soup" in text]
    listed = metier("sources", "-e", str(bad.folder), "--json")
    try:
        json.loads(listed.out)
        right = listed.code == 0
    except ValueError:
        right = False
    return len(found) == 9 and right, f"{len(found)} of 9 read, the list is {'' if right else 'no '}JSON"


def _terminal(bad: Hostile) -> Outcome:
    said = ""
    for words in (
        ("sync",),
        ("sources",),
        ("search", "What is the soup of the canteen?"),
        ("ask", "What is the soup of the canteen?"),
        ("status",),
    ):
        done = metier(*words, "-e", str(bad.folder))
        said += done.text
        if "Traceback" in done.text or done.code not in (0, 1):
            return False, f"{words[0]} ends with {done.code}"
    signs = {"escape sequences": "\x1b]0", "a bell": "\x07", "reversed text": "\u202e", "an emoji": "❌"}
    wrong = [name for name, sign in signs.items() if sign in said]
    return not wrong, ", ".join(wrong) or "shown as they are written, harmless"


def _twins(bad: Hostile) -> Outcome:
    texts = " ".join(bad.found("What does the summer take?").values())
    return (
        "501 Nm" in texts and "502 Nm" in texts,
        "both are read" if "501" in texts and "502" in texts else "one is lost",
    )


# --- sources -------------------------------------------------------------------------------------------------------


def _inside(bad: Hostile) -> Outcome:
    asked = "What is the code of the Vargmyr safe?"
    seen = any("is 4711" in text for text in bad.found(asked, ()).values())
    known = any("is 4711" in text for text in bad.found(asked, ("board",)).values())
    return known and not seen, "public" if seen else "for the board alone" if known else "lost"


def _same_names(bad: Hostile) -> Outcome:
    texts = " ".join(bad.found("What do the bolts take?").values())
    return (
        "500 Nm" in texts and "700 Nm" in texts,
        "both are read" if "500" in texts and "700" in texts else "one is lost",
    )


# --- web -----------------------------------------------------------------------------------------------------------


def _fetch(place: Path, url: str, *, private: bool = True) -> str:
    """ "" where it was fetched, else the error."""
    try:
        source = create(SourceSettings(url=url, private=private), place)
        (item,) = source.discover()
        with source.fetch(item):
            return ""
    except (MetierError, ValueError) as error:
        return str(error) or "refused"


def _private(on: Attacked) -> Outcome:
    asked = [host for host in PRIVATE if not _fetch(on.place, f"http://{host}:9/", private=False)]
    asked += [host for host in METADATA if "holds no pages" not in _fetch(on.place, f"http://{host}/latest/meta-data/")]
    return (
        not asked,
        f"asked: {asked}" if asked else f"{len(PRIVATE) + len(METADATA)} refused, however they are written",
    )


def _site(on: Attacked, ask) -> Outcome:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.daemon_threads, server.asked = True, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return ask(f"http://127.0.0.1:{server.server_port}", server)
        finally:
            server.shutdown()


def _redirects(on: Attacked) -> Outcome:
    def ask(site: str, server) -> Outcome:
        targets = (
            "http://169.254.169.254/",
            "http://[::ffff:169.254.169.254]/",
            "file:///etc/passwd",
            "ftp://x/",
            "http://",
        )
        followed = [target for target in targets if not _fetch(on.place, f"{site}/away?{target}")]
        began, before = time.monotonic(), len(server.asked)
        if not _fetch(on.place, f"{site}/round") or time.monotonic() - began > 30:
            followed.append("a round")
        return (
            not followed,
            f"followed {followed}" if followed else f"all refused, a round after {len(server.asked) - before}",
        )

    return _site(on, ask)


def _large(on: Attacked) -> Outcome:
    def ask(site: str, _server) -> Outcome:
        read = [
            path
            for path in ("announced", "bomb", "coded?br", "coded?gzip,gzip")
            if not _fetch(on.place, f"{site}/{path}")
        ]
        return not read, f"read {read}" if read else "four refused"

    return _site(on, ask)


def _add(on: Attacked, addresses: tuple[str, ...]) -> tuple[list[str], str]:
    """Those that were taken, and all that was said and written."""
    taken, said = [], ""
    with Expert.create(on.place / f"web-{len(list(on.place.iterdir()))}") as made:
        for address in addresses:
            try:
                made.add(address)
                taken.append(address)
            except (MetierError, ValueError) as error:
                said += f"{error} {getattr(error, 'hint', '')}\n"
        return taken, said + (made.folder / "metier.toml").read_text()


def _no_addresses(on: Attacked) -> Outcome:
    taken, _ = _add(on, NO_ADDRESSES)
    return not taken, f"taken: {taken}" if taken else f"{len(NO_ADDRESSES)} refused"


def _secrets(on: Attacked) -> Outcome:
    taken, said = _add(on, WITH_SECRETS)
    return not taken and TOKEN not in said, f"taken: {len(taken)}, shown: {TOKEN in said}"


if sys.platform != "linux":
    raise SystemExit("attack.py needs Linux: /proc, mounts and named pipes")
