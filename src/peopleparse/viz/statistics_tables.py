"""Tables of data sets side by side, as words: for the page and for the command.

Source: GPS paper, Table 1 (images, categories, instance level); LIP paper, Table 1 (persons of
each split).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from peopleparse.viz.statistics_numbers import (
    DASH,
    OVERLAP_BINS,
    DataSet,
    group_by_parts,
    mean_and_deviation,
    over_share,
    shares,
)

_SPLITS = ("train", "val", "test")
_SMALL, _LARGE = 32, 96  # sides of squares between COCO's small, medium and large


class Table(NamedTuple):
    """A table of words.

    Attributes:
        title: its caption.
        head: names of the columns.
        rows: one a data set or part, a cell a column.
        published: of the rows, how many at the end are printed in a paper.
        note: what to know for reading it, or "".
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    published: int = 0
    note: str = ""


def overview_table(sets: Sequence[DataSet], published: Sequence[Mapping[str, Any]] = ()) -> Table:
    """Return Table 1: the data sets, then those that the paper prints."""
    rows = [
        [
            found["name"],
            _whole(found["images"]),
            _whole(found["persons"]) if found["instance_level"] else DASH,
            _whole(found["categories"]),
            _tick(found["instance_level"]),
            mean_and_deviation(found, "persons_per_image"),
        ]
        for found in sets
    ]
    for row in published:
        mean = row["mean_persons"]
        rows.append(
            [
                f"{row['name']} (published)",
                _whole(row["images"]),
                DASH,
                _whole(row["categories"]),
                _tick(row["instance_level"]),
                DASH if mean is None else f"{mean:.2f}",
            ]
        )
    return Table(
        "Data sets of human parsing",
        ["Dataset", "# Image", "# Person", "# Category", "Instance", "Persons per image"],
        rows,
        len(published),
        "Categories count the background. Instance: persons are told apart. Persons per image: "
        "mean and standard deviation." + _sources(published),
    )


def split_table(sets: Sequence[DataSet], published: Sequence[Mapping[str, Any]] = ()) -> Table:
    """Return persons, and images in brackets, of each split; images alone without persons."""
    found_splits = {name for found in sets for name in found["splits"]}
    names = [*_SPLITS, *sorted(found_splits - {*_SPLITS, "-"}), *sorted(found_splits & {"-"})]
    rows = [
        [found["name"], *(_split_cell(found, name) for name in names), _whole(found["categories"])]
        for found in sets
    ]
    for row in published:
        persons = [_whole(count) for count in row["persons"]]
        rest = [DASH] * (len(names) - len(persons))
        rows.append([f"{row['name']} (published)", *persons, *rest, _whole(row["categories"])])
    titles = {"train": "# Training", "val": "# Validation", "test": "# Test", "-": "no split told"}
    return Table(
        "Annotated persons of each split",
        ["Dataset", *(titles.get(name, name) for name in names), "Categories"],
        rows,
        len(published),
        "In brackets: images." + _sources(published),
    )


def _sources(published: Sequence[Mapping[str, Any]]) -> str:
    sources = "; ".join(dict.fromkeys(row["source"] for row in published))
    remarks = "".join(f" {row['remark']}" for row in published if row["remark"])
    return f" Published: {sources}.{remarks}" if published else ""


def _split_cell(found: DataSet, name: str) -> str:
    images = found["splits"].get(name, 0)
    if not images:
        return DASH
    persons = found["split_persons"].get(name, 0)
    return f"{persons:,} ({images:,})" if found["instance_level"] else f"({images:,})"


def persons_table(sets: Sequence[DataSet]) -> Table:
    """Return the numbers of Fig. 2: images, and their share, by persons per image."""
    known = [found for found in sets if found["persons_per_image"]]
    counts = [
        {int(n): images for n, images in found["persons_per_image"].items()} for found in known
    ]
    parts = [shares(found["persons_per_image"]) for found in known]
    both = list(zip(counts, parts, strict=True))
    rows = [
        [str(n), *(_share_cell(count.get(n, 0), part.get(n, 0.0)) for count, part in both)]
        for n in sorted({n for found in counts for n in found})
    ]
    return Table(
        "Images by persons per image", ["Persons", *(found["name"] for found in known)], rows
    )


