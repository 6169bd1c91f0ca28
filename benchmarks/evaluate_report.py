"""The results of benchmarks/evaluate.py as text: never a bare time, always a ratio of one run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness import BenchmarkError
from peopleparse.data.files import write_file

BEGIN, END = "<!-- evaluate:begin -->", "<!-- evaluate:end -->"
# What a run is asked for: times as fast as each slow side, and times as long as decoding alone.
LEAST = {"loop": 200, "histogram": 40}
MOST_OF_DECODING = 1.5
_SIDES = {"loop": "loop over pairs and labels", "histogram": "histogram a pair"}
_TITLES = {"counts": "pixels of all pairs", "scoring": "whole scoring"}


def headline(result: Mapping[str, Any]) -> str:
    """Return the one line that may be quoted."""
    warning = "SMOKE TEST, these figures mean nothing. " if result["quick"] else ""
    image, form = result["image"], result["forms"]["pairs"]
    height, width = image["size"]
    loop, histogram = (form["counts"][name]["median"] for name in ("loop", "histogram"))
    return (
        f"{warning}Pixels that {image['truth']} x {image['predictions']} persons share, "
        f"{width} x {height}: {loop:.0f} times as fast as a loop over pairs and labels, "
        f"{histogram:.0f} times as fast as a histogram a pair, no count different."
    )


def evaluate_table(result: Mapping[str, Any]) -> str:
    """Return Markdown tables of speed and of files, and under them what was run."""
    heads = ["times as fast as", *(f"{_SIDES[n]} (asked: {LEAST[n]})" for n in LEAST)]
    heads.append("of memory bandwidth")
    rows = []
    for name, form in result["forms"].items():
        for key, title in _TITLES.items():
            ratios = [_ratio(form[key][side], LEAST[side]) for side in LEAST]
            rows.append([f"{name}: {title}", *ratios, f"{1 / form[f'{key}_from_bandwidth']:.1%}"])
    label_maps = result["label_maps"]
    height, width = label_maps["size"]
    runs = label_maps["runs"]
    peaks = " and ".join(f"{_megabytes(run)} at {int(n):,}" for n, run in runs.items())
    last = int(list(runs)[-1])
    files = [
        [
            f"{last:,} label maps of {width} x {height}, decoding alone = 1",
            _verdict(f"{label_maps['ratio']:.2f}", label_maps["ratio"] <= MOST_OF_DECODING),
        ],
        ["share of decoding in that", f"{label_maps['decode_share']:.1%}"],
        ["peak memory of its process", peaks],
        ["share of decoding, group images in pairs", f"{result['groups']['decode_share']:.1%}"],
        ["gain of a second process", _spread(result["second_process"])],
    ]
    tables = [_table(heads, rows), "", _table(["scoring from PNG", ""], files), ""]
    return "\n".join([*tables, *_bullets(result)])


def fill_page(text: str, results: Path) -> str:
    """Return a page with what stands between its markers made from the result.

    Raises:
        BenchmarkError: a marker is missing, or the result is one of a smoke test.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise BenchmarkError(
            f"the page must hold '{BEGIN}' and then '{END}' once each, got {text.count(BEGIN)} "
            f"and {text.count(END)}. Put them where the table belongs."
        )
    path = results / "evaluate.json"
    body = "No result yet: `benchmarks/results/evaluate.json` does not exist."
    if path.is_file():
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["quick"]:
            raise BenchmarkError(
                f"result must be of a whole run, got one of --quick, at {path}. "
                "Run the benchmark without --quick."
            )
        body = evaluate_table(result)
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    return f"{before}{BEGIN}\n{body}\n{after}"


def write_docs(page: Path, results: Path) -> None:
    """Bring the tables of a page up to date."""
    write_file(page, fill_page(page.read_text(encoding="utf-8"), results).encode("utf-8"))


def _bullets(result: Mapping[str, Any]) -> list[str]:
    machine, image = result["machine"], result["image"]
    form = result["forms"]["pairs"]
    load = machine["load_before"]
    busy = "unknown load" if load is None else f"load {load:.2f} before the run"
    note = "" if machine["quiet"] else " **The machine was not known to be quiet: run it again.**"
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return [
        f"* {form['images']} drawn images with {image['truth']} truth and {image['predictions']} "
        f"predicted persons and {image['labels']} labels, seed {result['seed']}; the slow sides "
        f"counted {form['slow_images']} of them, with a difference of {form['difference']} pixels.",
        f"* Run of {result['written']}: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, {versions}, {busy}.{note}",
    ]


def _ratio(ratio: Mapping[str, float], least: float) -> str:
    return _verdict(_spread(ratio), ratio["median"] >= least)


def _verdict(text: str, met: bool) -> str:
    return text if met else f"{text}, NOT met"


def _spread(ratio: Mapping[str, float]) -> str:
    digits = 0 if ratio["median"] >= 100 else 1 if ratio["median"] >= 10 else 2
    low, high = (f"{ratio[key]:.{digits}f}" for key in ("low", "high"))
    return f"{ratio['median']:.{digits}f} ({low} to {high})"


def _megabytes(run: Mapping[str, Any]) -> str:
    return "unknown" if run["peak_bytes"] is None else f"{run['peak_bytes'] / 1e6:,.0f} MB"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
