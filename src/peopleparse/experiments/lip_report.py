"""The ledger of the LIP experiment as Markdown: the paper's tables with ours, and what they say."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from peopleparse.experiments.lip_rows import (
    ALL_ROWS,
    OTHERS,
    PAPER_LABELS,
    PLAIN,
    ROWS,
    SEEDS,
    STRESS,
    SUBSET,
    plain_row,
    recipe_of,
)
from peopleparse.experiments.runs import Entry, Ledger, read_current
from peopleparse.experiments.tables import (
    DASH,
    fill_between,
    make_table,
    mean_and_spread,
    write_between,
)
from peopleparse.labels import get_scheme

BEGIN, END = "<!-- lip_tables:begin -->", "<!-- lip_tables:end -->"
SCORES = {
    "overall_accuracy": "overall accuracy",
    "mean_accuracy": "mean accuracy",
    "mean_iou": "mean IoU",
}
PAIRS = ("all", "shoe", "leg", "arm")
# What structure learning should change, and whether more is better.
AIMS = {"mean_iou": 1, "mean_accuracy": 1, "overall_accuracy": 1, "left_right": -1, "faulty": -1}
_AIM_NAMES = SCORES | {"left_right": "left for right", "faulty": "people with a fault"}


def read_runs(path: Path) -> Ledger:
    """Read the runs of the present protocol from a ledger; none where there is no file.

    Raises:
        DataError: a line is no entry.
    """
    return read_current(path, ALL_ROWS, recipe_of)


def value_of(entry: Entry, name: str, views: str = PLAIN) -> float | None:
    """Return a score of a run as a fraction; None where nothing was there to score.

    Args:
        entry: a run.
        name: of `SCORES`; "left_right" or "left_right:shoe" and so on; "faulty" for the share of
            judged people with an anatomy fault.
        views: the set.
    """
    scores = entry["scores"][views]
    if name == "faulty":
        found = scores["faulty_per_hundred"]
        return None if found is None else float(found) / 100
    if name.startswith("left_right"):
        found = scores["left_right"][name.partition(":")[2] or "all"]
    else:
        found = scores[name]
    return None if found is None else float(found)


def format_scores(entries: Iterable[Entry]) -> str:
    """Return the paper's table of LIP's val and test splits with ours beside it, in per cent."""
    paper = [f"paper, {split}: {name}" for split in ("val", "test") for name in SCORES.values()]
    rows = [["method", "seeds", *SCORES.values(), *paper]]
    for name in _shown(entries):
        row, runs = ALL_ROWS[name], pick(entries, name).values()
        printed = [f"{v:.2f}" for split in (row.val, row.test) for v in split or ()]
        cells = [mean_and_spread(_values(runs, score)) for score in SCORES]
        rows.append([row.title, str(len(runs)), *cells, *(printed or [DASH] * len(paper))])
    return make_table(rows)


def format_labels(entries: Iterable[Entry]) -> str:
    """Return IoU of each label, mean over seeds, in per cent; the paper's rows below ours.

    A label that one of the two schemes does not have has a dash; both have "upper clothes", but
    coats are apart in LIP and not in GPS.
    """
    gps = get_scheme("gps")
    names = [label.name for label in gps.labels if label.id] + ["background"]
    only = [name for name in PAPER_LABELS if name not in names]
    rows = [["method", *names, *only]]
    for name in _shown(entries):
        runs = pick(entries, name).values()
        found = [[run["scores"][PLAIN]["iou"][gps.id_of(n)] for run in runs] for n in names]
        cells = [_mean([v for v in values if v is not None]) for values in found]
        rows.append([ALL_ROWS[name].title, *cells, *([DASH] * len(only))])
    for row in ROWS.values():
        if row.iou:
            printed = dict(zip(PAPER_LABELS, row.iou, strict=True))
            cells = [f"{printed[n]:.2f}" if n in printed else DASH for n in (*names, *only)]
            rows.append([f"paper: {row.title}", *cells])
    return make_table(rows)


def format_sides(entries: Iterable[Entry]) -> str:
    """Return left taken for right and anatomy faults on plain people, in per cent."""
    heads = ["left for right", *(f"{pair}s" for pair in PAIRS[1:]), "people with a fault"]
    rows = [["method", "seeds", *heads]]
    for name in _shown(entries):
        runs = pick(entries, name).values()
        columns = [*(f"left_right:{pair}" for pair in PAIRS), "faulty"]
        cells = [mean_and_spread(_values(runs, column)) for column in columns]
        rows.append([ALL_ROWS[name].title, str(len(runs)), *cells])
    return make_table(rows)


def format_stress(entries: Sequence[Entry], score: str) -> str:
    """Return one score on every set of views, mean and spread over seeds, in per cent."""
    sets = _sets(entries)
    rows = [["method", "seeds", *(f"{name} ({count})" for name, count in sets.items())]]
    for name in _shown(entries):
        runs = pick(entries, name).values()
        cells = [mean_and_spread(_values(runs, score, views)) for views in sets]
        rows.append([ALL_ROWS[name].title, str(len(runs)), *cells])
    if score == "faulty":
        scores = entries[0]["scores"]
        cells = [_percent(scores[views].get("truth_faulty_per_hundred")) for views in sets]
        rows.append(["the truth itself", DASH, *cells])
    return make_table(rows)


def format_differences(entries: Iterable[Entry], views: str = PLAIN) -> str:
    """Return what structure learning changes, in points: with it less without, within a seed.

    Two rows of a seed saw the same people in the same order, so each seed gives one difference:
    mean, standard deviation, and in how many seeds it is to the good.
    """
    heads = [head for name in AIMS for head in (_AIM_NAMES[name], "better in")]
    rows = [["network", "seeds", *heads, "paper: mean IoU"]]
    for name in _structured(entries):
        cells = []
        for aim, sign in AIMS.items():
            values = differences(entries, name, aim, views)
            better = sum(sign * value > 0 for value in values)
            cells += [mean_and_spread(values, "+")]
            cells += [f"{better} of {len(values)}" if values else DASH]
        with_it, without = ALL_ROWS[name].val, ALL_ROWS[plain_row(name)].val
        printed = f"{with_it[-1] - without[-1]:+.2f}" if with_it and without else DASH
        count = str(len(differences(entries, name, "overall_accuracy", views)))
        rows.append([ALL_ROWS[name].title, count, *cells, printed])
    return make_table(rows)


def differences(entries: Iterable[Entry], row: str, score: str, views: str = PLAIN) -> list[float]:
    """Return a row's score less that of its network without structure learning, by seed."""
    first, second = pick(entries, row), pick(entries, plain_row(row))
    pairs = [
        (value_of(first[seed], score, views), value_of(second[seed], score, views))
        for seed in sorted(first.keys() & second.keys())
    ]
    return [a - b for a, b in pairs if a is not None and b is not None]