def part_tables(sets: Sequence[DataSet]) -> list[Table]:
    """Return the numbers of Fig. 3: appearances of each part, a table for each set of parts."""
    tables = []
    for names, members in group_by_parts(sets):
        found = [sets[number] for number in members]
        rows = [[name, *(_part_cell(each, name) for each in found)] for name in names]
        head = [
            f"{each['name']}, {'persons' if each['instance_level'] else 'images'}" for each in found
        ]
        tables.append(Table("Appearances of each part", ["Part", *head], rows))
    return tables


def _part_cell(found: DataSet, name: str) -> str:
    if name not in found["part_persons"]:
        return DASH
    count = found["part_persons"][name]
    return _share_cell(count, 100 * count / max(found["holders"], 1))


def size_table(sets: Sequence[DataSet]) -> Table:
    """Return heights and areas of persons, and how many are small, medium and large."""
    rows = []
    for found in sets:
        height, share = (found["spreads"][name] for name in ("person_heights", "person_shares"))
        if height is None:
            rows.append([found["name"], *[DASH] * 8])
            continue
        sides = {int(side): count for side, count in found["person_sides"].items()}
        small = sum(count for side, count in sides.items() if side < _SMALL)
        large = sum(count for side, count in sides.items() if side >= _LARGE)
        total = sum(sides.values())
        rows.append(
            [
                found["name"],
                *(f"{height[name]:.0f}" for name in ("least", "median")),
                mean_and_deviation(found, "person_heights", 1),
                f"{height['greatest']:.0f}",
                f"{share['median'] / 10:.1f} %",
                *(f"{100 * n / total:.1f} %" for n in (small, total - small - large, large)),
            ]
        )
    return Table(
        "Sizes of persons",
        ["Dataset", "height, least", "median", "mean", "greatest", "area, median", "small",
         "medium", "large"],
        rows,
        note="Heights of the box in pixels; area in % of the image. Small, medium, large: area "
        f"under {_SMALL} \u00d7 {_SMALL}, under {_LARGE} \u00d7 {_LARGE}, and more, as in COCO.",
    )  # fmt: skip


def overlap_table(sets: Sequence[DataSet]) -> Table:
    """Return how many persons and pairs overlap, and what the annotation says of them."""
    limit = OVERLAP_BINS // 4
    rows = [
        [
            found["name"],
            *(_percent(over_share(found["person_overlaps"], step)) for step in (0, limit)),
            _whole(sum(found["pair_overlaps"].values())),
            *(_percent(over_share(found["pair_overlaps"], step)) for step in (0, limit)),
            _said(found["occluded"]),
            _said(found["truncated"]),
            _whole(found["overlap_pixels"]),
        ]
        for found in sets
    ]
    return Table(
        "Overlaps of persons",
        ["Dataset", "persons, IoU > 0", "> .25", "pairs", "IoU > 0", "> .25", "occluded",
         "cut off", "pixels of two"],
        rows,
        note="IoU of boxes, of a person the greatest with another. Occluded, cut off: as the "
        "annotation says, of the persons for whom it does. Pixels of two: claimed by both persons "
        "of a pair.",
    )  # fmt: skip


def resolution_table(sets: Sequence[DataSet]) -> Table:
    """Return least, median and greatest width and height of the images."""
    names = ("least", "median", "greatest")
    rows = [
        [
            found["name"],
            *(
                f"{found['spreads'][side][name]:.0f}" if found["images"] else DASH
                for side in ("widths", "heights")
                for name in names
            ),
        ]
        for found in sets
    ]
    head = [f"{side}, {name}" for side in ("width", "height") for name in names]
    return Table("Resolution of the images", ["Dataset", *head], rows, note="In pixels.")


def _whole(number: int | None) -> str:
    return DASH if number is None else f"{number:,}"


def _tick(value: bool | None) -> str:
    return DASH if value is None else ("\u2713" if value else "\u2717")


def _percent(share: float | None) -> str:
    return DASH if share is None else f"{100 * share:.1f} %"


def _share_cell(count: int, percent: float) -> str:
    return f"{count:,}  {percent:.1f} %"


def _said(words: Mapping[str, int]) -> str:
    told = words.get("yes", 0) + words.get("no", 0)
    return _percent(words.get("yes", 0) / told if told else None)
