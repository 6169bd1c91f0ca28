"""An evaluation as tables for papers: Markdown, and LaTeX with booktabs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peopleparse.evaluation.report_values import (
    check_report,
    half_width,
    headline,
    headline_keys,
    label_ious,
    threshold_rows,
)
from peopleparse.evaluation.report_words import best, lift, one_line, percent, short, title_of

_PAPER_COLUMNS = (0.5, 0.6, 0.7, 0.8)  # the columns of AP^lambda in papers, before the average
# All headlines in one table would be wider than a page.
_HEADLINE_TABLES = {
    "Pixels": ("mean_iou", "overall_accuracy", "mean_accuracy", "frequency_weighted_iou"),
    "Persons by their parts": (
        "ap_lambda_strict", "ap_lambda_literal", "ap_lambda_mhp", "ap_p_50", "ap_p_vol", "pcp_50",
    ),
}  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&^])")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "\ufffd": "?",
}  # fmt: skip


@dataclass(frozen=True)
class _Table:
    """Systems as rows; one column a score. `half` holds half widths of intervals, or None."""

    title: str
    columns: list[str]
    systems: list[str]
    values: list[list[float | None]]  # a row a system
    half: list[list[float | None]]
    turned: bool = False  # many columns with long names


def markdown_tables(report: Mapping[str, Any]) -> str:
    """Return an evaluation as Markdown tables: headline, AP by threshold, IoU by label.

    Systems are rows; scores are times 100; the best of a column is bold.

    Raises:
        InputError: it is no evaluation.
    """
    check_report(report)
    blocks = [_escape_markdown(_say_what(report))]
    for table in _make_tables(report):
        title = lift(_escape_markdown(table.title, keep="^"), "<sup>{}</sup>", "\u03bb")
        heads = [
            lift(_escape_markdown(column, keep="^"), "<sup>{}</sup>", "\u03bb")
            for column in table.columns
        ]
        lines = ["| system | " + " | ".join(heads) + " |"]
        lines.append("|---|" + "---:|" * len(heads))
        for name, cells in zip(
            table.systems, _make_cells(table, "**{}**", "\u00b1", "\u2013"), strict=True
        ):
            lines.append(f"| {_escape_markdown(name)} | " + " | ".join(cells) + " |")
        blocks += [f"**{title}**", "\n".join(lines)]
    return "\n\n".join(blocks) + "\n"


def latex_tables(report: Mapping[str, Any]) -> str:
    r"""Return an evaluation as LaTeX tables with the packages booktabs and graphicx.

    Systems are rows; scores are times 100; the best of a column is bold.

    Raises:
        InputError: it is no evaluation.
    """
    check_report(report)
    blocks = ["% \\usepackage{booktabs,graphicx}\n" + f"% {one_line(_say_what(report))}"]
    for table in _make_tables(report):
        heads = [_write_latex(column) for column in table.columns]
        if table.turned:
            heads = [f"\\rotatebox{{90}}{{{head}}}" for head in heads]
        rows = zip(table.systems, _make_cells(table, "\\textbf{{{}}}", "$\\pm$", "--"), strict=True)
        body = [f"{_escape_latex(name)} & {' & '.join(cells)} \\\\" for name, cells in rows]
        lines = [
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{_write_latex(table.title)}}}",
            *(["\\small", "\\setlength{\\tabcolsep}{3pt}"] if table.turned else []),
            f"\\begin{{tabular}}{{l{'r' * len(heads)}}}",
            "\\toprule",
            f"system & {' & '.join(heads)} \\\\",
            "\\midrule",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table}",
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _say_what(report: Mapping[str, Any]) -> str:
    truth = report.get("truth", {})
    facts = [f"definition {report['definition']}"]
    facts += [f"{key} {report[key]}" for key in ("mode", "scheme") if report.get(key)]
    facts += [f"truth {truth['name']}"] if truth.get("name") else []
    facts += [f"{truth['images']:,} images"] if truth.get("images") is not None else []
    return "Scores times 100: " + ", ".join(facts)


def _make_tables(report: Mapping[str, Any]) -> Iterator[_Table]:
    systems = report.get("systems", [])
    names = [str(system["name"]) for system in systems]
    keys = headline_keys(report)
    placed = [key for named in _HEADLINE_TABLES.values() for key in named]
    others = tuple(key for key in keys if key not in placed)
    for title, named in {**_HEADLINE_TABLES, "Whole persons and regions": others}.items():
        mine = [key for key in named if key in keys]
        if mine:
            values = [[headline(system, key) for key in mine] for system in systems]
            half = [[half_width(system, key) for key in mine] for system in systems]
            yield _Table(title, [title_of(key) for key in mine], names, values, half)
    yield from _make_threshold_tables(systems, names)
    labels = label_ious(report)
    if labels:
        values = [[row[2][n] for row in labels] for n in range(len(systems))]
        means = [headline(system, "mean_iou") for system in systems]
        values = [[*row, mean] for row, mean in zip(values, means, strict=True)]
        columns = [*(name for _, name, _ in labels), "mean"]
        yield _Table("IoU by label", columns, names, values, _none(values), turned=True)


def _make_threshold_tables(
    systems: Sequence[Mapping[str, Any]], names: list[str]
) -> Iterator[_Table]:
    found = [{(r.score, r.title, r.thresholds): r for r in threshold_rows(s)} for s in systems]
    for key in dict.fromkeys(key for rows in found for key in rows):
        score, title, thresholds = key
        shown = _PAPER_COLUMNS if score == "ap_lambda" else thresholds
        places = [thresholds.index(t) for t in shown if t in thresholds]
        rows = [by_key.get(key) for by_key in found]
        values: list[list[float | None]] = [
            [*(row.values[place] for place in places), row.average]
            if row
            else [None] * (len(places) + 1)
            for row in rows
        ]
        columns = [*(short(thresholds[place]) for place in places), "average"]
        if all(row[-1] is None for row in values):
            values, columns = [row[:-1] for row in values], columns[:-1]
        yield _Table(title, columns, names, values, _none(values))


def _none(values: list[list[float | None]]) -> list[list[float | None]]:
    return [[None] * len(row) for row in values]


def _make_cells(table: _Table, bold: str, plus_minus: str, dash: str) -> Iterator[list[str]]:
    columns = list(zip(*table.values, strict=True))
    marks = [best(column) for column in columns]
    for n, (row, halves) in enumerate(zip(table.values, table.half, strict=True)):
        cells = []
        for k, (value, half) in enumerate(zip(row, halves, strict=True)):
            text = dash if value is None else percent(value)
            text = bold.format(text) if marks[k][n] else text
            cells.append(text if half is None else f"{text} {plus_minus} {percent(half)}")
        yield cells


def _escape_markdown(text: str, keep: str = "") -> str:
    return _MARKDOWN.sub(lambda m: m[1] if m[1] in keep else f"\\{m[1]}", one_line(text))


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in one_line(text))


def _write_latex(title: str) -> str:
    """Return a title with its "^x" raised and the rest escaped."""
    pieces = re.split(r"\^(\w+)", title)
    escape: Callable[[str], str] = _escape_latex
    raised = [f"$^{{{_greek(piece)}}}$" for piece in pieces[1::2]]
    plain = [escape(piece) for piece in pieces[::2]]
    return "".join(a + b for a, b in zip(plain, [*raised, ""], strict=True))


def _greek(word: str) -> str:
    return "\\lambda" if word == "lambda" else f"\\mathrm{{{_escape_latex(word)}}}"
