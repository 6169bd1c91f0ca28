"""The result of benchmarks/engines.py as text: ratios, and one line for each target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.photo_report import describe_people
from benchmarks.report import (
    SMOKE,
    Result,
    format_hashes,
    format_machine,
    format_megabytes,
    format_ratio,
    format_table,
    format_verdict,
    format_versions,
)

DEFAULT = "ONNX Runtime f32"
ASSEMBLED = "Mask R-CNN + DeepLab in torch"
PEER = "MediaPipe selfie segmentation"
TARGET_PERSONS = 5
# What is asked of the best engine with so many people.
MOST_SECONDS, LEAST_RATIO, LEAST_NETWORK = 0.050, 100, 0.70
_LESS = {PEER: "one mask of all people, no persons, no parts"}


def judge(result: Result) -> dict[str, Any]:
    """Return the best engine and how it comes out against each target, by name of the target."""
    sides = _target_sides(result)
    best = min(
        (name for name in sides if name not in (ASSEMBLED, PEER)),
        key=lambda name: sides[name]["seconds"]["median"],
    )
    seconds, ratio = sides[best]["seconds"]["median"], sides[best]["against_assembled"]["median"]
    network = sides[best]["kind_shares"]["network"]
    return {
        "best": best,
        "seconds": {"value": seconds, "asked": MOST_SECONDS, "met": seconds <= MOST_SECONDS},
        "ratio": {"value": ratio, "asked": LEAST_RATIO, "met": ratio >= LEAST_RATIO},
        "network": {"value": network, "asked": LEAST_NETWORK, "met": network >= LEAST_NETWORK},
    }


def headline(result: Result) -> str:
    """Return the one line that may be quoted, and the milliseconds of every side."""
    targets = result["targets"]
    ratio = _target_sides(result)[targets["best"]]["against_assembled"]
    lines = [
        f"{SMOKE if result['quick'] else ''}One 640 x 480 photo with {TARGET_PERSONS} people: "
        f"{targets['best']} is {ratio['median']:.1f} times as fast as {ASSEMBLED} "
        f"({ratio['low']:.1f} to {ratio['high']:.1f}).",
        "",
    ]
    for persons, row in result["persons"].items():
        for name, side in row["sides"].items():
            seconds = side["seconds"]
            lines.append(
                f"{persons:>3} people, {name}: {seconds['median'] * 1e3:.1f} ms "
                f"({seconds['low'] * 1e3:.1f} to {seconds['high'] * 1e3:.1f})"
            )
    return "\n".join(lines)


def engines_table(result: Result) -> str:
    """Return Markdown tables by number of people and by engine, and how the targets came out."""
    counts = list(result["persons"])
    heads = [f"time, {DEFAULT} = 1", *(f"{n} {'person' if n == '1' else 'people'}" for n in counts)]
    names = dict.fromkeys(name for row in result["persons"].values() for name in row["sides"])
    rows = [[_title(name), *(_time(result, n, name) for n in counts)] for name in names]
    sides = _target_sides(result)
    kinds = list(sides[DEFAULT]["kind_shares"])
    more = [f"with {TARGET_PERSONS} people", f"times as fast as {ASSEMBLED}"]
    more += ["peak memory", *(f"share of {kind}" for kind in kinds)]
    detail = [
        [
            _title(name),
            format_ratio(side["against_assembled"]) if name != ASSEMBLED else "1",
            format_megabytes(side["peak_bytes"]),
            *(f"{side['kind_shares'].get(kind, 0):.1%}" for kind in kinds),
        ]
        for name, side in sides.items()
    ]
    tables = [format_table(heads, rows), "", format_table(more, detail), ""]
    return "\n".join([*tables, *_verdicts(result), *_bullets(result)])


def _time(result: Result, persons: str, name: str) -> str:
    side = result["persons"][persons]["sides"].get(name)
    if side is None:
        return "-"
    return "1" if name == DEFAULT else format_ratio(side["against_default"])


def _title(name: str) -> str:
    return f"{name} ({_LESS[name]})" if name in _LESS else name


def _verdicts(result: Result) -> list[str]:
    targets, machine = result["targets"], result["machine"]
    found = {key: format_verdict(targets[key]["met"]) for key in ("seconds", "ratio", "network")}
    return [
        f"* Asked for with {TARGET_PERSONS} people, warm, by the best engine, which is "
        f"{targets['best']}: at most {MOST_SECONDS * 1e3:.0f} ms on two cores ({found['seconds']}: "
        f"{targets['seconds']['value'] * 1e3:.1f} ms on these {machine['cores']}), at least "
        f"{LEAST_RATIO} times as fast as {ASSEMBLED} ({found['ratio']}: "
        f"{targets['ratio']['value']:.1f}), a share of the network of at least "
        f"{LEAST_NETWORK:.0%} ({found['network']}: {targets['network']['value']:.1%}).",
    ]


def _bullets(result: Result) -> list[str]:
    row = result["persons"][str(TARGET_PERSONS)]
    photo, sides = row["photo"], row["sides"]
    lines = [
        f"* Photos of {photo['width']} x {photo['height']}: {photo['kind']}s, seed "
        f"{result['seed']}. With {TARGET_PERSONS} people: "
        f"{describe_people(sides[DEFAULT], TARGET_PERSONS)}"
    ]
    engines = [f"{name}: {side['engine']}" for name, side in sides.items() if "engine" in side]
    lines.append(f"* {'; '.join(engines)}.")
    weights = {format_hashes(side): side["model"] for side in sides.values() if "sha256" in side}
    lines += [f"* Network `{model}`: {hashes}." for hashes, model in weights.items()]
    lines += [f"* Left out here: {name}: {why}" for name, why in row["absent"].items()]
    versions: dict[str, str] = {}
    for side in sides.values():
        versions |= side["versions"]
    return [*lines, f"* {format_machine(result)}", f"* {format_versions(versions)}"]


def _target_sides(result: Result) -> Mapping[str, Any]:
    sides: Mapping[str, Any] = result["persons"][str(TARGET_PERSONS)]["sides"]
    return sides
