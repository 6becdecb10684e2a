"""An answer as the page shows it: its sentences with what carries them, and the passages that a person may correct."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from metier.answering.answer import Answer, Citation, Sentence, Style, Support
from metier.core.documents import CORRECTION, Passage
from metier.serving.responses import document_url
from metier.serving.web import marked_text
from metier.serving.web.translations import PageTranslations


@dataclass(frozen=True, slots=True)
class CitedSource:
    """`number`: of its mark in the answer, from 1. `url`: where it is opened, as a path of this server."""

    number: int
    citation: Citation
    url: str

    @property
    def is_correction(self) -> bool:
        """Whether a colleague has said so, and no document."""
        return self.citation.document.startswith(CORRECTION)


@dataclass(frozen=True, slots=True)
class NearestPassage:
    """A passage that was found, and where it is opened."""

    passage: Passage
    url: str


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """`formatted`: whether its text is Markdown, as models write; what is quoted from a document is not. `cited`: ids
    of passages, each once. `nearest`: what was found, though it does not answer, of a refusal. `passages`: that a
    correction may be about."""

    answer: Answer
    formatted: bool
    sources: tuple[CitedSource, ...]
    cited: tuple[str, ...]
    nearest: tuple[NearestPassage, ...]
    passages: tuple[Passage, ...]

    @classmethod
    def of(cls, answer: Answer) -> ShownAnswer:
        sources = tuple(
            CitedSource(number, each, document_url(each.document_id, each.start, each.end))
            for number, each in enumerate(answer.citations, start=1)
        )
        found = {hit.passage.id: hit.passage for hit in answer.hits}
        found |= {passage.id: passage for passage in answer.shown if passage.id not in found}
        cited = dict.fromkeys(each.passage_id for each in answer.citations)
        return cls(
            answer,
            answer.style is Style.WRITTEN,
            sources,
            tuple(cited),
            tuple(
                NearestPassage(passage, document_url(passage.document_id, passage.start, passage.end))
                for passage in answer.nearest
            ),
            tuple(found[name] for name in cited if name in found) or answer.nearest,
        )

    @property
    def has_doubtful(self) -> bool:
        return any(each.support in (Support.NOT, Support.PARTLY) for each in self.answer.sentences)

    def text(self, words: PageTranslations, root: str) -> Markup:
        """All of it, each sentence with its marks. `root`: path below which the page stands."""
        sentences, numbered = self.answer.sentences, {_key(each.citation): each for each in self.sources}

        def wrap(number: int, html: Markup, is_last: bool) -> Markup:
            sentence = sentences[number]
            sources = [numbered[key] for each in sentence.citations if (key := _key(each)) in numbered]
            return _marked(sentence, html, sources if is_last else sources[:1], is_last, words, root)

        show = marked_text.markdown if self.formatted else marked_text.plain
        return show(self.answer.text, [each.span for each in sentences], wrap)


def _key(citation: Citation) -> tuple[str, int, int]:
    return citation.document_id, citation.start, citation.end


_CITED = Markup('<a class="cited{}" href="{}"{}>{}{}</a>')
_MORE = Markup('<a class="mark" href="{}">{}</a>')
_MARK = Markup('<sup><span class="told"> {}</span><span aria-hidden="true">{}</span></sup>')
_UNSUPPORTED = Markup('<span class="unsupported"{}>{}{}</span>')
_TITLE, _TOLD = Markup(' title="{}"'), Markup('<span class="told"> ({})</span>')


def _marked(
    sentence: Sentence, html: Markup, sources: list[CitedSource], is_last: bool, words: PageTranslations, root: str
) -> Markup:
    """A stretch of a sentence; the marks stand behind its last one."""
    title = _TITLE.format(sentence.reason) if sentence.reason else Markup("")
    if sentence.support is Support.NOT:
        return _UNSUPPORTED.format(title, html, _doubt("unsupported", sentence, words) if is_last else "")
    if sentence.support is Support.NONE or not sources:
        return html
    is_partly = sentence.support is Support.PARTLY
    behind = _mark(sources[0], words) + (_doubt("partly", sentence, words) if is_partly else "") if is_last else ""
    link = _CITED.format(" partly" if is_partly else "", root + sources[0].url, title, html, behind)
    return link + Markup("").join(_MORE.format(root + each.url, _mark(each, words)) for each in sources[1:])


def _mark(source: CitedSource, words: PageTranslations) -> Markup:
    return _MARK.format(words("chat.source", number=source.number), source.number)


def _doubt(word: str, sentence: Sentence, words: PageTranslations) -> Markup:
    """What is under a line, in words for those who do not see it."""
    said = words(f"chat.{word}")
    return _TOLD.format(Markup("{}: {}").format(said, sentence.reason) if sentence.reason else said)
