"""An evaluation in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from peopleparse.evaluation.report_values import (
    check_report,
    failure_counts,
    half_width,
    headline,
    headline_keys,
    label_ious,
    threshold_rows,
)
from peopleparse.evaluation.report_words import (
    FIRST,
    best,
    name_first,
    one_line,
    percent,
    say_extra,
    say_faults,
    say_missing,
    say_mixups,
    say_spread,
    short,
    title_of,
)

_FIRST_SCORES = ("mean_iou", "ap_lambda_strict")  # of groups; the page and the JSON have all
_COLUMNS = 3  # systems side by side; more go into a further table

Report = Mapping[str, Any]


def print_report(report: Report, console: Console | None = None, detail: bool = False) -> None:
    """Print an evaluation: headline scores, AP by threshold, failures, spread, what is missing.

    Scores are times 100. A number after "+-" is half the width of the score's interval.

    Args:
        report: an evaluation, as its JSON holds it; what it does not have is left out.
        console: where to print; None takes standard output.
        detail: add IoU by label.

    Raises:
        InputError: it is no evaluation.
    """
    check_report(report)
    console = Console() if console is None else console
    for part in _make_parts(report, detail):
        if isinstance(part, str):
            # Names are text and never markup or codes; what is too long is folded, not cut.
            console.print(Text(part), highlight=False)
        else:
            # A title of the table itself would be folded at the table's width.
            title, part.title = part.title, None
            console.print(title, highlight=False)
            console.print(part, "", highlight=False, sep="\n")


def _make_parts(report: Report, detail: bool) -> Iterator[Table | str]:
    systems = list(report.get("systems", []))
    for start in range(0, len(systems), _COLUMNS):
        yield from _make_headline(report, systems[start : start + _COLUMNS], systems)
    yield from _make_differences(report)
    yield from _make_thresholds(systems)
    if detail:
        for start in range(0, len(systems), _COLUMNS):
            yield from _make_labels(report, start)
            yield from _make_group_scores(report, start)
        yield from _say_labels(report, systems)
    yield from _make_failures(systems)
    yield from _make_spread(report)
    yield from _make_gaps(systems)


def _make_table(
    title: str, names: Sequence[str], columns: Sequence[str], fold: bool = False
) -> Table:
    """Return a table whose first columns are names, set left, and whose others are numbers.

    In a narrow terminal names are folded; numbers only with `fold`, for columns of systems.
    """
    table = Table(
        title=Text(title, style="bold"), box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False,
        padding=(0, 1, 0, 0),
    )  # fmt: skip
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for column in columns:
        table.add_column(Text(column), justify="right", overflow="fold", no_wrap=not fold)
    return table


def _add(table: Table, cells: Sequence[str], bold: Sequence[bool] = ()) -> None:
    styles = ["bold" if n < len(bold) and bold[n] else "" for n in range(len(cells))]
    table.add_row(*(Text(one_line(c), style=s) for c, s in zip(cells, styles, strict=True)))


def _names(systems: Sequence[Report]) -> list[str]:
    return [one_line(system["name"]) for system in systems]


def _make_headline(
    report: Report, shown: Sequence[Report], systems: Sequence[Report]
) -> Iterator[Table]:
    keys = headline_keys(report)
    if not keys:
        return
    images = report.get("truth", {}).get("images")
    facts = [f"mode {report['mode']}"] if report.get("mode") else []
    facts += [] if images is None else [f"{images:,} {'image' if images == 1 else 'images'}"]
    title = one_line(", ".join(["Scores times 100", *facts, *_say_level(systems)]))
    table = _make_table(title, ["score"], _names(shown), fold=True)
    for key in keys:
        bold = best([headline(system, key) for system in systems])
        first = next(n for n, system in enumerate(systems) if system is shown[0])
        cells = [_with_interval(system, key) for system in shown]
        _add(table, [title_of(key), *cells], [False, *bold[first : first + len(shown)]])
    yield table


def _with_interval(system: Report, key: str) -> str:
    value, half = percent(headline(system, key)), half_width(system, key)
    return value if half is None else f"{value} +- {percent(half)}"


def _say_level(systems: Sequence[Report]) -> list[str]:
    given = [i for s in systems for i in s.get("intervals", {}).values() if i and i.get("level")]
    return [f"+- is half the {100 * given[0]['level']:g} % interval"] if given else []


def _make_differences(report: Report) -> Iterator[Table]:
    if not report.get("comparisons"):
        return
    table = _make_table(
        "Differences times 100", ["score", "first", "second"], ["difference", "interval", "p"]
    )
    for pair in report["comparisons"]:
        low, high, p = (pair.get(key) for key in ("low", "high", "p_value"))
        around = "-" if low is None or high is None else (
            f"{percent(low, sign=True)} to {percent(high, sign=True)}"
        )  # fmt: skip
        cells = [
            percent(pair.get("difference"), sign=True),
            around,
            "-" if p is None else f"{p:.3f}",
        ]
        _add(table, [title_of(pair["headline"]), pair["first"], pair["second"], *cells])
    yield table


def _make_thresholds(systems: Sequence[Report]) -> Iterator[Table]:
    found = [(s, row) for s in systems for row in threshold_rows(s)]
    for thresholds in dict.fromkeys(row.thresholds for _, row in found):
        mine = [(s, row) for s, row in found if row.thresholds == thresholds]
        columns = [*map(short, thresholds), "mean"]
        table = _make_table("By threshold, times 100", ["score"], columns)
        for title in dict.fromkeys(row.title for _, row in mine):
            _add(table, [title, *[""] * len(columns)], [True])
            for system, row in mine:
                if row.title == title:
                    values = [percent(value, 1) for value in (*row.values, row.average)]
                    _add(table, [f"  {system['name']}", *values])
        yield table


def _make_labels(report: Report, start: int) -> Iterator[Table]:
    rows = label_ious(report)
    if not rows:
        return
    shown = slice(start, start + _COLUMNS)
    table = _make_table(
        "IoU by label, times 100", ["id", "label"], _names(report["systems"][shown]), fold=True
    )
    for label_id, name, values in rows:
        cells = [percent(value) for value in values[shown]]
        _add(table, [str(label_id), name, *cells], [False, False, *best(values)[shown]])
    yield table


def _make_group_scores(report: Report, start: int) -> Iterator[Table]:
    """Return a table a grouping: the first headline of each group, with its interval."""
    systems = report["systems"][start : start + _COLUMNS]
    for grouping in dict.fromkeys(name for s in systems for name in s.get("groups", {})):
        found = [s.get("groups", {}).get(grouping, {}) for s in systems]
        rows = [(g, k) for g in dict.fromkeys(g for f in found for g in f) for k in _FIRST_SCORES]
        table = _make_table(
            f"By {grouping}, times 100", ["group", "score"], ["persons", *_names(systems)], True
        )
        for group, key in rows:
            mine = [f.get(group, {}) for f in found]
            if any(m.get("scores", {}).get(key) is not None for m in mine):
                persons = next((m["persons"] or m["images"] for m in mine if m), 0)
                cells = [_group_cell(m, key) for m in mine]
                _add(table, [group, title_of(key), f"{persons:,}", *cells])
        yield table


def _group_cell(group: Report, key: str) -> str:
    value = percent(group.get("scores", {}).get(key))
    ends = group.get("intervals", {}).get(key) or {}
    if ends.get("low") is None or ends.get("high") is None:
        return value
    return f"{value} ({percent(ends['low'], 1)} to {percent(ends['high'], 1)})"


def _say_labels(report: Report, systems: Sequence[Report]) -> Iterator[str]:
    for system in systems:
        lines = say_mixups(system.get("mixups") or {}, list(report.get("labels", [])))
        if lines:
            yield "\n".join([f"Labels, {one_line(system['name'])}", *lines, ""])


def _make_failures(systems: Sequence[Report]) -> Iterator[Table]:
    counts = [failure_counts(system) for system in systems]
    for title in dict.fromkeys(title for found in counts for title in found):
        mine = [
            (s, found[title]) for s, found in zip(systems, counts, strict=True) if title in found
        ]
        table = _make_table(title, ["system"], [*(kind for kind, _ in mine[0][1]), "all"], True)
        for system, found in mine:
            total = sum(count for _, count in found)
            cells = [_with_share(count, total) for _, count in found]
            _add(table, [system["name"], *cells, f"{total:,}"])
        yield table


def _with_share(count: int, total: int) -> str:
    return f"{count:,} ({100 * count / total:.1f}%)" if total else f"{count:,}"


def _make_spread(report: Report) -> Iterator[Table | str]:
    names = [str(system["name"]) for system in report.get("systems", [])]
    for metric, spread in report.get("spread", {}).items():
        title = f"{title_of(metric)} by reading, times 100"
        table = _make_table(title, ["reading"], [one_line(name) for name in names], fold=True)
        for reading in spread.get("readings", []):
            values = [reading.get("values", {}).get(name) for name in names]
            _add(table, [reading["name"], *map(percent, values)], [False, *best(values)])
        yield table
        yield say_spread(spread, names) + "\n"


def _make_gaps(systems: Sequence[Report]) -> Iterator[str]:
    for system in systems:
        name, missing = one_line(system["name"]), system.get("missing", [])
        if missing:
            yield f"{name}: {say_missing(len(missing))}: {name_first(missing)}"
        faults = system.get("faults", [])
        if faults:
            yield f"{name}: {say_faults(len(faults))}:"
            for fault in faults[:FIRST]:
                yield f"  {one_line(fault['image_id'])}: {one_line(fault['message'])}"
            if len(faults) > FIRST:
                yield f"  and {len(faults) - FIRST:,} more"
        if system.get("extra_images"):
            yield f"{name}: {say_extra(system['extra_images'])}"
