"""The result of benchmarks/folder.py as text and table."""

from __future__ import annotations

from benchmarks.report import (
    Result,
    format_machine,
    format_megabytes,
    format_ratio,
    format_table,
    format_verdict,
)

ASKED = 0.85
FLAT = 1.05  # peak memory after all photos, over that after a fifth of them


def folder_table(result: Result) -> str:
    """Return the table and what was run."""
    found = result["engines"].values()
    rows = [
        ("throughput of a folder, engine alone = 1", [format_ratio(e["fraction"]) for e in found]),
        ("the most that processor time allows", [f"{e['bound']:.2f}" for e in found]),
        ("cores that the engine alone keeps busy", [_number(e["alone_busy_cores"]) for e in found]),
        (
            "processor time of decoding and encoding, engine alone = 1",
            [f"{e['rest_cpu_seconds'] / e['alone_cpu_seconds']:.2f}" for e in found],
        ),
    ]
    counts = list(next(iter(found))["peak_bytes"])
    rows += [
        (
            f"peak memory after {count} photos",
            [format_megabytes(e["peak_bytes"][count]) for e in found],
        )
        for count in counts
    ]
    table = format_table(["", *(e["engine"] for e in found)], [[name, *row] for name, row in rows])
    reached = all(e["fraction"]["median"] >= ASKED for e in found)
    flat = all(
        e["peak_bytes"][counts[1]] <= FLAT * e["peak_bytes"][counts[0]]
        for e in found
        if e["peak_bytes"][counts[0]]
    )
    return "\n".join(
        [
            table,
            "",
            f"* {result['photos']} photos, {result['kind']}, {result['repetitions']} turns each; "
            "overlay, label PNGs and JSON written.",
            f"* {_kills(result['kill'])}",
            f"* {format_machine(result)}",
            f"* Asked for: a fraction of at least {ASKED:.2f} ({format_verdict(reached)}), memory "
            f"flat within {FLAT - 1:.0%} ({format_verdict(flat)}).",
        ]
    )


def _kills(kill: Result) -> str:
    return (
        f"{kill['kills']} runs were killed (SIGKILL) at random moments and resumed: "
        f"{kill['photos_finished_once']} of {kill['photos']} photos were finished once, "
        f"{kill['photos_finished_more_than_once']} more than once; of {kill['files']} files "
        f"{len(kill['different'])} differ from those of an undisturbed run, "
        f"{len(kill['missing'])} are missing."
    )


def _number(value: float) -> str:
    return f"{value:.1f}"
