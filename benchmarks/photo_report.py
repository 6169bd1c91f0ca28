"""The results of benchmarks/photo.py as text: never a bare time, always a ratio of one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.report import (
    SMOKE,
    format_hashes,
    format_machine,
    format_megabytes,
    format_ratio,
    format_table,
    format_verdict,
    format_versions,
)

# What a run is asked for: so many times as fast, and at most so much memory.
LEAST_RATIO, MOST_BYTES = 30, 1_000_000_000


def headline(result: Mapping[str, Any]) -> str:
    """Return the one line that may be quoted."""
    ratio, (ours, theirs) = result["ratio"], _sides(result)
    warning = SMOKE if result["quick"] else ""
    return (
        f"{warning}One {result['photo']['width']} x {result['photo']['height']} photo with "
        f"{result['photo']['persons']} people: peopleparse is {ratio['median']:.1f} times as fast "
        f"as Mask R-CNN and DeepLab in torch ({ratio['low']:.1f} to {ratio['high']:.1f} in "
        f"{result['repetitions']} pairs of turns), with a peak memory of "
        f"{_peak(ours)} against {_peak(theirs)}."
    )


def photo_table(result: Mapping[str, Any]) -> str:
    """Return a Markdown table of both sides, and under it what was run and how it came out."""
    sides = _sides(result)
    rows = [
        ["time of one photo, peopleparse = 1", "1", format_ratio(result["ratio"])],
        ["the same, first photo of a turn", "1", format_ratio(result["ratio_of_uncounted"])],
        ["processor time of all threads", "1", format_ratio(result["ratio_of_processor_time"])],
        ["peak memory of the process", *map(_peak, sides)],
        ["people parsed", *(str(side["persons_parsed"]) for side in sides)],
    ]
    for kind in sides[0]["kind_shares"]:
        rows.append([f"share of {kind}", *(f"{side['kind_shares'][kind]:.1%}" for side in sides)])
    table = format_table(["", "peopleparse", "Mask R-CNN + DeepLab"], rows)
    return "\n".join([table, "", *_bullets(result), *_verdict(result)])


def spinning_table(result: Mapping[str, Any]) -> str:
    """Return a Markdown table of what threads that spin cost or bring."""
    spinning = result["spinning"]
    rows = [
        ["time of a photo right after another", format_ratio(spinning["seconds"])],
        ["time of a photo after a rest", format_ratio(spinning["seconds_after_rest"])],
        [
            "processor time of a photo and the rest after it",
            format_ratio(spinning["processor_time"]),
        ],
    ]
    return "\n".join(
        [
            format_table(["idle threads of ONNX Runtime spin", "sleep = 1"], rows),
            "",
            f"* {format_machine(result)}",
            f"* Network `{spinning['model']}`: {format_hashes(spinning)}.",
        ]
    )


def describe_people(about: Mapping[str, Any], persons: int) -> str:
    """Return how many of the people the model finds, and whether their boxes were given to it."""
    found = f"The model by itself finds {about['persons_found']} of its {persons} people"
    if not about["true_boxes_planted"]:
        return f"{found}."
    less = "fewer than there are" if about["persons_found"] < persons else "not their number"
    return (
        f"{found}; that is {less}, so the {persons} true boxes were put in its heat map and parsed."
    )


def _sides(result: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return result["sides"]["peopleparse"], result["sides"]["torch"]


def _peak(side: Mapping[str, Any]) -> str:
    return format_megabytes(side["peak_bytes"])


def _bullets(result: Mapping[str, Any]) -> list[str]:
    (ours, theirs), photo = _sides(result), result["photo"]
    return [
        f"* Photo: {photo['kind']}, seed {result['seed']}. "
        f"{describe_people(ours, photo['persons'])}",
        f"* Network `{ours['model']}`, detail {ours['detail']}: {format_hashes(ours)}.",
        f"* {format_machine(result)}",
        f"* {format_versions({**ours['versions'], **theirs['versions']})}",
    ]


def _verdict(result: Mapping[str, Any]) -> list[str]:
    ratio, peak = result["ratio"]["median"], _sides(result)[0]["peak_bytes"]
    return [
        f"* Asked for: at least {LEAST_RATIO} times as fast "
        f"({format_verdict(ratio >= LEAST_RATIO)}), at most {MOST_BYTES / 1e6:,.0f} MB "
        f"({format_verdict(None if peak is None else peak <= MOST_BYTES)})."
    ]
