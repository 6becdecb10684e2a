"""PDF in three looks: one column, two columns, and a scan, which is pictures of pages without a text layer."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import reportlab
from markup import Block, Source
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table

DPI = 200
Pages = list[int | None]


class _Recorder(BaseDocTemplate):
    """Remembers on which page each block came to stand."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.page_of: dict[int, int] = {}

    def afterFlowable(self, flowable: Flowable) -> None:
        if (index := getattr(flowable, "block_index", None)) is not None:
            self.page_of[index] = self.page


class _Whole(Paragraph):
    """A paragraph that never runs over to the next page, so that each quote has one page."""

    def split(self, width: float, height: float) -> list[Flowable]:
        return []


def write_text(source: Source, file: Path, firm: str, foot: str) -> Pages:
    columns = 2 if source.meta.get("style") == "two-column" else 1
    document = _Recorder(str(file), pagesize=A4, title=source.title, author=firm, invariant=1, lang="en")
    gap, side, bottom, height = 8 * mm, 24 * mm, 24 * mm, 245 * mm
    width = (A4[0] - 2 * side - gap * (columns - 1)) / columns
    frames = [
        Frame(side + column * (width + gap), bottom, width, height, 0, 0, 0, 0, id=f"column{column}")
        for column in range(columns)
    ]
    document.addPageTemplates(PageTemplate("page", frames, onPage=_furniture(source.title, firm, foot)))
    size = 9.5 if columns == 2 else 11
    flowables = _contents(source, size) if columns == 1 else []
    for index, block in enumerate(source.blocks):
        flowable = _flowable(block, size, width)
        flowable.block_index = index
        flowables.append(flowable)
    document.build(flowables)
    return [document.page_of.get(index) for index in range(len(source.blocks))]


def _contents(source: Source, size: float) -> list[Flowable]:
    """A front page: the title and what is in the document."""
    title = ParagraphStyle("cover", fontName="Helvetica-Bold", fontSize=24, leading=30, spaceAfter=30)
    line = ParagraphStyle("contents", fontName="Helvetica", fontSize=size, leading=size * 1.7)
    headings = [block.text for block in source.blocks if block.kind == "heading" and block.level == 2]
    contents = [Paragraph(_escape(text), line) for text in headings]
    return [Spacer(1, 60 * mm), Paragraph(_escape(source.title), title), *contents, PageBreak()]


def _furniture(title: str, firm: str, foot: str) -> Callable[[canvas.Canvas, BaseDocTemplate], None]:
    def draw(page: canvas.Canvas, document: BaseDocTemplate) -> None:
        page.setFont("Helvetica", 8)
        page.drawString(22 * mm, A4[1] - 14 * mm, firm)
        page.drawRightString(A4[0] - 22 * mm, A4[1] - 14 * mm, title)
        page.drawString(22 * mm, 13 * mm, foot)
        page.drawRightString(A4[0] - 22 * mm, 13 * mm, f"Page {document.page}")

    return draw


def _flowable(block: Block, size: float, width: float) -> Flowable:
    body = ParagraphStyle("body", fontName="Helvetica", fontSize=size, leading=size * 1.42, spaceAfter=size * 0.75)
    if block.kind == "table":
        cell = ParagraphStyle("cell", body, fontSize=size - 1, leading=(size - 1) * 1.25, spaceAfter=0)
        bold = ParagraphStyle("head", cell, fontName="Helvetica-Bold")
        rows = [[Paragraph(_escape(text), cell if r else bold) for text in row] for r, row in enumerate(block.rows)]
        # by the root of the longest cell: a column of part numbers beside one of prose must not break them
        roots = [max(6, *map(len, column)) ** 0.5 for column in zip(*block.rows, strict=True)]
        shares = [root / sum(roots) for root in roots]
        table = Table(rows, colWidths=[width * share for share in shares], splitByRow=0, spaceBefore=4, spaceAfter=12)
        grid = ("GRID", (0, 0), (-1, -1), 0.4, colors.grey)
        narrow = [(f"{side}PADDING", (0, 0), (-1, -1), 3) for side in ("LEFT", "RIGHT")]
        table.setStyle([grid, ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke), *narrow])
        return table
    if block.kind == "heading":
        large = size + (9, 4, 2)[block.level - 1]
        style = ParagraphStyle("heading", body, fontName="Helvetica-Bold", fontSize=large, leading=large * 1.25)
        style.spaceBefore, style.keepWithNext = 8, 1
        return _Whole(_escape(block.text), style)
    if block.kind in ("item", "step"):
        return _Whole(_escape(block.text), ParagraphStyle("item", body, leftIndent=12), bulletText="•")
    return _Whole(_escape(block.text), body)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def write_scan(source: Source, file: Path, firm: str, foot: str) -> Pages:
    """The text drawn at 200 dpi, turned by half a degree, with grain: it can be read only by OCR."""
    regular, bold = (str(Path(reportlab.__file__).parent / "fonts" / name) for name in ("Vera.ttf", "VeraBd.ttf"))
    images, pages, y = [_blank()], [], 220
    for block in source.blocks:
        heading = block.kind == "heading"
        point = (16 if block.level == 1 else 12.5) if heading else 10.5
        font = ImageFont.truetype(bold if heading else regular, round(point * DPI / 72))
        lines, leading = _wrap(block.text, font, 1654 - 2 * 190), round(point * 1.5 * DPI / 72)
        if y + leading * (len(lines) + 2 * heading) > 2339 - 260:
            images.append(_blank())
            y = 220
        draw = ImageDraw.Draw(images[-1])
        for line in lines:
            draw.text((190, y), line, font=font, fill=25)
            y += leading
        y += leading // 2
        pages.append(len(images))
    paper = canvas.Canvas(str(file), pagesize=A4, invariant=1)
    paper.setTitle(source.title)
    paper.setAuthor(firm)
    noise = random.Random(7)
    for number, image in enumerate(images, start=1):
        small, line = ImageFont.truetype(regular, 22), f"{firm}    {number} / {len(images)}    {foot}"
        ImageDraw.Draw(image).text((190, 2339 - 150), line, font=small, fill=60)
        turned = image.rotate(0.5, Image.Resampling.BICUBIC, fillcolor=250)
        grain = Image.frombytes("L", image.size, noise.randbytes(image.width * image.height))
        jpeg = io.BytesIO()
        Image.blend(turned, grain, 0.06).save(jpeg, "JPEG", quality=70, dpi=(DPI, DPI))
        jpeg.seek(0)
        paper.drawImage(ImageReader(jpeg), 0, 0, *A4)
        paper.showPage()
    paper.save()
    return pages


def _blank() -> Image.Image:
    return Image.new("L", (1654, 2339), 250)  # A4 at 200 dpi


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
