"""HTML and SVG elements whose text is escaped unless it was made here."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from peopleparse.evaluation.report_words import lift, one_line

DASH = "\u2013"


class Html(str):
    """Text that is HTML already."""


def tag(name: str, *children: object, **attributes: Any) -> Html:
    """Return an element; children that are not `Html` are escaped, None is left out.

    Attributes are written with "-" for "_" and without an underscore at their end; one that is
    None is left out.

    >>> tag("p", "a < b", tag("b", "!"), class_="note", title=None)
    '<p class="note">a &lt; b<b>!</b></p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(one_line(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{join(*children)}</{name}>")


def void(name: str, **attributes: Any) -> Html:
    """Return an element that has no end tag, such as `img`."""
    return Html(tag(name, **attributes).removesuffix(f"</{name}>"))


def join(*children: object) -> Html:
    """Return children one after the other, escaped where they are not `Html`."""
    return Html(
        "".join(
            child if isinstance(child, Html) else escape(one_line(child))
            for child in children
            if child is not None
        )
    )


def raised(title: str) -> Html:
    """Return a title with its "^x" as superscript.

    >>> raised("AP^p < 1")
    'AP<sup>p</sup> &lt; 1'
    """
    return Html(lift(escape(one_line(title)), "<sup>{}</sup>", "\u03bb"))


def spoken(title: str) -> str:
    """Return a title for attributes, where nothing can be raised."""
    return re.sub(r"\^lambda", "^\u03bb", title)


def heading(text: object, level: int = 3) -> Html:
    """Return a heading."""
    return tag(f"h{level}", text)


def note(*children: object) -> Html:
    """Return a paragraph of small print."""
    return tag("p", *children, class_="note")


def section(key: str, title: str, *children: object) -> Html:
    """Return a section of the page with its heading; empty where it has nothing to show."""
    if not any(children):
        return Html()
    name = tag("h2", title, id=f"{key}-title")
    return tag("section", name, *children, id=key, aria_labelledby=f"{key}-title")


def wide(label: str, *children: object) -> Html:
    """Return a box in which a wide table is moved sideways, by keys too."""
    return tag("div", *children, class_="wide", tabindex="0", role="region", aria_label=label)


def table(head: list[object], rows: list[list[object]], caption: object = None) -> Html:
    """Return a table; cells that are no `<td>` or `<th>` yet become one, the first a `<th>`."""
    body = [[_cell(row[0], "th", scope="row"), *(_cell(c, "td") for c in row[1:])] for row in rows]
    names = []
    for column, cell in enumerate(head):
        right = bool(body) and body[0][column].startswith('<td class="number"')
        names.append(_cell(cell, "th", scope="col", class_="number" if right else None))
    name = None if caption is None else tag("caption", caption)
    top = tag("thead", tag("tr", *names))
    lines = tag("tbody", *(tag("tr", *cells) for cells in body))
    return tag("table", name, top, lines, class_="sortable")


def _cell(content: object, kind: str, **attributes: Any) -> Html:
    if isinstance(content, Html) and content.startswith(("<td", "<th")):
        return content
    return tag(kind, content, **attributes)


def number(text: str, value: float | None = None, bold: bool = False) -> Html:
    """Return a table cell with a number, set right; "-" becomes a dash."""
    shown = DASH if text == "-" else text.replace("-", "\u2212")
    order = None if value is None else repr(float(value))
    return tag("td", tag("b", shown) if bold else shown, class_="number", data_value=order)
