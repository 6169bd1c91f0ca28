"""The results of benchmarks/photo.py as text: never a bare time, always a ratio of one run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness import BenchmarkError
from peopleparse.data.files import write_file

# What a run is asked for: so many times as fast, and at most so much memory.
LEAST_RATIO, MOST_BYTES = 30, 1_000_000_000


def headline(result: Mapping[str, Any]) -> str:
    """Return the one line that may be quoted."""
    ratio, (ours, theirs) = result["ratio"], _sides(result)
    warning = "SMOKE TEST, these figures mean nothing. " if result["quick"] else ""
    return (
        f"{warning}One {result['photo']['width']} x {result['photo']['height']} photo with "
        f"{result['photo']['persons']} people: peopleparse is {ratio['median']:.1f} times as fast "
        f"as Mask R-CNN and DeepLab in torch ({ratio['low']:.1f} to {ratio['high']:.1f} in "
        f"{result['repetitions']} pairs of turns), with a peak memory of "
        f"{_megabytes(ours)} against {_megabytes(theirs)}."
    )


def photo_table(result: Mapping[str, Any]) -> str:
    """Return a Markdown table of both sides, and under it what was run and how it came out."""
    sides = _sides(result)
    rows = [
        ["time of one photo, peopleparse = 1", "1", _ratio(result["ratio"])],
        ["the same, first photo of a turn", "1", _ratio(result["ratio_of_uncounted"])],
        ["processor time of all threads", "1", _ratio(result["ratio_of_processor_time"])],
        ["peak memory of the process", *map(_megabytes, sides)],
        ["people parsed", *(str(side["persons_parsed"]) for side in sides)],
    ]
    for kind in sides[0]["kind_shares"]:
        rows.append([f"share of {kind}", *(f"{side['kind_shares'][kind]:.1%}" for side in sides)])
    table = _table(["", "peopleparse", "Mask R-CNN + DeepLab"], rows)
    return "\n".join([table, "", *_bullets(result), *_verdict(result)])


def profile_table(result: Mapping[str, Any]) -> str:
    """Return two Markdown tables: imports, and threads that spin."""
    imports = [[f"`{code}`", _ratio(ratio)] for code, ratio in result["imports"].items()]
    spinning = result["spinning"]
    rows = [
        ["time of a photo right after another", _ratio(spinning["seconds"])],
        ["time of a photo after a rest", _ratio(spinning["seconds_after_rest"])],
        ["processor time of a photo and the rest after it", _ratio(spinning["processor_time"])],
    ]
    return "\n".join(
        [
            _table(["start of Python with", "Python alone = 1"], imports),
            "",
            _table(["idle threads of ONNX Runtime spin", "sleep = 1"], rows),
            "",
            f"* {_machine(result)}",
            f"* Network `{spinning['model']}`: {_hashes(spinning)}.",
        ]
    )


TABLES = {"photo": photo_table, "photo_profile": profile_table}


def fill_page(text: str, results: Path) -> str:
    """Return a page with the tables between its markers made from the results that exist.

    Args:
        text: Markdown with `<!-- NAME:begin -->` and `<!-- NAME:end -->` for each table.
        results: folder of NAME.json.

    Raises:
        BenchmarkError: a marker is missing, or a result is one of a smoke test.
    """
    for name, make_table in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise BenchmarkError(
                f"the page must hold '{begin}' and then '{end}' once each, got "
                f"{text.count(begin)} and {text.count(end)}. Put them where the table belongs."
            )
        path = results / f"{name}.json"
        body = f"No result yet: `benchmarks/results/{name}.json` does not exist."
        if path.is_file():
            result = json.loads(path.read_text(encoding="utf-8"))
            if result["quick"]:
                raise BenchmarkError(
                    f"result must be of a whole run, got one of --quick, at {path}. "
                    "Run the benchmark without --quick."
                )
            body = make_table(result)
        pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.S)
        table = f"{begin}\n{body}\n{end}".replace("\\", r"\\")
        text = pattern.sub(table, text)
    return text


def write_docs(page: Path, results: Path) -> None:
    """Bring the tables of a page up to date."""
    filled = fill_page(page.read_text(encoding="utf-8"), results)
    write_file(page, filled.encode("utf-8"))


def _sides(result: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return result["sides"]["peopleparse"], result["sides"]["torch"]


def _bullets(result: Mapping[str, Any]) -> list[str]:
    (ours, theirs), photo = _sides(result), result["photo"]
    planted = ""
    if ours["true_boxes_planted"]:
        planted = (
            f"; that is fewer than there are, so the {photo['persons']} true boxes were put in "
            "its heat map and parsed"
        )
    versions = {**ours["versions"], **theirs["versions"]}
    return [
        f"* Photo: {photo['kind']}, seed {result['seed']}. The model by itself finds "
        f"{ours['persons_found']} of its {photo['persons']} people{planted}.",
        f"* Network `{ours['model']}`, detail {ours['detail']}: {_hashes(ours)}.",
        f"* {_machine(result)}",
        f"* {', '.join(f'{name} {version}' for name, version in versions.items())}.",
    ]


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    load = machine["load_before"]
    busy = "unknown load" if load is None else f"load {load:.2f} before the run"
    note = "" if machine["quiet"] else " **The machine was not known to be quiet: run it again.**"
    return (
        f"Run of {result['written']}: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, {busy}.{note}"
    )


def _verdict(result: Mapping[str, Any]) -> list[str]:
    ratio, peak = result["ratio"]["median"], _sides(result)[0]["peak_bytes"]
    fast = "met" if ratio >= LEAST_RATIO else "NOT met"
    small = "unknown" if peak is None else "met" if peak <= MOST_BYTES else "NOT met"
    return [
        f"* Asked for: at least {LEAST_RATIO} times as fast ({fast}), at most "
        f"{MOST_BYTES / 1e6:,.0f} MB ({small})."
    ]


def _hashes(about: Mapping[str, Any]) -> str:
    found = [f"`{name}` sha256 `{digest[:16]}`" for name, digest in about["sha256"].items()]
    return ", ".join(found) or "no passport"


def _ratio(ratio: Mapping[str, float]) -> str:
    digits = 1 if ratio["median"] >= 10 else 2
    return f"{ratio['median']:.{digits}f} ({ratio['low']:.{digits}f} to {ratio['high']:.{digits}f})"


def _megabytes(side: Mapping[str, Any]) -> str:
    return "unknown" if side["peak_bytes"] is None else f"{side['peak_bytes'] / 1e6:,.0f} MB"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
