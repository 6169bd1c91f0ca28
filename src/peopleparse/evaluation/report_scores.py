"""Sections of the report page that show scores: headline, thresholds, labels, curves, readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peopleparse.evaluation.report_figures import (
    draw_bar,
    draw_curves,
    draw_dots,
    draw_mark,
    system_class,
)
from peopleparse.evaluation.report_html import (
    DASH,
    Html,
    heading,
    note,
    number,
    raised,
    section,
    spoken,
    table,
    tag,
    wide,
)
from peopleparse.evaluation.report_values import (
    headline,
    headline_keys,
    label_colors,
    label_ious,
    label_scores,
    threshold_rows,
)
from peopleparse.evaluation.report_words import (
    best,
    percent,
    reading_title,
    say_spread,
    short,
    title_of,
)

Report = Mapping[str, Any]


def names_of(report: Report) -> list[str]:
    """Return the names of the systems."""
    return [str(system["name"]) for system in report.get("systems", [])]


def make_key(report: Report) -> Html:
    """Return the list that says which mark and colour is which system."""
    items = [tag("li", draw_mark(n), name) for n, name in enumerate(names_of(report))]
    return tag("ul", *items, class_="key")


def make_headline(report: Report) -> Html:
    """Return the headline scores, a small table each."""
    keys = headline_keys(report)
    if not keys:
        return Html()
    cards = tag("div", *(_make_card(report, key) for key in keys), class_="cards")
    return section("scores", "Scores", _say_intervals(report), cards, *_compare(report))


def _say_intervals(report: Report) -> Html:
    given = [i for s in report.get("systems", []) for i in s.get("intervals", {}).values()]
    known = [i for i in given if i and i.get("low") is not None and i.get("level")]
    words = "Times 100. Bars run from 0 to 100."
    if known:
        level, draws = known[0]["level"], known[0].get("resamples")
        words += f" The line across a bar is the {100 * level:g} % interval"
        words += "." if draws is None else f" of {draws:,} draws of the images."
    return note(words)


def _make_card(report: Report, key: str) -> Html:
    systems = report["systems"]
    values = [headline(system, key) for system in systems]
    rows = []
    for n, (system, bold) in enumerate(zip(systems, best(values), strict=True)):
        interval = system.get("intervals", {}).get(key) or {}
        low, high = interval.get("low"), interval.get("high")
        around = "" if low is None or high is None else f"{percent(low)} to {percent(high)}"
        name = tag("th", system["name"], scope="row")
        value = number(percent(values[n]), values[n], bold)
        rows.append(tag("tr", name, tag("td", around, class_="number faint"), value))
        bar = tag("td", draw_bar(values[n], low, high), colspan="3")
        rows.append(tag("tr", bar, class_=f"drawn {system_class(n)}"))
    return tag("table", tag("caption", raised(title_of(key))), tag("tbody", *rows), class_="card")


def _compare(report: Report) -> list[Html]:
    rows: list[list[object]] = []
    for pair in report.get("comparisons", []):
        low, high, p = pair.get("low"), pair.get("high"), pair.get("p_value")
        around = ""
        if low is not None and high is not None:
            around = f" ({percent(low, sign=True)} to {percent(high, sign=True)})"
        rows.append(
            [
                tag("th", raised(title_of(pair["headline"])), scope="row"),
                pair["first"],
                pair["second"],
                number(percent(pair["difference"], sign=True) + around, pair["difference"]),
                number("-" if p is None else f"{p:.3f}", p),
            ]
        )
    if not rows:
        return []
    head: list[object] = ["score", "first", "second", "first less second", "p"]
    words = "Paired over images: both systems are drawn together. p is two-sided."
    return [heading("Differences"), note(words), wide("Differences", table(head, rows))]


def make_thresholds(report: Report) -> Html:
    """Return the scores at each of their thresholds, those of the same thresholds together."""
    systems = report.get("systems", [])
    found = [(n, row) for n, system in enumerate(systems) for row in threshold_rows(system)]
    order = list(dict.fromkeys(row.title for _, row in found))
    found.sort(key=lambda pair: order.index(pair[1].title))
    tables = []
    for thresholds in dict.fromkeys(row.thresholds for _, row in found):
        head: list[object] = ["score", "system", *map(short, thresholds), "mean"]
        rows: list[list[object]] = [
            [
                tag("th", raised(row.title), scope="row"),
                _name_system(n, systems[n]["name"]),
                *(number(percent(value, 1), value) for value in row.values),
                number(percent(row.average, 1), row.average, bold=True),
            ]
            for n, row in found
            if row.thresholds == thresholds
        ]
        tables.append(wide("Scores by threshold", table(head, rows)))
    text = note("Times 100. The column names are thresholds of overlap.") if tables else None
    return section("thresholds", "By threshold", text, *tables)


def _name_system(index: int, name: str) -> Html:
    return tag("td", draw_mark(index), name, class_="system")


def make_labels(report: Report) -> Html:
    """Return IoU by label, the best first, as bars in the label's colour."""
    ious, names, colors = label_ious(report), names_of(report), label_colors(report)
    if not ious:
        return Html()
    ious.sort(key=lambda row: (-_mean(row[2]), row[0]))
    shares = _truth_shares(report)
    two = len(names) == 2
    head: list[object] = ["label", "share of truth", *names]
    head += [f"{names[0]} less {names[1]}"] if two else []
    rows: list[list[object]] = []
    for label_id, name, values in ious:
        share = shares[label_id] if label_id < len(shares) else None
        cells = [
            _bar_cell(value, colors[label_id], bold)
            for value, bold in zip(values, best(values, 1), strict=True)
        ]
        row: list[object] = [
            _name_label(name, colors[label_id]),
            number(percent(share, 1), share),
            *cells,
        ]
        if two:
            gap = None if None in values else (values[0] or 0.0) - (values[1] or 0.0)
            row.append(number(percent(gap, 1, sign=True), gap))
        rows.append(row)
    words = note(
        "IoU times 100 over the whole set, the best label first. Share of truth: pixels of the "
        "label among all counted pixels, in per cent."
    )
    ious_table = wide("IoU by label", table(head, rows))
    return section("labels", "Labels", words, ious_table, *_make_label_scores(report, ious))


