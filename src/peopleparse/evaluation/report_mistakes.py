"""Sections of the report page that show mistakes: mix-ups, failures, groups of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from peopleparse.evaluation.report_figures import (
    draw_bar,
    draw_mark,
    draw_stack,
    fate_class,
    system_class,
)
from peopleparse.evaluation.report_html import (
    Html,
    heading,
    note,
    number,
    raised,
    section,
    table,
    tag,
    wide,
)
from peopleparse.evaluation.report_scores import Report, names_of
from peopleparse.evaluation.report_values import Counts, failure_counts, label_failures
from peopleparse.evaluation.report_words import (
    percent,
    say_mixups,
    title_of,
)

# Every headline of every group would be a wall of numbers; the others are in the JSON.
_GROUPED = (
    "mean_iou", "ap_lambda_strict", "ap_p_vol", "ap_r_vol", "ap_h_vol", "person_mask_ap", "pq",
)  # fmt: skip
_MOST = 8  # mix-ups named beside a matrix
_SHADES = 10


def make_confusion(report: Report) -> Html:
    """Return each system's confusion matrix, rows truth, as a table of shaded percentages."""
    labels = [str(name) for name in report.get("labels", [])]
    parts: list[Html] = []
    for system in report.get("systems", []):
        matrix = (system.get("scores", {}).get("pixels") or {}).get("confusion")
        if matrix and any(map(any, matrix)):
            title = tag("summary", system["name"])
            drawn = wide(f"Confusion, {system['name']}", _draw_matrix(matrix, labels))
            said = [note(line) for line in say_mixups(system.get("mixups") or {}, labels)]
            beside = tag("div", *_name_mixups(matrix, labels), *said)
            both = tag("div", drawn, beside, class_="beside")
            parts.append(tag("details", title, both, open=None if parts else ""))
    if not parts:
        return Html()
    words = note(
        "Each row is a label of the truth and adds up to 100: what its pixels were predicted as. "
        "Blue is right, orange is mixed up; shades follow the square root, so that small shares "
        "are seen."
    )
    return section("confusion", "Mix-ups", words, *parts)


