"""A browser, and a server for each module of tests. `browsing.py` has what tests do with
them. Needs Chromium (on Debian `apt-get install chromium`), and the dev extra's playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from metier.core.settings import STATE_FILE
from metier.serving.auth.keys import Keys

from ..servers import SECRET_DOCUMENT, Server, sample_expert

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="package")  # while it is open, no other test of this thread can run an event loop
def browser() -> Iterator:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served_folder(tmp_path_factory) -> Path:
    """The expert `parts`: twelve open documents, and safe.md for the group `board` alone."""
    return sample_expert(tmp_path_factory.mktemp("page"), "queue = 4", secret=SECRET_DOCUMENT)


@pytest.fixture(scope="module")
def secrets(served_folder) -> dict[str, str]:
    """Keys by name: `reader` may ask, `workshop` may give feedback too, `board` as well and sees safe.md, `deputy`
    decides, too, `chief` may do everything and sees everything. A browser that does not sign in is the owner."""
    scopes = {
        "reader": ((), ("ask",)),
        "workshop": ((), ("ask", "feedback")),
        "board": (("board",), ("ask", "feedback")),
        "deputy": (("board",), ("ask", "feedback", "admin")),
        "chief": (None, ("ask", "feedback", "admin")),
    }
    keys = Keys(served_folder / ".metier" / STATE_FILE)
    made = {name: keys.create(name, groups, scope)[1] for name, (groups, scope) in scopes.items()}
    keys.close()
    return made


@pytest.fixture(scope="module")
def served(served_folder, secrets) -> Iterator[str]:
    """The address of a server on the expert in `served_folder`."""
    server = Server(served_folder)
    yield server.address
    server.stop()
