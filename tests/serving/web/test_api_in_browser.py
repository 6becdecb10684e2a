"""The page of the API as a person meets it."""

from __future__ import annotations

import re

import pytest

from .browsing import PHONE, axe_serious, opened, sideways

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE, "locale": "bn"}, {"color_scheme": "dark"}])
def test_it_can_be_read(browser, served, secrets, options):
    with opened(browser, served, "/api", secret=secrets["reader"], **options) as page:
        assert page.locator("nav [aria-current]").inner_text() == "API"
        for each in page.locator("details > summary").all():
            each.click()
        assert axe_serious(page) == []
        assert sideways(page) == 0


def test_a_route_opens_by_keyboard_and_leads_to_what_it_gives(browser, served):
    with opened(browser, served, "/api") as page:
        page.locator("summary", has_text="/api/search").focus()
        page.keyboard.press("Enter")
        inside = page.locator("#GET-api-search")
        assert inside.locator("pre.curl").inner_text() == f"curl '{served}/api/search?q=gearbox+oil'"
        inside.get_by_role("link", name="SearchResponse").click()
        assert re.fullmatch(r".*/api#model-SearchResponse", page.url)
        page.locator(":target").get_by_role("link", name="HitResponse").click()
        assert "cosine similarity" in page.locator(":target").inner_text()