def _make_label_scores(report: Report, ious: Sequence[tuple[int, str, Any]]) -> list[Html]:
    """Return AP^r and PQ by label where they were made, in the order of the table above."""
    systems, colors = report["systems"], label_colors(report)
    columns = [
        (score, s["name"], label_scores(s)) for score in ("ap_r", "panoptic") for s in systems
    ]
    found = [(score, name, given[score]) for score, name, given in columns if score in given]
    if not found:
        return []
    head: list[object] = ["label"]
    head += [
        tag("th", raised(title_of(score)), " ", name, scope="col", class_="number")
        for score, name, _ in found
    ]
    rows: list[list[object]] = []
    for label_id, name, _ in ious:
        given = [values.get(label_id) for _, _, values in found]
        if any(value is not None for value in given):
            cells = [number(percent(value, 1), value) for value in given]
            rows.append([_name_label(name, colors[label_id]), *cells])
    title = tag("h3", raised("AP^r"), " and PQ of each label")
    return [title, wide("AP^r and PQ of each label", table(head, rows))]


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else -1.0


def _truth_shares(report: Report) -> list[float]:
    # Truth is the same for all systems, so one matrix tells.
    for system in report["systems"]:
        matrix = (system.get("scores", {}).get("pixels") or {}).get("confusion")
        total = sum(sum(row) for row in matrix or ())
        if matrix and total:
            return [sum(row) / total for row in matrix]
    return []


def _name_label(name: str, color: tuple[int, int, int]) -> Html:
    fill = "#{:02x}{:02x}{:02x}".format(*color)
    chip = tag("circle", cx="8", cy="8", r="6.5", fill=fill)
    drawn = tag("svg", chip, class_="chip", viewBox="0 0 16 16", aria_hidden="true")
    return tag("th", drawn, name, scope="row", class_="label")


def _bar_cell(value: float | None, color: tuple[int, int, int], bold: bool) -> Html:
    shown = DASH if value is None else percent(value, 1)
    inner = tag(
        "div", draw_bar(value, color=color), tag("b" if bold else "span", shown), class_="measure"
    )
    return tag("td", inner, data_value=None if value is None else repr(float(value)))


def make_curves(report: Report) -> Html:
    """Return a precision-recall plot for each reading."""
    systems, names = report.get("systems", []), names_of(report)
    readings = dict.fromkeys(name for system in systems for name in system.get("curves", {}))
    plots = []
    for reading in readings:
        curves = [system.get("curves", {}).get(reading) for system in systems]
        limits = sorted({short(c["threshold"]) for c in curves if c and c.get("threshold")})
        title = reading_title(reading)
        above = f" at {', '.join(limits)}" if limits else ""
        words = f"Precision over recall, {spoken(title)}{above}: {', '.join(names)}"
        plot = draw_curves(words, curves, names)
        plots.append(tag("figure", tag("figcaption", raised(title), above), plot))
    if not plots:
        return Html()
    return section("curves", "Precision and recall", make_key(report), _plots(plots))


def _plots(plots: list[Html]) -> Html:
    return tag("div", *plots, class_="plots")


def make_spread(report: Report) -> Html:
    """Return every reading of a metric side by side, and whether the ranking changes."""
    names, parts = names_of(report), []
    for metric, spread in report.get("spread", {}).items():
        rows: list[list[object]] = []
        for reading in spread.get("readings", []):
            values = [reading.get("values", {}).get(name) for name in names]
            title = tag("th", tag("b", reading["name"]), scope="row")
            cells = [number(percent(v), v, b) for v, b in zip(values, best(values), strict=True)]
            dots = tag("td", draw_dots(values), class_="drawn")
            words = tag("td", reading.get("description", ""), class_="words")
            rows.append([title, dots, *cells, words])
        head: list[object] = ["reading", "0 to 100", *names, "what it does"]
        parts += [
            tag("h3", raised(title_of(metric))),
            tag("p", say_spread(spread, names), class_="verdict"),
            wide(f"Readings of {spoken(title_of(metric))}", table(head, rows)),
        ]
    key = make_key(report) if parts else None
    return section("readings", "Readings", key, *parts)
