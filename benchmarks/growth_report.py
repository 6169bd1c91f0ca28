"""The result of benchmarks/growth.py as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.report import SMOKE, Result, format_machine, format_megabytes, format_table
from peopleparse.viz.figure_style import FAINT, LINE, draw_figure, series_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What grows, and what the points are called.
AXES = {"megapixels": "megapixels", "persons": "persons", "photos": "photos in a folder"}
_HEIGHT = 3.9


def growth_table(result: Result) -> str:
    """Return a Markdown table a line, with the fitted exponents, and under them what was run."""
    parts = [SMOKE.strip(), ""] if result["quick"] else []
    for axis, line in result["lines"].items():
        first = next(iter(line["points"].values()))["seconds"]["median"]
        heads = [AXES[axis], *line["points"]]
        times = [f"{p['seconds']['median'] / first:.3g}" for p in line["points"].values()]
        peaks = [format_megabytes(point["peak_bytes"]) for point in line["points"].values()]
        rows = [["time, first = 1", *times], ["peak memory", *peaks]]
        parts += [format_table(heads, rows), ""]
    exponents = [
        f"{AXES[axis]} {line['exponent']:.2f} (between the last two points "
        f"{line['exponent_at_end']:.2f})"
        for axis, line in result["lines"].items()
    ]
    height, width = result["crowd"]
    kind = "Drawn" if result["drawn"] else "Composed val"
    return "\n".join(
        [
            *parts,
            "![Time and peak memory as photos grow in size, people and number](images/growth.png)",
            "",
            f"* Fitted exponent of the time: {', '.join(exponents)}. 1 is in proportion.",
            f"* {kind} scenes, seed {result['seed']}: {result['persons']} people in photos of "
            f"each size, enlarged and with noise; people in {width} x {height}, smaller the more "
            "there are; folders of 640 x 480, with everything that is written for a photo.",
            f"* {format_machine(result)}",
        ]
    )


def draw_growth(result: Result) -> bytes:
    """Return the figure as a PNG: time above, peak memory below, a column for each line."""

    def draw(figure: Figure) -> None:
        # One scale a row: what is flat must look flat beside what is not.
        plots = figure.subplots(2, len(AXES), sharex="col", sharey="row", height_ratios=[3, 2])
        for index, (axis, line) in enumerate(result["lines"].items()):
            points = [float(name) for name in line["points"]]
            values = list(line["points"].values())
            above, below = plots[:, index]
            _draw_time(above, points, values, series_color(index))
            _draw_memory(below, points, values, series_color(index))
            above.set_title(f"exponent {line['exponent']:.2f}")
            below.set_xlabel(AXES[axis])
            below.set_xticks(points, [f"{point:g}" for point in points])
            below.minorticks_off()
        plots[0, 0].set_ylabel("time, first point = 1")
        plots[1, 0].set_ylabel("peak memory, MB")
        plots[1, 0].set_ylim(bottom=0)

    return draw_figure(_HEIGHT, draw, kinds=("png",))["png"]


def _draw_time(axes: Axes, points: list[float], values: list[Any], color: str) -> None:
    first, keys = values[0]["seconds"]["median"], ("low", "median", "high")
    low, middle, high = ([value["seconds"][key] / first for value in values] for key in keys)
    proportion = [point / points[0] for point in points]
    axes.plot(points, proportion, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.annotate(
        "in proportion", (points[-1], proportion[-1]), xytext=(-6, 2), textcoords="offset points",
        ha="right", va="bottom", color=FAINT, fontsize=7,
    )  # fmt: skip
    axes.fill_between(points, low, high, color=color, alpha=0.2, linewidth=0)
    axes.plot(points, middle, color=color, marker="o", markersize=3.5, linewidth=1.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(True, color=LINE)


def _draw_memory(axes: Axes, points: list[float], values: list[Any], color: str) -> None:
    peaks = [(value["peak_bytes"] or 0) / 1e6 for value in values]
    axes.plot(points, peaks, color=color, marker="s", markersize=3.5, linewidth=1.5)
    axes.grid(True, color=LINE)
