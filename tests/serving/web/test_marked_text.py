from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from metier.serving.web import marked_text

ANSWER = """\
Do this **before you climb. Then** wait:

1. Open the `x < y` valve. It \\* hurts
   and goes on.
2. [Close](javascript:alert(1)) <b>it</b> &amp; go. ![x](http://a/b.png)

| part | torque \\| Nm |
|---|---:|
| bolt | **840** |

# Then
```sh
stop --now
```
"""


def spans_of(text, *parts):
    return [(text.index(part), text.index(part) + len(part)) for part in parts]


def bracketed(number, html, is_last):
    return Markup("⟦{}{}{}⟧").format(number, html, "." if is_last else "")


class Checked(HTMLParser):
    """Tags that open and close in order, and the text between them."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags, self._open = "", set(), []
        self.feed(str(html))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not {name for name, _ in attrs} - {"class", "tabindex", "start"}
        self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in ("br", "hr")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_sentences_are_marked_through_emphasis_lists_tables_and_code():
    spans = spans_of(
        ANSWER, "Do this **before you climb.", "1. Open the `x < y` valve.", "It \\* hurts\n   and goes on.",
        "| bolt | **840** |", "stop --now",
    )  # fmt: skip
    html = marked_text.markdown(ANSWER, spans, bracketed)
    assert "<p>⟦0Do this ⟧<strong>⟦0before you climb..⟧ Then</strong> wait:</p>" in html
    assert "⟦1Open the ⟧<code>⟦1x &lt; y⟧</code>⟦1 valve..⟧" in html
    assert "⟦2It ⟧⟦2*⟧⟦2 hurts⟧\n⟦2and goes on..⟧" in html
    assert "<td>⟦3bolt⟧</td>" in html
    assert '<td class="align-right"><strong>⟦3840.⟧</strong></td>' in html
    assert "<pre><code>⟦4stop --now.⟧\n</code></pre>" in html
    assert '<p class="heading">Then</p>' in html


def test_nothing_of_the_source_is_a_tag_or_an_address():
    seen = Checked(marked_text.markdown(ANSWER, [], bracketed))
    assert not seen.tags & {"a", "b", "img", "h1", "script"}
    assert "[Close](javascript:alert(1)) <b>it</b> &amp; go. ![x](http://a/b.png)" in seen.text


def test_plain_text_stands_as_it_is():
    html = marked_text.plain("1. **No** <b>\nlist. End", [(12, 19), (0, 6)], bracketed)
    assert html == "⟦11. **N.⟧o** &lt;b⟦0&gt;\nlist..⟧ End"


SNIPPET = st.lists(
    st.sampled_from(
        ["# ", "- ", "1. ", "| a | b |\n|--|--|\n| c | d\\|e |\n", "**", "*", "`", "```\n", "\n", "\n\n", "> ", "    ",
         "<i>", "&lt;", "[x](y)", "\\*", "word ", "End. ", "বায়ু। ", "🙂", "~~", "---\n", "\r\n"]
    ), max_size=25,
).map("".join)  # fmt: skip


@given(SNIPPET, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted).map(tuple), max_size=4))
def test_whatever_a_model_writes_is_well_formed(text, spans):
    def wrap(_number, html, _is_last):
        return Markup("<u>{}</u>").format(html)

    Checked(marked_text.markdown(text, spans, wrap))
    seen = Checked(marked_text.plain(text, spans, wrap))
    assert seen.text == text


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_nothing_is_nothing(text):
    assert marked_text.markdown(text, [(0, 1)], bracketed).strip() == ""
