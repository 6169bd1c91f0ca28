"""The ledger of the table experiment as Markdown: tables in the paper's layout, and its claims."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from peopleparse.experiments.gps_rows import COLUMNS, ROWS, SEEDS, SUBSETS, recipe_of
from peopleparse.experiments.runs import Entry, Ledger, read_current
from peopleparse.experiments.tables import (
    DASH,
    fill_between,
    make_table,
    mean_and_spread,
    write_between,
)

BEGIN, END = "<!-- gps_tables:begin -->", "<!-- gps_tables:end -->"
READINGS = ("literal", "strict")
# What section 5.2 of the paper says of its tables: the first row is better than the second. The
# last line is not the paper's.
CLAIMS = {
    "fusion": ("fuse", "loc"),
    "fusion, with adjustment": ("ad_fuse", "ad_loc"),
    "adjustment": ("ad_loc", "loc"),
    "adjustment, with fusion": ("ad_fuse", "fuse"),
    "GPSNet over Det.+Par.": ("ad_fuse", "det_par"),
    "GPSNet over Ins.+Glo.": ("ad_fuse", "ins_glo"),
    "structure loss": ("ad_fuse_ssl", "ad_fuse"),
}
_TABLES = {"indoor": "Table 2", "outdoor": "Table 3"}


def read_runs(path: Path) -> Ledger:
    """Read the runs of the present protocol from a ledger; none where there is no file.

    Raises:
        DataError: a line is no entry.
    """
    return read_current(path, ROWS, recipe_of)


def format_table(entries: Iterable[Entry], subset: str, reading: str = "literal") -> str:
    """Return one table in the layout of the paper, in per cent: ours, and the paper's beside it.

    Args:
        entries: of a ledger.
        subset: "indoor" (the paper's Table 2) or "outdoor" (Table 3).
        reading: of AP^lambda. Only `literal` is of the kind that the paper's numbers are.

    Returns:
        Mean and standard deviation over seeds (of a sample; none for one seed). A row without a
        run has dashes.
    """
    heads = [f"AP.{round(10 * column)}" for column in COLUMNS] + ["average AP"]
    rows = [["method", "seeds", *heads, *(f"paper: {head}" for head in heads)]]
    for name, row in ROWS.items():
        runs = [run["scores"][reading] for run in _pick(entries, subset, name).values()]
        columns = [[run["ap"][round(10 * c) - 1] for run in runs] for c in COLUMNS]
        columns.append([run["average"] for run in runs])
        paper = [f"{value:.2f}" for value in row.paper.get(subset, ())] or [DASH] * len(heads)
        rows.append([row.title, str(len(runs)), *map(mean_and_spread, columns), *paper])
    return make_table(rows)


def format_people(entries: Iterable[Entry], subset: str) -> str:
    """Return how well each method finds persons, whatever their parts, in per cent."""
    heads = ("mask AP, .5 to .95", "mask recall at .5", "predictions a truth person")
    rows = [["method", "seeds", *heads]]
    for name, row in ROWS.items():
        runs = [run["scores"] for run in _pick(entries, subset, name).values()]
        cells = [mean_and_spread([run[key] for run in runs]) for key in _PEOPLE]
        many = [run["predictions"] / run["truth_persons"] for run in runs]
        cells.append(f"{statistics.fmean(many):.2f}" if many else DASH)
        rows.append([row.title, str(len(runs)), *cells])
    return make_table(rows)


_PEOPLE = ("mask_ap", "mask_recall_50")


def format_differences(entries: Iterable[Entry], subset: str) -> str:
    """Return what the paper claims, as differences of average AP between rows of one seed.

    Two rows of a seed saw the same scenes in the same order, so each seed gives one difference:
    mean, standard deviation and in how many seeds it is above 0. The verdict is over both readings.
    """
    heads = [head for reading in READINGS for head in (reading, f"{reading}: above 0")]
    rows = [["average AP", "seeds", *heads, "paper", "direction"]]
    for title, (better, worse) in CLAIMS.items():
        first, second = _pick(entries, subset, better), _pick(entries, subset, worse)
        seeds = sorted(first.keys() & second.keys())
        found = {
            reading: [_average(first[s], reading) - _average(second[s], reading) for s in seeds]
            for reading in READINGS
        }
        paper = _paper_difference(subset, better, worse)
        cells = []
        for values in found.values():
            above = sum(value > 0 for value in values)
            cells += [mean_and_spread(values, "+"), f"{above} of {len(seeds)}" if seeds else DASH]
        printed = DASH if paper is None else f"{paper:+.2f}"
        verdict = _judge(list(found.values()), paper)
        rows.append([title, str(len(seeds)), *cells, printed, verdict])
    return make_table(rows)


def format_subset(entries: Sequence[Entry], subset: str) -> str:
    """Return all tables of one subset under a heading."""
    parts = [f"### {subset.capitalize()}: the paper's {_TABLES[subset]}"]
    if not any(entry["subset"] == subset for entry in entries):
        return f"{parts[0]}\n\nNo run yet."
    for reading in READINGS:
        parts += [f"`{reading}`, in per cent:", format_table(entries, subset, reading)]
    parts += ["What the paper claims, in points:", format_differences(entries, subset)]
    parts += ["Persons by their masks, in per cent:", format_people(entries, subset)]
    return "\n\n".join(parts)


def format_missing(
    entries: Iterable[Entry],
    rows: Sequence[str] = tuple(ROWS),
    subsets: Sequence[str] = SUBSETS,
    seeds: Sequence[int] = SEEDS,
) -> str:
    """Return one line that says which of the wanted runs are not there."""
    there = {(entry["subset"], entry["row"], entry["seed"]) for entry in entries}
    missing = []
    for subset, row in product(subsets, rows):
        absent = [str(seed) for seed in seeds if (subset, row, seed) not in there]
        if absent:
            missing.append((f"{subset} {ROWS[row].title} (seed {', '.join(absent)})", len(absent)))
    whole = len(rows) * len(subsets) * len(seeds)
    if not missing:
        return f"All {whole} runs are there."
    count = sum(number for _, number in missing)
    return f"Missing: {count} of {whole} runs. " + "; ".join(name for name, _ in missing) + "."


def fill_page(text: str, ledger: Path) -> str:
    """Return a page with what stands between its markers made from a ledger.

    Raises:
        DataError: the markers are not there once each, or a line of the ledger is no entry.
    """
    return fill_between(text, BEGIN, END, _body(read_runs(ledger)))


def write_tables(ledger: Path, page: Path) -> None:
    """Write the tables of a ledger, with runs missing or not, between the markers of a page.

    Raises:
        DataError: there is no page, its markers are not there once each, or a line of the ledger
            is no entry.
    """
    write_between(page, BEGIN, END, _body(read_runs(ledger)))


def _body(ledger: Ledger) -> str:
    if not ledger.entries:
        return "No run yet."
    parts = [format_subset(ledger.entries, subset) for subset in SUBSETS]
    notes = [format_missing(ledger.entries), *_facts(ledger)]
    return "\n\n".join([*parts, "\n".join(f"* {note}" for note in notes)])


def _facts(ledger: Ledger) -> list[str]:
    """Return what was scored on, how long runs took, and what is left out."""
    facts = []
    for subset in SUBSETS:
        runs = [entry for entry in ledger.entries if entry["subset"] == subset]
        for images, digest in sorted({(e["test_images"], e["test_sha256"]) for e in runs}):
            facts.append(f"{subset} is scored on {images} test images, truth `{digest[:16]}`.")
    train, score = (
        statistics.median(entry[key] for entry in ledger.entries) / 60
        for key in ("train_seconds", "score_seconds")
    )
    machines = " and ".join(sorted({entry["processor"] for entry in ledger.entries}))
    facts.append(
        f"A run took {train:.0f} minutes to train and {score:.0f} to score ({machines}; medians; "
        "of a run that was stopped the last part only)."
    )
    if ledger.others:
        facts.append(f"Entries of other recipes, left out: {ledger.others}.")
    return facts


def _pick(entries: Iterable[Entry], subset: str, row: str) -> dict[int, Entry]:
    """Return the runs of a row by seed."""
    return {e["seed"]: e for e in entries if e["subset"] == subset and e["row"] == row}


def _average(entry: Entry, reading: str) -> float:
    return float(entry["scores"][reading]["average"])


def _paper_difference(subset: str, better: str, worse: str) -> float | None:
    first, second = ROWS[better].paper.get(subset), ROWS[worse].paper.get(subset)
    return first[-1] - second[-1] if first and second else None


def _judge(readings: Sequence[Sequence[float]], paper: float | None) -> str:
    """Say whether differences have the sign of the paper's, in every reading and seed."""
    if paper is None or not readings[0]:
        return DASH
    signed = [[value * paper for value in values] for values in readings]
    means = [statistics.fmean(values) > 0 for values in signed]
    if all(value > 0 for values in signed for value in values):
        return "as in the paper"
    if all(means):
        return "as in the paper, not in every seed"
    return "depends on the reading" if any(means) else "NOT as in the paper"
