"""Change the labels of persons to another scheme, by its tables, and count what that loses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import SchemeError
from peopleparse.labels import LossReport, Scheme, Translation, get_translation
from peopleparse.labels.translation import report_losses

_HUB = "gps"


class LabelChange:
    """A way from one scheme to another: one table, or two through gps.

    Attributes:
        target: scheme of the changed maps.

    Raises:
        SchemeError: no tables lead there.
    """

    def __init__(self, source: Scheme, target: Scheme) -> None:
        self.target = target
        self._table = join_tables(source, target)
        self._counts = np.zeros(256, np.int64)

    def apply(self, persons: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the maps, (N, H, W), in the target scheme."""
        return self._table.lookup()[persons]

    def count(self, persons: NDArray[np.uint8]) -> None:
        """Count the pixels of maps that were changed, as they were before."""
        counts = np.bincount(persons.ravel(), minlength=256)
        counts[0] = 0  # background is no loss and no gain
        self._counts += counts

    def report(self) -> LossReport:
        """Return what was lost of the pixels counted: those of persons, without background."""
        return report_losses(self._table, self._counts)


def join_tables(source: Scheme, target: Scheme) -> Translation:
    """Return the table from one scheme to another, through gps where none joins them.

    Raises:
        SchemeError: no tables lead there.
    """
    start = _HUB if source.name == "gps-outdoor" else source.name
    if start == _HUB or target.name == _HUB:
        return get_translation(start, target.name)
    try:
        first, second = get_translation(start, _HUB), get_translation(_HUB, target.name)
    except SchemeError as error:
        raise SchemeError(
            f"labels must be of schemes that tables join, got {source.name} to {target.name}. "
            "Keep the labels, or choose another format."
        ) from error
    ignore_id = target.ignore_id
    targets = {
        source_id: ignore_id if middle == ignore_id else second.targets[middle]
        for source_id, middle in first.targets.items()
    }
    return Translation(first.source, second.target, targets)
