"""What tests of the page do with a browser."""

from __future__ import annotations

from contextlib import contextmanager

PHONE = {"width": 360, "height": 740}


@contextmanager
def opened(browser, address: str, path: str = "/", *, secret: str | None = None, **options):
    """A page of a context of its own, at `path`; what went wrong on it (requests to elsewhere, dialogs, errors of
    scripts) fails the test at the end. `secret`: of the key to sign in with, None = the owner; `options`: of the
    context."""
    wrong: list[str] = []
    context = browser.new_context(**{"base_url": address, **options})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("request", lambda sent: wrong.append(sent.url) if not sent.url.startswith(f"{address}/") else None)
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    try:
        if secret is not None:
            page.goto(f"{address}/sign-in")
            page.fill("#key", secret)
            page.press("#key", "Enter")
            page.wait_for_url(f"{address}/")
        page.goto(f"{address}{path}")
        yield page
        assert wrong == []
    finally:
        context.close()


def axe_serious(page) -> list[str]:
    """What axe-core calls serious or critical on the page as it stands: "rule: element" of each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def sideways(page) -> int:
    """How many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