def describe(entries: Sequence[Entry]) -> list[str]:
    """Return sentences that state what the numbers say, one a network and set."""
    lines = []
    for name, views in product(_structured(entries), (PLAIN, STRESS)):
        found = {aim: differences(entries, name, aim, views) for aim in AIMS}
        if not found["mean_iou"]:
            continue
        parts = [
            f"{_AIM_NAMES[aim]} {100 * statistics.fmean(found[aim]):+.2f} "
            f"({judge(found[aim], AIMS[aim])})"
            for aim in ("mean_iou", "left_right", "faulty")
            if found[aim]
        ]
        seeds = len(found["mean_iou"])
        where = "plain people" if views == PLAIN else "the stress set"
        lines.append(
            f"{ALL_ROWS[name].title} on {where}, in points against the same network without "
            f"({seeds} seed{'s' if seeds > 1 else ''}): {'; '.join(parts)}."
        )
    return lines


def judge(values: Sequence[float], sign: int) -> str:
    """Say whether differences are to the good: in every seed, beyond their own spread, or not."""
    signed = [sign * value for value in values]
    mean = statistics.fmean(signed)
    if round(100 * mean, 2) == 0:  # as printed
        return "no change"
    word = "better" if mean > 0 else "worse"
    if len(signed) == 1:
        return f"{word}, one seed only"
    same = sum(value * mean > 0 for value in signed)
    within = "" if abs(mean) > statistics.stdev(signed) else ", within the spread over seeds"
    return f"{word} in {same} of {len(signed)} seeds{within}"


