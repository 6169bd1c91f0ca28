"""Small figures of the report page as SVG: bars, dots, curves. Colours are classes of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peopleparse.evaluation.report_html import Html, join, tag

_SYSTEMS = 8  # colours, dashes and marks repeat after this many systems
# Marks differ by shape as well as by colour.
_MARKS = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z",
    "M-4.5-4.5H4.5V4.5H-4.5Z",
    "M0-6L6 0L0 6L-6 0Z",
    "M0-5.5L5.5 4.5H-5.5Z",
)
_DASHES = (None, "7 4", "2 3", "9 3 2 3")
_FATES = {
    "matched": 0, "right": 0, "bad parts": 1, "bad": 1, "missed": 2, "wrong": 2, "confused": 4,
    "merged": 3, "lost": 3, "duplicate": 3, "split": 4,
}  # fmt: skip
_SIDE, _LEFT, _TOP, _BELOW = 300, 40, 10, 40  # the plot of a curve, in its own units


def system_class(index: int) -> str:
    """Return the class that gives a system its colour."""
    return f"s{index % _SYSTEMS}"


def draw_mark(index: int) -> Html:
    """Return the mark of a system, for keys."""
    mark = tag("path", d=_MARKS[index % len(_MARKS)], fill="currentColor")
    return tag(
        "svg", mark, class_=f"mark {system_class(index)}", viewBox="-8 -8 16 16", aria_hidden="true"
    )


def draw_bar(
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    color: tuple[int, int, int] | None = None,
) -> Html:
    """Return a bar from 0 to 1, with a whisker from low to high where they are given."""
    parts = [tag("rect", class_="track", width="100%", height="100%")]
    if value is not None:
        fill = "currentColor" if color is None else "#{:02x}{:02x}{:02x}".format(*color)
        width = _share(value)
        parts.append(tag("rect", class_="fill", width=width, height="100%", fill=fill))
    if low is not None and high is not None:
        x1, x2 = _share(low), _share(high)
        for kind in ("rim", "core"):
            line = [tag("line", x1=x1, x2=x2, y1="50%", y2="50%")]
            line += [tag("line", x1=x, x2=x, y1="20%", y2="80%") for x in (x1, x2)]
            parts.append(tag("g", *line, class_=kind))
    return tag("svg", *parts, class_="bar", aria_hidden="true")


def draw_stack(counts: Sequence[tuple[str, int]]) -> Html:
    """Return one bar cut into the shares of its counts, in the colours of what they count."""
    total = sum(count for _, count in counts)
    parts, done = [], 0
    for kind, count in counts:
        if count:
            words = f"{kind}: {count:,} of {total:,}, {100 * count / total:.1f} %"
            rect = tag(
                "rect", tag("title", words), class_=fate_class(kind), x=_share(done / total),
                width=_share(count / total), height="100%",
            )  # fmt: skip
            parts.append(rect)
        done += count
    return tag("svg", *parts, class_="stack", aria_hidden="true")


def fate_class(kind: str) -> str:
    """Return the class that gives a kind of failure its colour: alike for persons and parts."""
    return f"k{_FATES.get(kind, len(set(_FATES.values())))}"


def draw_dots(values: Sequence[float | None]) -> Html:
    """Return one line from 0 to 1 with the mark of each system on it, each at its own height."""
    lines = [tag("line", x1=f"{x}%", x2=f"{x}%", y1="0", y2="100%") for x in range(0, 101, 25)]
    marks = [
        tag(
            "svg", tag("path", d=_MARKS[n % len(_MARKS)], class_=system_class(n)),
            x=_share(value), y=_share((n + 0.5) / len(values)), overflow="visible",
        )
        for n, value in enumerate(values)
        if value is not None
    ]  # fmt: skip
    return tag(
        "svg", tag("g", *lines, class_="grid"), *marks, class_="dots", aria_hidden="true",
        height=10 + 12 * len(values),
    )  # fmt: skip


def draw_curves(title: str, curves: Sequence[Mapping[str, Any] | None], names: list[str]) -> Html:
    """Return a precision-recall plot with a line a system; systems without a curve have none.

    Args:
        title: what a reader who does not see the plot is told.
        curves: "recall" and "precision" of each system.
        names: of the systems.
    """
    width, height = _LEFT + _SIDE + 12, _TOP + _SIDE + _BELOW
    lines = [_draw_line(n, curve, names[n]) for n, curve in enumerate(curves) if curve]
    return tag(
        "svg", _draw_axes(), *lines, class_="curve", viewBox=f"0 0 {width} {height}", role="img",
        aria_label=title, data_plot=f"{_LEFT} {_TOP} {_SIDE}",
    )  # fmt: skip


def _draw_axes() -> Html:
    grid, words = [], []
    for step in range(0, 101, 20):
        x, y = _place(step / 100, step / 100)
        grid.append(tag("line", x1=x, x2=x, y1=_TOP, y2=_TOP + _SIDE))
        grid.append(tag("line", x1=_LEFT, x2=_LEFT + _SIDE, y1=y, y2=y))
        words.append(tag("text", step, x=x, y=_TOP + _SIDE + 16, text_anchor="middle"))
        words.append(tag("text", step, x=_LEFT - 7, y=y + 4, text_anchor="end"))
    middle = _TOP + _SIDE / 2
    words.append(
        tag("text", "recall", x=_LEFT + _SIDE / 2, y=_TOP + _SIDE + 34, text_anchor="middle")
    )
    words.append(
        tag(
            "text", "precision", x=0, y=0, text_anchor="middle",
            transform=f"translate(11 {middle}) rotate(-90)",
        )
    )  # fmt: skip
    return join(tag("g", *grid, class_="grid"), tag("g", *words, class_="words"))


def _draw_line(index: int, curve: Mapping[str, Any], name: str) -> Html:
    places = zip(curve["recall"], curve["precision"], strict=True)
    known = [(r, p) for r, p in places if r is not None and p is not None]
    points = _thin([_place(recall, precision) for recall, precision in known])
    return tag(
        "polyline", points=" ".join(f"{x},{y}" for x, y in points), class_=system_class(index),
        stroke_dasharray=_DASHES[index % len(_DASHES)], data_name=name,
    )  # fmt: skip


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    # Of points on one spot, or going on straight down or right, only the ends are drawn.
    kept: list[tuple[float, float]] = []
    for point in points:
        if len(kept) > 1 and _goes_on(kept[-2], kept[-1], point):
            kept[-1] = point
        elif not kept or point != kept[-1]:
            kept.append(point)
    return kept


def _goes_on(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (a[0] == b[0] == c[0] and a[1] <= b[1] <= c[1]) or (
        a[1] == b[1] == c[1] and a[0] <= b[0] <= c[0]
    )


def _place(recall: float, precision: float) -> tuple[float, float]:
    return round(_LEFT + _SIDE * recall, 1), round(_TOP + _SIDE * (1 - precision), 1)


def _share(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.2f}%"
