"""The result of benchmarks/train_step.py as text."""

from __future__ import annotations

from benchmarks.report import (
    SMOKE,
    Result,
    format_machine,
    format_megabytes,
    format_ratio,
    format_table,
    format_versions,
)


def headline(result: Result) -> str:
    """Return the one line that may be quoted."""
    ratio = result["ratio"]
    return (
        f"{SMOKE if result['quick'] else ''}A training step of the small GPSNet is "
        f"{ratio['median']:.2f} times as fast as its plain twin ({ratio['low']:.2f} to "
        f"{ratio['high']:.2f} in {result['repetitions']} pairs of turns)."
    )


def step_table(result: Result) -> str:
    """Return a Markdown table of both sides, and under it what was run."""
    ours, plain = result["sides"]["trained"], result["sides"]["plain"]
    rows = [
        ["time of a step", "1", format_ratio(result["ratio"])],
        ["processor time", "1", format_ratio(result["ratio_of_processor_time"])],
        ["peak memory", *(format_megabytes(side["peak_bytes"]) for side in (ours, plain))],
        ["loss of the first step", *(f"{side['first_loss']:.4f}" for side in (ours, plain))],
    ]
    count, _, height, width = ours["image"]
    heads = ["", "channels last, BF16 autocast", "channels first, 32-bit floats"]
    return "\n".join(
        [
            format_table(heads, rows),
            "",
            f"* Recipe `gpsnet_mobilenet_v2`, {count} drawn scenes of {width} x {height} with "
            f"{ours['persons']} boxes, {ours['threads']} threads; a step is forwards, loss, "
            "backwards, optimizer and running mean of the weights.",
            f"* {format_machine(result)}",
            f"* {format_versions(ours['versions'])}",
        ]
    )