def _draw_matrix(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> Html:
    # A label without a pixel on either side has neither row nor column.
    used = [n for n in range(len(matrix)) if any(matrix[n]) or any(row[n] for row in matrix)]
    names = {n: labels[n] if n < len(labels) and labels[n] else str(n) for n in used}
    head = [tag("th", tag("span", names[n]), scope="col") for n in used]
    rows = []
    for t in used:
        total = sum(matrix[t])
        cells = [_draw_cell(matrix[t][p], total, t == p, names[t], names[p]) for p in used]
        rows.append(tag("tr", tag("th", names[t], scope="row"), *cells))
    corner = tag("td", "truth \u2193 prediction \u2192", class_="faint")
    top = tag("thead", tag("tr", corner, *head))
    return tag("table", top, tag("tbody", *rows), class_="matrix")


def _draw_cell(count: int, total: int, right: bool, truth: str, predicted: str) -> Html:
    if not total:
        return tag("td")
    share = count / total
    shade = math.ceil(_SHADES * math.sqrt(share) - 1e-9)
    kind = f"{'r' if right else 'w'}{shade}" if count else None
    words = f"{truth} predicted as {predicted}: {100 * share:.2f} %, {count:,} pixels"
    shown = "" if share < 0.005 else percent(share, 0)
    return tag("td", shown, class_=kind, data_tip=words if count else None)


def _name_mixups(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> list[Html]:
    wrong = [
        (count, t, p)
        for t, row in enumerate(matrix)
        for p, count in enumerate(row)
        if t != p and count
    ]
    total = sum(count for count, _, _ in wrong)
    wrong.sort(key=lambda found: (-found[0], found[1], found[2]))
    rows: list[list[object]] = [
        [
            labels[t] if t < len(labels) else str(t),
            labels[p] if p < len(labels) else str(p),
            number(percent(count / sum(matrix[t]), 1), count / sum(matrix[t])),
            number(percent(count / total, 1), count / total),
        ]
        for count, t, p in wrong[:_MOST]
    ]
    if not rows:
        return [note("No pixel is wrong.")]
    head: list[object] = ["truth", "predicted as", "% of truth", "% of mistakes"]
    return [heading("Most frequent mix-ups"), wide("Most frequent mix-ups", table(head, rows))]


def make_failures(report: Report) -> Html:
    """Return where truth and predictions went, as stacked bars with counts."""
    systems = report.get("systems", [])
    found = [failure_counts(system) for system in systems]
    parts: list[Html] = []
    for title in dict.fromkeys(title for counts in found for title in counts):
        parts.append(heading(title))
        for n, counts in enumerate(found):
            if title in counts:
                parts.append(_draw_failures(n, systems[n]["name"], counts[title]))
    for n, system in enumerate(systems):
        parts += _make_label_failures(n, system, report)
    words = note("Each person, part and pixel is counted once.") if parts else None
    return section("failures", "Failures", words, *parts)


def _draw_failures(index: int, name: str, counts: Counts) -> Html:
    total = sum(count for _, count in counts)
    items = []
    for kind, count in counts:
        share = f" {100 * count / total:.1f} %" if total else ""
        swatch = tag("svg", tag("rect", width="100%", height="100%"), class_=_swatch(kind))
        items.append(tag("li", swatch, f"{kind} ", tag("b", f"{count:,}"), tag("small", share)))
    head = tag("p", draw_mark(index), name, tag("small", f" {total:,} in all"))
    return tag("div", head, draw_stack(counts), tag("ul", *items), class_="failures")


def _swatch(kind: str) -> str:
    return f"swatch {fate_class(kind)}"


def _make_label_failures(index: int, system: Mapping[str, Any], report: Report) -> list[Html]:
    labels, rows = list(report.get("labels", [])), []
    for label_id, (truth, found) in label_failures(system).items():
        sums = [sum(count for _, count in counts) for counts in (truth, found)]
        if any(sums):
            name = labels[label_id] if label_id < len(labels) else str(label_id)
            cells = [
                _stack_cell(counts, total)
                for counts, total in zip((truth, found), sums, strict=True)
            ]
            rows.append(
                [
                    name,
                    number(f"{sums[0]:,}", sums[0]),
                    cells[0],
                    number(f"{sums[1]:,}", sums[1]),
                    cells[1],
                ]
            )
    if not rows:
        return []
    head: list[object] = [
        "label",
        "truth parts",
        "what became of them",
        "predicted parts",
        "what they are",
    ]
    title = tag("summary", draw_mark(index), f"By label, {system['name']}")
    return [tag("details", title, wide(f"Failures by label, {system['name']}", table(head, rows)))]


def _stack_cell(counts: Counts, total: int) -> Html:
    """Return a bar, sorted by the share of its first kind, which is the good one."""
    share = counts[0][1] / total if total else None
    words = ", ".join(f"{kind} {count:,}" for kind, count in counts if count)
    hidden = tag("span", words, class_="spoken")
    order = None if share is None else repr(share)
    return tag("td", draw_stack(counts), hidden, class_="stacked", data_value=order)


def make_groups(report: Report) -> Html:
    """Return the scores of each group of images."""
    systems = report.get("systems", [])
    groupings = dict.fromkeys(name for s in systems for name in s.get("groups", {}))
    parts: list[Html] = []
    for grouping in groupings:
        given = [system.get("groups", {}).get(grouping, {}) for system in systems]
        parts += [heading(grouping.replace("_", " ")), _make_group_table(report, grouping, given)]
    words = (
        note(
            "Times 100. Bars run from 0 to 100. In brackets: the 95 % interval over draws of the "
            "group's images, where images were drawn."
        )
        if parts
        else None
    )
    return section("groups", "Groups", words, *parts)


def _make_group_table(report: Report, grouping: str, given: list[dict[str, Any]]) -> Html:
    names = names_of(report)
    groups = dict.fromkeys(name for found in given for name in found)
    keys = {key for found in given for group in found.values() for key in group.get("scores", {})}
    wanted = [key for key in _GROUPED if key in keys] or sorted(keys)
    rows: list[list[object]] = []
    for group in groups:
        for n, found in enumerate(given):
            if group in found:
                mine = found[group]
                system = tag("td", draw_mark(n), names[n], class_="system")
                counts = [_count(mine.get(key)) for key in ("images", "persons")]
                ends = mine.get("intervals", {})
                cells = [
                    _measure(n, mine.get("scores", {}).get(key), ends.get(key)) for key in wanted
                ]
                rows.append([group, system, *counts, *cells])
    head: list[object] = ["group", "system", "images", "persons"]
    head += [tag("th", raised(title_of(key)), scope="col") for key in wanted]
    return wide(f"Scores by {grouping}", table(head, rows))


def _count(value: int | None) -> Html:
    return number("-" if value is None else f"{value:,}", value)


def _measure(index: int, value: float | None, interval: Mapping[str, Any] | None = None) -> Html:
    shown = "\u2013" if value is None else percent(value, 1)
    if interval and interval.get("low") is not None:
        shown += f" ({percent(interval['low'], 1)} to {percent(interval['high'], 1)})"
    inner = tag("div", draw_bar(value), tag("span", shown), class_=f"measure {system_class(index)}")
    return tag("td", inner, data_value=None if value is None else repr(float(value)))
