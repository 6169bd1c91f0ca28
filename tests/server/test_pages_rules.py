from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.server.pages_rules import render_rules

ALLOWED = {
    "p", "h3", "h4", "ul", "ol", "li", "strong", "code", "pre", "a", "div", "table", "thead",
    "tbody", "tr", "th", "td",
}  # fmt: skip


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# A\n\n### B\n#### C", "<h3>A</h3>\n<h4>B</h4>\n<h4>C</h4>"),
        ("### first", "<h3>first</h3>"),
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
        ("- a\n  more\n- b", "<ul><li>a more</li><li>b</li></ul>"),
        ("1. a\n2. b\nend", "<ol><li>a</li><li>b</li></ol>\n<p>end</p>"),
        ("`**a** <b>`", "<p><code>**a** &lt;b&gt;</code></p>"),
        ("```sh\n<b>\n\n# c\n```\nend",
         '<pre tabindex="0"><code>&lt;b&gt;\n\n# c</code></pre>\n<p>end</p>'),
        ("[x](https://example.org/a?b=1&c=2)",
         '<p><a href="https://example.org/a?b=1&amp;c=2" rel="nofollow noopener">x</a></p>'),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](http://a/**b**)", "<p>[x](http://a/<strong>b</strong>)</p>"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_small_part_of_markdown(text: str, html: str) -> None:
    assert render_rules(text) == html


def test_a_table() -> None:
    html = render_rules("| a | b |\n|---|---|\n| 1 | <i> | 3 |\n")
    assert '<th scope="col">b</th>' in html
    assert "<tr><td>1</td><td>&lt;i&gt;</td></tr>" in html


@given(st.text(alphabet="a <>&\"'`*#-|[]()/\n1.:\\\0hts=", max_size=80))
def test_nothing_of_html_comes_through(text: str) -> None:
    for tag, attributes in _Tags(render_rules(text)).found:
        assert tag in ALLOWED
        assert set(attributes) <= {
            "href",
            "rel",
            "tabindex",
            "scope",
            "class",
            "role",
            "aria-label",
        }
        assert re.match(r"https?://[^<>\"']+\Z", attributes.get("href") or "https://x")