def format_all(entries: Sequence[Entry]) -> str:
    """Return all tables and sentences."""
    if not entries:
        return "No run yet."
    parts = ["### The paper's scores", "In per cent:", format_scores(entries)]
    parts += ["IoU of each label, in per cent:", format_labels(entries)]
    parts += ["### Sides and anatomy", "In per cent:", format_sides(entries)]
    parts += ["### With structure learning, less without", "Plain people, in points:"]
    parts += [format_differences(entries), "Stress set, in points:"]
    parts += [format_differences(entries, STRESS), "### Stress set"]
    for score, title in (
        ("left_right", "Left taken for right"),
        ("mean_iou", "Mean IoU"),
        ("faulty", "People with an anatomy fault"),
    ):
        parts += [f"{title}, in per cent (views of each kind in brackets):"]
        parts += [format_stress(entries, score)]
    lines = describe(entries)
    if lines:
        parts += ["### In words", "\n".join(f"* {line}" for line in lines)]
    return "\n\n".join(parts)


def format_missing(
    entries: Iterable[Entry], rows: Sequence[str] = tuple(ROWS), seeds: Sequence[int] = SEEDS
) -> str:
    """Return one line that says which of the wanted runs are not there."""
    there = {(entry["row"], entry["seed"]) for entry in entries}
    absent = {row: [str(s) for s in seeds if (row, s) not in there] for row in rows}
    count, whole = sum(map(len, absent.values())), len(rows) * len(seeds)
    if not count:
        return f"All {whole} runs are there."
    names = [f"{ALL_ROWS[row].title} (seed {', '.join(s)})" for row, s in absent.items() if s]
    return f"Missing: {count} of {whole} runs. {'; '.join(names)}."


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


def pick(entries: Iterable[Entry], row: str) -> dict[int, Entry]:
    """Return the runs of a row by seed."""
    return {e["seed"]: e for e in entries if e["row"] == row}


def _body(ledger: Ledger) -> str:
    if not ledger.entries:
        return "No run yet."
    notes = [format_missing(ledger.entries), *_facts(ledger)]
    return "\n\n".join([format_all(ledger.entries), "\n".join(f"* {note}" for note in notes)])


def _facts(ledger: Ledger) -> list[str]:
    """Return what was scored on, how long runs took, and what is left out."""
    facts = [
        f"Scored on {people} people of the {SUBSET} split, truth of all views `{digest[:16]}`."
        for people, digest in sorted({(e["test_people"], e["test_sha256"]) for e in ledger.entries})
    ]
    train, score = (
        statistics.median(entry[key] for entry in ledger.entries) / 60
        for key in ("train_seconds", "score_seconds")
    )
    machines = " and ".join(sorted({entry["processor"] for entry in ledger.entries}))
    facts.append(
        f"A run took {train:.1f} minutes to train and {score:.1f} to score ({machines}; medians; "
        "of a run that was stopped the last part only)."
    )
    if ledger.others:
        facts.append(f"Entries of other recipes, left out: {ledger.others}.")
    return facts


def _shown(entries: Iterable[Entry]) -> list[str]:
    """Return the rows of the paper, and of the others those that have a run."""
    there = {entry["row"] for entry in entries}
    return [*ROWS, *(name for name in OTHERS if name in there)]


def _structured(entries: Iterable[Entry]) -> list[str]:
    return [name for name in _shown(entries) if ALL_ROWS[name].structure]


def _sets(entries: Sequence[Entry]) -> dict[str, int]:
    """Return how many views each set has: plain first, all stress second."""
    scores = entries[0]["scores"]
    kinds = [name for name in scores if name not in (PLAIN, STRESS)]
    return {name: scores[name]["views"] for name in (PLAIN, STRESS, *kinds)}


def _values(runs: Iterable[Entry], score: str, views: str = PLAIN) -> list[float]:
    found = [value_of(run, score, views) for run in runs]
    return [value for value in found if value is not None]


def _mean(values: Sequence[float]) -> str:
    return f"{100 * statistics.fmean(values):.2f}" if values else DASH


def _percent(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"
