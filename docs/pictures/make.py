"""Make the pictures of the documentation from what Métier really shows.

    python docs/pictures/make.py                                # terminal and page, on the sample company
    python docs/pictures/make.py --report build/demo/report.html    # and the report that `make demo` leaves

The terminal is drawn from the output of the commands, page and report are photographed with Chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
MAKE = HERE.parents[1] / "examples" / "turbines" / "make.py"
QUESTION = "How tight are the blade root nuts of the NV-110?"
_WIDTH = 96  # columns
_PAGE = {"width": 1100, "height": 700}
_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)\S*")  # with the token that signs its owner in
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SPINNER = re.compile(r"[\u2800-\u28ff].{0,2}")
_PATIENCE = 60  # seconds for the server


def ran(*arguments: str, cwd: Path) -> str:
    """What a command prints, colours included."""
    metier = str(Path(sys.executable).parent / "metier")
    shown = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(_WIDTH)}
    done = subprocess.run([metier, *arguments], cwd=cwd, env=shown, capture_output=True, text=True, check=True)
    return done.stdout


def draw(name: str, commands: Sequence[Sequence[str]], cwd: Path) -> None:
    """`name`.svg: the commands with what they print."""
    console = Console(record=True, width=_WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for command in commands:
        said = " ".join(f'"{each}"' if " " in each else each for each in command)
        console.print(Text(f"$ metier {said}".rstrip(), style="bold"))
        lines = ran(*command, cwd=cwd).replace(str(cwd.parent), "~").replace("\r", "\n").splitlines()
        kept = [line for line in lines if not _SPINNER.fullmatch(_ESCAPE.sub("", line).strip())]
        console.print(Text.from_ansi("\n".join(kept).strip("\n") + "\n"))
    drawn = _FONT_FACE.sub("", console.export_svg(title="Métier"))  # nothing is loaded from elsewhere
    (HERE / f"{name}.svg").write_text(drawn, encoding="utf-8")


def photograph(folder: Path, report: Path | None) -> None:
    metier = str(Path(sys.executable).parent / "metier")
    server = subprocess.Popen([metier, "serve", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        address = _address_of(server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
            page = browser.new_page(viewport=_PAGE)
            page.goto(address)
            page.fill("#q", QUESTION)
            page.press("#q", "Enter")
            page.wait_for_selector(".answer[data-text]")
            page.screenshot(path=HERE / "page.png")
            if report is not None:
                page.goto(report.resolve().as_uri())
                page.screenshot(path=HERE / "report.png")
            browser.close()
    finally:
        server.terminate()
        server.wait()


def _address_of(server: subprocess.Popen[str]) -> str:
    until = time.monotonic() + _PATIENCE
    for line in server.stdout or ():
        if found := _ADDRESS.search(line):
            while time.monotonic() < until:
                with suppress(httpx.ConnectError):
                    if httpx.get(f"{found[1]}/ready").status_code == httpx.codes.OK:
                        return found[0]
                time.sleep(0.2)
    raise SystemExit("the server did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, help="a report that `metier report --out` has written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        subprocess.run([sys.executable, str(MAKE), str(work / "docs")], check=True, capture_output=True)
        ran("init", "turbines", "--embedding", "multilingual-e5-small", cwd=work)
        folder = work / "turbines"
        ran("add", "../docs", cwd=folder)
        draw("sync", [["sync"], []], folder)
        draw("ask", [["ask", QUESTION]], folder)
        photograph(folder, options.report)


if __name__ == "__main__":
    main()
