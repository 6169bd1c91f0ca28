"""One HTML page of data sets side by side: tables, figures, sample sheets; all inside the file."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.viz.figure_style import inline_svg
from peopleparse.viz.save import encode_image
from peopleparse.viz.statistics_figures import DrawnFigure
from peopleparse.viz.statistics_numbers import DataSet
from peopleparse.viz.statistics_tables import (
    Table,
    overlap_table,
    overview_table,
    part_tables,
    persons_table,
    resolution_table,
    size_table,
    split_table,
)

_SHEET_QUALITY = 85
_TOGETHER = "together"


class Sheet(NamedTuple):
    """Samples of a data set.

    Attributes:
        name: of the data set.
        picture: (H, W, 3) uint8 RGB.
        about: one line of text below it.
    """

    name: str
    picture: NDArray[np.uint8]
    about: str


def make_page(
    title: str,
    sets: Sequence[DataSet],
    figures: Mapping[str, DrawnFigure],
    sheets: Sequence[Sheet] = (),
    published: Sequence[Mapping[str, Any]] = (),
    published_splits: Sequence[Mapping[str, Any]] = (),
    faults: Sequence[str] = (),
) -> str:
    """Return the page: the paper's Table 1, Fig. 2 and Fig. 3, then what it does not show.

    The page needs no server and makes no request. The same data sets give the same text.

    Args:
        title: its heading.
        sets: name and statistics of each, as `Statistics.to_dict` gives them.
        figures: by key, as `draw_statistics` gives them, with their SVG.
        sheets: samples, a sheet for each set that has some.
        published: rows that stand below Table 1.
        published_splits: rows that stand below the table of splits.
        faults: one line for each image that was left out.
    """
    sections = [
        _section("table-1", "Table 1", _table(overview_table(sets, published), "Table 1. ")),
        _figure_section("fig-2", "Fig. 2", figures, "persons_per_image", [persons_table(sets)]),
        _figure_section("fig-3", "Fig. 3", figures, "parts", part_tables(sets)),
        _section("splits", "Splits", _table(split_table(sets, published_splits))),
        _section("sizes", "Sizes", _table(size_table(sets)) + _figure(figures, "sizes")),
        _section(
            "overlaps", "Overlaps", _table(overlap_table(sets)) + _figure(figures, "overlaps")
        ),
        _section("together", "Together", "".join(_figure(figures, k) for k in figures
                                                 if k.startswith(_TOGETHER))),
        _section(
            "resolution",
            "Resolution",
            _table(resolution_table(sets)) + _figure(figures, "resolution"),
        ),
        _section("samples", "Samples", "".join(_sheet(sheet) for sheet in sheets)),
        _section("left-out", "Left out", "".join(f"<p>{escape(line)}</p>" for line in faults)),
    ]  # fmt: skip
    shown = [section for section in sections if section]
    style = files("peopleparse.viz").joinpath("statistics.css").read_text(encoding="utf-8")
    template = files("peopleparse.viz").joinpath("statistics.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=escape(title),
        facts=escape(_describe(sets)),
        style=style,
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        links="".join(_link(section) for section in shown),
        sections="\n".join(shown),
    )


def _describe(sets: Sequence[DataSet]) -> str:
    images, persons = (sum(found[name] for found in sets) for name in ("images", "persons"))
    what = "1 data set" if len(sets) == 1 else f"{len(sets)} data sets"
    return f"{what} \u00b7 {images:,} images \u00b7 {persons:,} persons"


def _section(key: str, name: str, inner: str) -> str:
    """Return a section, or nothing where it has nothing to show."""
    if not inner:
        return ""
    return f'<section id="{key}" aria-label="{name}">\n<h2>{name}</h2>\n{inner}\n</section>'


def _link(section: str) -> str:
    found = re.match(r'<section id="([^"]*)" aria-label="([^"]*)"', section)
    assert found is not None
    return f'<a href="#{found[1]}">{found[2]}</a>'


def _figure_section(
    key: str, name: str, figures: Mapping[str, DrawnFigure], figure: str, tables: Sequence[Table]
) -> str:
    inner = _figure(figures, figure, f"{name}. ")
    if not inner:
        return ""
    numbers = "".join(_table(table) for table in tables)
    more = f"<details><summary>The numbers as a table</summary>{numbers}</details>"
    return _section(key, name, inner + more)


def _figure(figures: Mapping[str, DrawnFigure], key: str, before: str = "") -> str:
    if key not in figures:
        return ""
    title = escape(before + figures[key].title)
    svg = inline_svg(figures[key].files["svg"], key, title)
    return f"<figure>\n{svg}\n<figcaption>{title}</figcaption>\n</figure>"


def _table(table: Table, before: str = "") -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    rows = []
    for number, row in enumerate(table.rows):
        kind = ' class="published"' if number >= len(table.rows) - table.published else ""
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        rows.append(f'<tr{kind}><th scope="row">{escape(row[0])}</th>{cells}</tr>')
    title = escape(before + table.title)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{title}">\n<table>\n'
        f"<caption>{title}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + f"\n</tbody>\n</table>\n</div>\n{note}\n"
    )


def _sheet(sheet: Sheet) -> str:
    height, width = sheet.picture.shape[:2]
    data = encode_image(Image.fromarray(sheet.picture), "JPEG", quality=_SHEET_QUALITY)
    uri = f"data:image/jpeg;base64,{b64encode(data).decode()}"
    name = escape(sheet.name)
    return (
        f'<h3>{name}</h3>\n<img class="sheet" src="{uri}" width="{width}" height="{height}" '
        f'alt="Samples of {name}">\n<p class="note">{escape(sheet.about)}</p>'
    )
