"""The result of benchmarks/structure_loss.py as text; no torch needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.report import SMOKE, format_machine, format_table, format_verdict, format_versions

PLAIN = "cross-entropy"
FORMS = {
    "paper, centers": ("paper", "centers"),
    "paper, heatmaps": ("paper", "heatmaps"),
    "released": ("released", "heatmaps"),
    "soft, centers": ("soft", "centers"),
    "soft, heatmaps": ("soft", "heatmaps"),
}


def headline(result: Mapping[str, Any]) -> str:
    """Return the one line that may be quoted."""
    warning = SMOKE if result["quick"] else ""
    shares = [form["share"]["median"] for name, form in _structure(result["ratios"]["cells"])]
    return (
        f"{warning}The structure loss is at most {max(shares):.3%} of a training step of DeepLab "
        f"v2 on ResNet-101 at {result['side']} x {result['side']}, batch {result['batch']} "
        f"(asked: at most {result['asked']:.0%})."
    )


def loss_table(result: Mapping[str, Any]) -> str:
    """Return a Markdown table of shares, and under it what was run."""
    side, cells = result["side"], result["grid"][0]
    heads = [
        "share of a training step",
        f"on {cells} x {cells} cells",
        f"on {side} x {side} pixels",
    ]
    rows = []
    for name in (PLAIN, *FORMS):
        values = [_percent(result["ratios"][grid][name]["share"]) for grid in ("cells", "pixels")]
        rows.append([name, *values])
    lines = [
        format_table(heads, rows),
        "",
        f"* {headline(result)[:-1]}: {format_verdict(result['met'])}.",
        f"* {result['repetitions']} steps of {result['threads']} thread(s), processor time; scheme "
        f"`{result['scheme']}`. In brackets the lowest and the highest step.",
        f"* {format_machine(result)}",
        f"* {format_versions(result['versions'])}",
    ]
    return "\n".join(lines)


def _structure(forms: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, form) for name, form in forms.items() if name != PLAIN]


def _percent(share: Mapping[str, float]) -> str:
    return f"{share['median']:.3%} ({share['low']:.3%} to {share['high']:.3%})"
