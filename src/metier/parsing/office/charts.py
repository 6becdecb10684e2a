"""Charts of DOCX and PPTX: their title, and their numbers as a table with a row for each category."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from metier.parsing.core.readers import Builder
from metier.parsing.core.tables import write_rows
from metier.parsing.office.package import Package


def write_charts(
    package: Package,
    relations: dict[str, tuple[str, str]],
    drawing: Element,
    builder: Builder,
    *,
    page: int | None = None,
) -> None:
    """Add the charts that `drawing` shows."""
    for link in drawing.iter("c:chart"):
        _kind, target = relations.get(link.get("r:id", ""), ("", ""))
        chart = package.optional_xml(target)
        if chart is None:
            continue
        builder.add("caption", title_of(chart), page=page)
        rows = _rows(chart)
        if len(rows) > 1:
            write_rows(builder, rows, header_rows=1, page=page)


def title_of(chart: Element) -> str:
    """Titles of a chart and of its axes."""
    titles = []
    for title in chart.iter("c:title"):
        titles.append(" ".join(text.text or "" for text in title.iter("a:t")))
    return " | ".join(" ".join(title.split()) for title in titles if title.strip())


def _rows(chart: Element) -> list[list[str]]:
    names = [""]
    columns: list[list[str]] = []
    categories: list[str] = []
    for series in chart.iter("c:ser"):
        names.append(" ".join(_points(series.find("c:tx"))) or f"Series {len(names)}")
        categories = categories or _points(series.find("c:cat")) or _points(series.find("c:xVal"))
        columns.append(_points(series.find("c:val")) or _points(series.find("c:yVal")))
    height = max([len(categories), *map(len, columns)], default=0)
    columns = [categories, *columns]
    return [names] + [[column[index] if index < len(column) else "" for column in columns] for index in range(height)]


def _points(parent: Element | None) -> list[str]:
    found = []
    for point in parent.iter("c:v") if parent is not None else ():
        text = (point.text or "").strip()
        try:
            found.append(f"{float(text):.10g}" if "." in text else text)
        except ValueError:
            found.append(text)
    return found
