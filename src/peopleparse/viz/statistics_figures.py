"""Figures of data sets side by side: persons per image, parts, sizes, overlaps, resolution.

Source: GPS paper, Fig. 2 (persons per image) and Fig. 3 (appearances of each part).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from peopleparse.viz.figure_style import (
    FAINT,
    GREY,
    INK,
    KINDS,
    LINE,
    add_key,
    draw_figure,
    series_color,
)
from peopleparse.viz.statistics_numbers import (
    OVERLAP_BINS,
    DataSet,
    group_by_parts,
    make_bins,
    mean_and_deviation,
    over_share,
    shares,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BESIDE = 4  # sets whose bars stand in one plot; more get a plot each
_MOST_NUMBERS = 48  # bars with a number on them
_MOST_CELLS = 30  # rows of a matrix with a number in each cell
_SMALL = 6.5
_ON_DARK, _ON_LIGHT = "#fefefe", "#111111"  # on colours that stay when the page turns dark
_LONGEST = 32  # letters of a name in a figure


class DrawnFigure(NamedTuple):
    """A figure of the page.

    Attributes:
        key: name of its files.
        title: what it shows, as the paper's caption where it has one.
        files: its bytes by kind.
    """

    key: str
    title: str
    files: Mapping[str, bytes]


def draw_statistics(
    sets: Sequence[DataSet], kinds: tuple[str, ...] = KINDS
) -> dict[str, DrawnFigure]:
    """Draw every figure that the data sets have numbers for, by key.

    Args:
        sets: name and statistics of each, as `Statistics.to_dict` gives them.
        kinds: svg, pdf, png.

    Raises:
        InputError: matplotlib is not installed.
    """
    peopled = [n for n, found in enumerate(sets) if found["persons"]]
    several = len(sets) > 1
    plans: list[tuple[str, str, float, Any]] = [
        (
            "resolution",
            "The resolution of the images.",
            2.6 * -(-len(sets) // 3) + 0.3,
            partial(_draw_resolution, sets),
        )
    ]
    if peopled:
        panels = 1 if len(peopled) <= _BESIDE else len(peopled)
        plans += [
            (
                "persons_per_image",
                "The number of persons per image.",
                2.9 if panels == 1 else 1.6 * panels,
                partial(_draw_persons, sets, peopled),
            ),
            (
                "sizes",
                "The sizes of persons.",
                1.4 * len(peopled) + 0.5,
                partial(_draw_sizes, sets, peopled),
            ),
            (
                "overlaps",
                "The overlaps of persons.",
                1.5 * len(peopled) + 0.6,
                partial(_draw_overlaps, sets, peopled),
            ),
        ]
    groups = group_by_parts(sets)
    rows = sum(_part_height(len(names), len(members)) for names, members in groups)
    title = "The appearing times of human parts."
    plans.append(("parts", title, rows + 0.7 * len(groups), partial(_draw_parts, sets, groups)))
    for number, found in enumerate(sets):
        key = f"together_{number + 1}" if several else "together"
        title = f"Parts that appear together: {found['name']}."
        side = min(0.26 * len(found["parts"]), 5.2) + 1.6
        plans.append((key, title, side, partial(_draw_together, found)))
    return {
        key: DrawnFigure(key, title, draw_figure(height, draw, kinds))
        for key, title, height, draw in plans
    }


def _draw_persons(sets: Sequence[DataSet], peopled: list[int], figure: Figure) -> None:
    """Fig. 2: bars of the sets side by side, the number of images on each."""
    groups = [peopled] if len(peopled) <= _BESIDE else [[number] for number in peopled]
    every = {int(count) for n in peopled for count in sets[n]["persons_per_image"]}
    least, most = min(every), max(every)
    for row, group in enumerate(groups):
        axes = figure.add_subplot(len(groups), 1, row + 1)
        width = 0.86 / len(group)
        for place, number in enumerate(group):
            counts = sets[number]["persons_per_image"]
            bars = shares(counts)
            xs = [n - 0.43 + width * (place + 0.5) for n in bars]
            axes.bar(xs, list(bars.values()), width * 0.94, color=series_color(number))
            if len(group) * (most - least + 1) <= _MOST_NUMBERS:
                for x, (count, share) in zip(xs, bars.items(), strict=True):
                    text = f"{_count(counts, count):,}"
                    _write(axes, x, share, text, ha="center", va="bottom", offset=(0, 1.5))
        key = [
            (
                f"{_name(sets[n])}: {mean_and_deviation(sets[n], 'persons_per_image')} persons "
                f"per image, {sum(sets[n]['persons_per_image'].values()):,} images",
                series_color(n),
            )
            for n in group
        ]
        add_key(axes, key)
        axes.set_xlim(least - 0.6, most + 0.6)
        axes.margins(y=0.1)
        step = max(1, -(-(most - least + 1) // 24))
        axes.set_xticks(range(least, most + 1, step))
        _finish(axes, "persons per image" if row == len(groups) - 1 else "", "% of images")
        axes.tick_params(axis="x", length=0)


def _part_height(names: int, members: int) -> float:
    return names * (0.125 * members + 0.07)


def _draw_parts(
    sets: Sequence[DataSet], groups: list[tuple[list[str], list[int]]], figure: Figure
) -> None:
    """Fig. 3: a bar a part and set, with the number of appearances and the share."""
    ratios = [_part_height(len(names), len(members)) for names, members in groups]
    grid = figure.add_gridspec(len(groups), 1, height_ratios=ratios)
    for row, (names, members) in enumerate(groups):
        axes = figure.add_subplot(grid[row])
        width = 0.84 / len(members)
        for place, number in enumerate(members):
            found = sets[number]
            known = [name for name in names if name in found["part_persons"]]
            ys = [names.index(name) - 0.42 + width * (place + 0.5) for name in known]
            counts = [found["part_persons"][name] for name in known]
            parts = [100 * count / max(found["holders"], 1) for count in counts]
            axes.barh(ys, parts, width * 0.92, color=series_color(number))
            for y, count, share in zip(ys, counts, parts, strict=True):
                text = f"{count:,}  {share:.1f} %"
                _write(axes, share, y, text, ha="left", va="center", offset=(2.5, 0))
        key = [
            (f"{_name(sets[n])}: {_holders(sets[n])}, "
             f"{mean_and_deviation(sets[n], 'parts_per_holder')} parts each", series_color(n))
            for n in members
        ]  # fmt: skip
        add_key(axes, key)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.45, -0.55)
        axes.set_xlim(0, 112)
        axes.set_xticks(range(0, 101, 20))
        # A set without persons is counted by images.
        who = {"persons" if sets[n]["instance_level"] else "images" for n in members}
        _finish(axes, f"% of {' or '.join(sorted(who, reverse=True))} that show the part", "")
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False)


def _holders(found: DataSet) -> str:
    who = "persons" if found["instance_level"] else "images, persons not told apart"
    return f"{found['holders']:,} {who}"


def _draw_sizes(sets: Sequence[DataSet], peopled: list[int], figure: Figure) -> None:
    """Height of the box in pixels, and area as a share of the image."""
    plots = (("person_heights", 1, "height of the person's box, pixels"),
             ("person_shares", 10, "area of the person, % of the image"))  # fmt: skip
    for column, (name, unit, label) in enumerate(plots):
        greatest = [max((int(value) for value in sets[n][name]), default=0) for n in peopled]
        step = make_bins(max(greatest) / unit) * unit
        first = None
        for row, number in enumerate(peopled):
            axes = figure.add_subplot(len(peopled), 2, 2 * row + column + 1, sharex=first)
            first = first or axes
            bars = shares(_gather(sets[number][name], step))
            edges = [index * step / unit for index in bars]
            axes.bar(
                edges, list(bars.values()), step / unit * 0.92, align="edge",
                color=series_color(number),
            )  # fmt: skip
            spread = sets[number]["spreads"][name]
            if spread is not None:
                middle = spread["median"] / unit
                axes.axvline(middle, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
                text = f"median {middle:.0f} pixels" if unit == 1 else f"median {middle:.1f} %"
                axes.set_title(f"{_name(sets[number])}: {text}" if column == 0 else text)
            last = row == len(peopled) - 1
            _finish(axes, label if last else "", "% of persons" if column == 0 else "")
            axes.tick_params(axis="x", labelbottom=last)
            axes.set_xlim(0, (max(greatest) // step + 1) * step / unit)


def _gather(counts: Mapping[Any, int], step: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for value, count in counts.items():
        found[int(value) // step] = found.get(int(value) // step, 0) + count
    return found


def _draw_overlaps(sets: Sequence[DataSet], peopled: list[int], figure: Figure) -> None:
    """Greatest box IoU of each person, and box IoU of each pair; no overlap stands apart."""
    plots = (("person_overlaps", "greatest box IoU with another person", "persons"),
             ("pair_overlaps", "box IoU of two persons of an image", "pairs"))  # fmt: skip
    for column, (name, label, what) in enumerate(plots):
        for row, number in enumerate(peopled):
            counts = sets[number][name]
            axes = figure.add_subplot(len(peopled), 2, 2 * row + column + 1)
            bars = shares(counts)
            apart = bars.pop(0, 0.0)
            axes.bar([-2.0], [apart], 0.92, color=GREY)
            axes.bar([n - 0.5 for n in bars], list(bars.values()), 0.92, color=series_color(number))
            axes.axvline(OVERLAP_BINS / 4, color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)))
            over = [over_share(counts, step) for step in (0, OVERLAP_BINS // 4)]
            text = "nobody to overlap"
            if over[0] is not None and over[1] is not None:
                text = f"above 0: {over[0]:.1%} of {what}; above .25: {over[1]:.1%}"
            text = text.replace("%", " %")
            axes.set_title(f"{_name(sets[number])}\n{text}" if column == 0 else text)
            ticks = range(0, OVERLAP_BINS + 1, OVERLAP_BINS // 4)
            axes.set_xticks([-2.0, *ticks], ["none", "0", ".25", ".5", ".75", "1"])
            axes.set_xlim(-3.0, OVERLAP_BINS + 0.3)
            last = row == len(peopled) - 1
            _finish(axes, label if last else "", f"% of {what}")


def _draw_together(found: DataSet, figure: Figure) -> None:
    """Of those that show the part of the row, the share that also shows that of the column."""
    from matplotlib.colors import LinearSegmentedColormap

    names, matrix = found["parts"], found["together"]
    colors = LinearSegmentedColormap.from_list("share", ["#f3f7fa", "#56b4e9", "#00446b"])
    axes = figure.add_subplot()
    font = min(8.0, 330 / max(len(names), 1))
    for row, line in enumerate(matrix):
        whole = line[row]
        cells = [
            float("nan") if n == row or not whole else count / whole for n, count in enumerate(line)
        ]
        drawn = axes.pcolormesh(
            range(len(names) + 1), [row, row + 1], [cells], cmap=colors, vmin=0, vmax=1,
            edgecolors="none", linewidth=0,
        )  # fmt: skip
        if len(names) > _MOST_CELLS:
            continue
        for column, share in enumerate(cells):
            if share == share:
                axes.text(
                    column + 0.5, row + 0.52, f"{100 * share:.0f}", ha="center", va="center",
                    fontsize=_SMALL, color=_ON_DARK if share > 0.6 else _ON_LIGHT,
                )  # fmt: skip
    if len(names) > _MOST_CELLS:
        bar = figure.colorbar(drawn, ax=axes, shrink=0.4, aspect=30, ticks=[0, 0.5, 1])
        bar.ax.set_yticklabels(["0 %", "50 %", "100 %"])
        bar.outline.set_visible(False)
    counts = [f"{name}  {found['part_persons'][name]:,}" for name in names]
    places = [n + 0.5 for n in range(len(names))]
    axes.set_yticks(places, counts, fontsize=font)
    axes.set_xticks(places, names, rotation=90, fontsize=font)
    axes.set_ylim(len(names), 0)
    axes.set_aspect("equal")
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    for side in axes.spines.values():
        side.set_visible(False)
    who = "persons" if found["instance_level"] else "images"
    axes.set_xlabel(f"% of the {who} with the part on the left that also show the part above")
    axes.xaxis.set_label_position("bottom")


def _draw_resolution(sets: Sequence[DataSet], figure: Figure) -> None:
    """Width and height of the images in steps; the area of a square is its share of them."""
    columns = min(len(sets), 3)
    limit = max(max(int(value) for value in found[name]) for found in sets
                for name in ("widths", "heights")) * 1.12  # fmt: skip
    for number, found in enumerate(sets):
        axes = figure.add_subplot(-(-len(sets) // columns), columns, number + 1)
        total = sum(row[2] for row in found["sizes"])
        axes.scatter(
            [row[0] + 16 for row in found["sizes"]], [row[1] + 16 for row in found["sizes"]],
            [max(400 * row[2] / total, 3) for row in found["sizes"]], marker="s",
            color=series_color(number), alpha=0.8, linewidths=0,
        )  # fmt: skip
        axes.plot([0, limit], [0, limit], color=LINE, linewidth=0.8, zorder=0)
        middle = [f"{found['spreads'][name]['median']:.0f}" for name in ("widths", "heights")]
        axes.set_title(f"{_name(found)}\nmedian {' × '.join(middle)}")
        axes.set_xlim(0, limit)
        axes.set_ylim(0, limit)
        axes.set_aspect("equal")
        axes.locator_params(nbins=5)
        _finish(axes, "width, pixels", "height, pixels" if number % columns == 0 else "")


def _name(found: DataSet) -> str:
    name = str(found["name"])
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\u2026"


def _finish(axes: Axes, below: str, beside: str) -> None:
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
    axes.grid(axis="y", visible=True)


def _write(
    axes: Axes, x: float, y: float, text: str, offset: tuple[float, float], **options: Any
) -> None:
    axes.annotate(
        text, (x, y), xytext=offset, textcoords="offset points", fontsize=_SMALL, **options
    )


def _count(counts: Mapping[Any, int], value: int) -> int:
    # Keys are words after a walk through JSON.
    return counts.get(value, counts.get(str(value), 0))
