"""The result of benchmarks/video.py as text and tables."""

from __future__ import annotations

import math

from benchmarks.report import SMOKE, Result, format_machine, format_table

_MOVED_LOSS = 0.005  # of accuracy where the truth moves, that smoothing may cost


def video_text(result: Result) -> str:
    """Return the tables and what was run."""
    network, speed = result["network"], result["speed"]
    height, width = result["size"]
    smoke = SMOKE if result["quick"] else ""
    frames = result["frames"]
    return "\n".join(
        [
            f"{smoke}Truth with faults: {result['videos']} drawn videos of {frames} frames, 3 to 6 "
            "people.",
            "",
            *_tables(result["faults"]),
            "",
            f"The network `{network['name']}`: {network['videos']} videos of {frames} frames, "
            f"{width} x {height}, {network['kind']}.",
            "",
            *_tables(network),
            "",
            f"A file through everything, with {speed['people'] / speed['frames']:.1f} people a "
            f"frame: {_speed(speed)}",
            "",
            format_table(
                ["step", "share of the time"],
                [[name, _percent(share)] for name, share in speed["shares"].items()],
            ),
            "",
            f"* {_verdict(network['smoothing'])}",
            f"* {format_machine(result)}",
        ]
    )


def _tables(scored: Result) -> list[str]:
    tracks = [
        [
            name,
            str(row["id_switches"]),
            _percent(row["idf1"]),
            _percent(row["mota"]),
            f"{row['misses']} of {row['truth']}",
        ]
        for name, row in scored["tracks"].items()
    ]
    calm = [
        [name, *(_percent(row[key]) for key in ("flicker", "flicker_all")), *_accuracy(row)]
        for name, row in scored["smoothing"].items()
    ]
    return [
        format_table(["ids", "id switches", "IDF1", "MOTA", "missed"], tracks),
        "",
        format_table(
            ["labels", "flicker", "flicker, background too", "accuracy", "where the truth moves"],
            calm,
        ),
    ]


def _accuracy(row: Result) -> list[str]:
    return [_percent(row["accuracy"]), _percent(row["accuracy_moved"])]


def _speed(speed: Result) -> str:
    ratio = speed["frames_a_second"] / speed["frames_a_second_of_network_alone"]
    return f"{ratio:.0%} of the frames a second that the network alone would do."


def _verdict(rows: Result) -> str:
    plain, smooth = rows["strength 0"], rows["strength 0.7"]
    less = 1 - smooth["flicker"] / plain["flicker"] if plain["flicker"] else 0.0
    moved = smooth["accuracy_moved"] - plain["accuracy_moved"]
    met = "met" if less > 0 and moved >= -_MOVED_LOSS else "NOT met"
    return (
        f"Asked for: less flicker ({less:.0%} less at the default strength) at no more than "
        f"{_MOVED_LOSS * 100:.1f} points of accuracy where the truth moves ({moved * 100:+.1f}): "
        f"{met}."
    )


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}%"
