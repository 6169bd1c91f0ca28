"""Markdown tables of a ledger, and the page that they stand in."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from peopleparse.data.files import write_file
from peopleparse.errors import DataError

DASH = "-"


def mean_and_spread(values: Sequence[float], sign: str = "", digits: int = 2) -> str:
    """Return mean and standard deviation (of a sample; none for one value) of fractions, in %.

    >>> mean_and_spread([0.25, 0.5]), mean_and_spread([0.25], "+"), mean_and_spread([])
    ('37.50 ± 17.68', '+25.00', '-')
    """
    if not values:
        return DASH
    mean = f"{100 * statistics.fmean(values):{sign}.{digits}f}"
    return f"{mean} ± {100 * statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def make_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are also in line where it is not rendered."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def fill_between(text: str, begin: str, end: str, body: str) -> str:
    """Return a page with `body` between its markers.

    Raises:
        DataError: the markers are not there once each.
    """
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise DataError(
            f"page must hold '{begin}' and then '{end}' once each, got {text.count(begin)} and "
            f"{text.count(end)}. Put them where the tables belong."
        )
    before, rest = text.split(begin)
    return f"{before}{begin}\n{body}\n{end}{rest.split(end)[1]}"


def write_between(page: Path, begin: str, end: str, body: str) -> None:
    """Write `body` between the markers of a page.

    Raises:
        DataError: there is no page, or its markers are not there once each.
    """
    if not page.is_file():
        raise DataError(f"page must be a file, got none, at {page}. Run this in a checkout.")
    text = fill_between(page.read_text(encoding="utf-8"), begin, end, body)
    write_file(page, text.encode())
