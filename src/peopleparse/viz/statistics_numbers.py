"""What figures and tables of data sets share: shares, bins, spreads in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any

DataSet = Mapping[str, Any]  # "name", and what `Statistics.to_dict` returns
OVERLAP_BINS = 20  # of box IoU, 0 alone and then (0, .05] and on
DASH = "\u2013"


def shares(counts: Mapping[Any, int]) -> dict[int, float]:
    """Return per cent by whole number, ascending; keys may be words, as JSON makes them.

    >>> shares({"3": 1, "2": 3})
    {2: 75.0, 3: 25.0}
    """
    total = sum(counts.values())
    return {int(value): 100 * counts[value] / total for value in sorted(counts, key=int)}


def make_bins(greatest: float, most: int = 25) -> int:
    """Return the least of 1, 2, 5, 10, 20 and on that needs at most so many bins.

    >>> make_bins(480), make_bins(20), make_bins(0)
    (20, 1, 1)
    """
    least = max(greatest / most, 1.0)
    power = 10 ** floor(log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least)


def mean_and_deviation(found: DataSet, name: str, digits: int = 2) -> str:
    """Return "5.23 ± 1.94" of one of a set's spreads, a dash where it has none."""
    spread = found["spreads"][name]
    if spread is None:
        return DASH
    return f"{spread['mean']:.{digits}f} \u00b1 {spread['deviation']:.{digits}f}"


def over_share(counts: Mapping[Any, int], step: int) -> float | None:
    """Return the share of what lies above a bin of box IoU, None where there is nothing.

    >>> over_share({0: 2, 3: 1, 9: 1}, 5)
    0.25
    """
    total = sum(counts.values())
    over = sum(count for value, count in counts.items() if int(value) > step)
    return over / total if total else None


def group_by_parts(sets: Sequence[DataSet]) -> list[tuple[list[str], list[int]]]:
    """Return parts and numbers of the sets that share them.

    A set whose parts are all among another's, such as GPS outdoors without tie, stands beside it.
    """
    groups: list[tuple[list[str], list[int]]] = []
    for number in sorted(range(len(sets)), key=lambda n: -len(sets[n]["parts"])):
        parts = list(sets[number]["parts"])
        group = next((group for group in groups if set(parts) <= set(group[0])), None)
        if group is None:
            groups.append((parts, [number]))
        else:
            group[1].append(number)
            group[1].sort()
    return sorted(groups, key=lambda group: group[1])
