from __future__ import annotations

from datetime import date

import pytest

from metier.text.dates import Period, take_times
from metier.text.language import Language
from metier.text.phrase_cover import Cover

TODAY = date(2026, 11, 25)  # a Wednesday


def period(text: str, code: str = "en") -> tuple[str, str] | None:
    mentions = take_times(Cover(Language.of(code), text))
    if not mentions:
        return None
    assert len(mentions) == 1, mentions
    found = mentions[0].period(TODAY)
    return tuple(day.isoformat() if day else "" for day in (found.start, found.end))


@pytest.mark.parametrize(
    ("code", "text", "start", "end"),
    [
        ("en", "what changed today?", "2026-11-25", "2026-11-25"),
        ("en", "yesterday's mails", "2026-11-24", "2026-11-24"),
        ("en", "this week", "2026-11-23", "2026-11-25"),
        ("en", "last week", "2026-11-16", "2026-11-22"),
        ("en", "last month", "2026-10-01", "2026-10-31"),
        ("en", "in the last 10 days", "2026-11-15", "2026-11-25"),
        ("en", "over the past two weeks", "2026-11-11", "2026-11-25"),
        ("en", "in February 2025", "2025-02-01", "2025-02-28"),
        ("en", "mails from april", "2026-04-01", "2026-04-30"),
        ("en", "reports of December", "2025-12-01", "2025-12-31"),
        ("en", "since 3 March 2025", "2025-03-03", ""),
        ("en", "on March 3rd, 2025", "2025-03-03", "2025-03-03"),
        ("en", "before 2024", "", "2023-12-31"),
        ("en", "since Monday", "2026-11-23", ""),
        ("en", "on 2025-02-11", "2025-02-11", "2025-02-11"),
        ("de", "seit dem 3. März 2025", "2025-03-03", ""),
        ("de", "am 11.02.2025", "2025-02-11", "2025-02-11"),
        ("de", "letzte Woche", "2026-11-16", "2026-11-22"),
        ("fr", "en février 2025", "2025-02-01", "2025-02-28"),
        ("es", "el 3 de marzo de 2025", "2025-03-03", "2025-03-03"),
        ("zh", "2025年2月的会议", "2025-02-01", "2025-02-28"),
        ("zh", "上周", "2026-11-16", "2026-11-22"),
        ("ja", "先月", "2026-10-01", "2026-10-31"),
        ("bn", "গত সপ্তাহে", "2026-11-16", "2026-11-22"),
        ("bn", "মার্চ ২০২৫", "2025-03-01", "2025-03-31"),
        ("ru", "в феврале 2025", "2025-02-01", "2025-02-28"),
        ("ar", "الأسبوع الماضي", "2026-11-16", "2026-11-22"),
    ],
)
def test_times_are_read(code, text, start, end):
    assert period(text, code) == (start, end)


@pytest.mark.parametrize("text", ["May I open it?", "version 2.4", "part 20250", "NV-2024", "the set of bolts"])
def test_what_only_looks_like_a_time(text):
    assert period(text) is None


def test_a_period_holds_its_ends():
    february = Period(date(2025, 2, 1), date(2025, 2, 28))
    assert february.holds(date(2025, 2, 1))
    assert february.holds(date(2025, 2, 28))
    assert not february.holds(date(2025, 3, 1))
    assert Period(None, None).holds(TODAY)
