"""Translate label maps from one scheme to another and count what is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import SchemeError
from peopleparse.labels.scheme import IGNORE_ID, Scheme, get_scheme, read_table

_TABLES = (
    ("ccp", "gps"),
    *(
        pair
        for name in ("lip", "cihp", "mhp-v1", "mhp-v2", "atr")
        for pair in ((name, "gps"), ("gps", name))
    ),
    ("fashionista", "gps"),
)


@dataclass(frozen=True)
class Translation:
    """A table from each source label to a target label.

    Attributes:
        source: scheme translated from.
        target: scheme translated to.
        targets: source id to target id; `ignore_id` where the table cannot tell from the label.
        groups: source id to group ("skin", "shoe", ...) where only geometry can tell.
    """

    source: Scheme
    target: Scheme
    targets: Mapping[int, int]
    groups: Mapping[int, str] = field(default_factory=dict)

    def lookup(self) -> NDArray[np.uint8]:
        """Return the table as (256,) uint8; ids outside the source scheme become ignored."""
        lookup = np.full(256, IGNORE_ID, np.uint8)
        for source_id, target_id in self.targets.items():
            lookup[source_id] = target_id
        return lookup

    def merged(self) -> dict[str, list[str]]:
        """Return the target names that several source labels fall into: these cannot be undone."""
        sources: dict[str, list[str]] = {}
        for source_id, target_id in self.targets.items():
            if target_id != IGNORE_ID:
                name = self.target.names[target_id]
                sources.setdefault(name, []).append(self.source.names[source_id])
        return {name: found for name, found in sources.items() if len(found) > 1}

    def never_made(self) -> list[str]:
        """Return the target names that no source label becomes."""
        made = set(self.targets.values())
        return [label.name for label in self.target.labels if label.id not in made]


@dataclass(frozen=True)
class LossReport:
    """What one translation lost, in pixels of the map that was translated.

    Attributes:
        pixels: all pixels of the map.
        kept: pixels whose label has a target of its own.
        merged: source name to pixels that now share a target with other labels.
        dropped: source name to pixels that became background.
        unknown: source name to pixels that became ignored.
    """

    pixels: int
    kept: int
    merged: dict[str, int]
    dropped: dict[str, int]
    unknown: dict[str, int]

    def __str__(self) -> str:
        """One line a kind of loss."""
        lines = [f"kept {self.kept} of {self.pixels} pixels"]
        for kind in ("merged", "dropped", "unknown"):
            lost: dict[str, int] = getattr(self, kind)
            if lost:
                parts = ", ".join(f"{name} {count}" for name, count in lost.items())
                lines.append(f"{kind}: {parts}")
        return "\n".join(lines)


@cache
def get_translation(source: str, target: str) -> Translation:
    """Return the table from one scheme to another.

    Raises:
        SchemeError: a scheme is unknown, or no table joins the two.
    """
    source_scheme, target_scheme = get_scheme(source), get_scheme(target)
    if (source, target) not in _TABLES:
        known = ", ".join(f"{a} to {b}" for a, b in _TABLES)
        raise SchemeError(
            f"translation must be one of {known}, got {source} to {target}. "
            "Go through gps where both ends have a table."
        )
    targets: dict[int, int] = {}
    groups: dict[int, str] = {}
    for row in read_table(f"{source}_to_{target}.tsv"):
        source_id = source_scheme.id_of(row["source"])
        if row["target"].startswith("*"):
            targets[source_id] = IGNORE_ID
            groups[source_id] = row["target"][1:]
        else:
            targets[source_id] = target_scheme.id_of(row["target"])
    return Translation(source_scheme, target_scheme, targets, groups)


def translate(
    parsing: NDArray[np.uint8], source: str, target: str
) -> tuple[NDArray[np.uint8], LossReport]:
    """Translate a label map.

    Args:
        parsing: (H, W) uint8 ids of the source scheme; 255 stays ignored.
        source: name of its scheme.
        target: name of the scheme wanted.

    Returns:
        The (H, W) uint8 map in the target scheme, and what was lost.

    Raises:
        SchemeError: a scheme or table is unknown, or the map is not uint8 or holds an id that the
            source lacks.
    """
    table = get_translation(source, target)
    if parsing.dtype != np.uint8:
        raise SchemeError(
            f"label map must be uint8, got {parsing.dtype}. Read it as ids, not as colours."
        )
    counts = np.bincount(parsing.ravel(), minlength=256)
    stray = [int(i) for i in np.flatnonzero(counts) if i != IGNORE_ID and i not in table.targets]
    if stray:
        raise SchemeError(
            f"label ids must be ids of scheme '{source}', got {stray}. "
            "Check which scheme the map was made with."
        )
    return table.lookup()[parsing], report_losses(table, counts)


def report_losses(table: Translation, counts: NDArray[np.int64]) -> LossReport:
    """Return what a table loses of so many pixels of each id, (256,)."""
    shared = {name for names in table.merged().values() for name in names}
    kept, merged, dropped, unknown = int(counts[IGNORE_ID]), {}, {}, {}
    for source_id, target_id in table.targets.items():
        count, name = int(counts[source_id]), table.source.names[source_id]
        if target_id == IGNORE_ID:
            unknown[name] = count
        elif target_id == 0 and source_id != 0:
            dropped[name] = count
        elif name in shared and source_id != 0:
            merged[name] = count
        else:
            kept += count
    losses = [{n: c for n, c in kind.items() if c} for kind in (merged, dropped, unknown)]
    return LossReport(int(counts.sum()), kept, *losses)
