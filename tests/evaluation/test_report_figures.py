from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from peopleparse.evaluation.report_figures import (
    _thin,
    draw_bar,
    draw_curves,
    draw_dots,
    draw_stack,
)
from peopleparse.evaluation.report_html import Html, join, number, table, tag

_steps = st.lists(st.tuples(st.sampled_from("rd."), st.integers(0, 2)), max_size=12)


def _cover(points: list[tuple[float, float]]) -> set[tuple[float, float]]:
    """Return every whole point that the line goes through; its pieces go straight."""
    found = set(points)
    for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False):
        for x in range(int(x1), int(x2) + 1):
            found |= {(float(x), float(y)) for y in range(int(y1), int(y2) + 1)}
    return found


@given(_steps)
def test_a_thinned_line_is_the_same_line(steps: list[tuple[str, int]]) -> None:
    points = [(0.0, 0.0)]
    for way, far in steps:
        x, y = points[-1]
        points.append((x + far * (way == "r"), y + far * (way == "d")))
    thin = _thin(points)
    assert _cover(thin) == _cover(points)
    assert (thin[0], thin[-1]) == (points[0], points[-1])
    turns = sum(
        (a[0] == b[0]) != (b[0] == c[0]) for a, b, c in zip(thin, thin[1:], thin[2:], strict=False)
    )
    assert len(thin) <= turns + 2


def test_a_peak_is_never_thinned_away() -> None:
    assert _thin([(0, 0), (0, 3), (0, 1)]) == [(0, 0), (0, 3), (0, 1)]
    assert _thin([(0, 0), (2, 0), (1, 0)]) == [(0, 0), (2, 0), (1, 0)]


def test_a_bar_is_a_share_of_the_track() -> None:
    bar = draw_bar(0.25, 0.2, 0.4, (255, 0, 16))
    assert 'width="25.00%"' in bar and 'fill="#ff0010"' in bar
    assert bar.count('x1="20.00%" x2="40.00%"') == 2  # rim and core of the whisker
    assert "fill" not in draw_bar(None).replace("fill=", "") and "<line" not in draw_bar(0.5)
    assert 'width="100.00%"' in draw_bar(1.7)  # legacy scores may be above 1


def test_a_stack_adds_up() -> None:
    stack = draw_stack([("matched", 2), ("bad parts", 0), ("missed", 6)])
    assert re.findall(r' x="([\d.]+)%" width="([\d.]+)%"', stack) == [
        ("0.00", "25.00"),
        ("25.00", "75.00"),
    ]
    assert "missed: 6 of 8, 75.0 %" in stack
    assert "rect" not in draw_stack([("matched", 0)])


def test_dots_stand_on_their_own_heights() -> None:
    dots = draw_dots([0.5, None, 0.5])
    assert re.findall(r'x="50.00%" y="([\d.]+)%"', dots) == ["16.67", "83.33"]


def test_curves_by_hand() -> None:
    first = {"recall": [0.0, 0.5, None, 1.0], "precision": [1.0, 1.0, None, 0.5]}
    drawn = draw_curves("PR <b>", [first, None], ["a<", "b"])
    assert re.findall(r'points="([^"]*)"', drawn) == ["40.0,10.0 190.0,10.0 340.0,160.0"]
    assert 'aria-label="PR &lt;b&gt;"' in drawn and 'data-name="a&lt;"' in drawn


def test_text_is_escaped_and_elements_are_not() -> None:
    assert join("<", None, Html("<b>"), "\x00\n") == "&lt;<b>\ufffd\ufffd"
    assert tag("p", class_='"', hidden=None) == '<p class="&quot;"></p>'
    assert number("-") == '<td class="number">\u2013</td>'
    assert number("-0.5", -0.005, True).startswith(
        '<td class="number" data-value="-0.005"><b>\u2212'
    )
    assert table(["a", "b"], [["<", number("1")]]).count('class="number"') == 2
