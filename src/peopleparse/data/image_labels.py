"""What a folder of truth or of predictions says of one image, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from peopleparse.labels import Scheme


@dataclass(frozen=True, eq=False)
class RegionMap:
    """Part regions that a format stores apart from persons, such as CIHP's.

    Attributes:
        numbers: (H, W) integer, 0 for none, 1 to R.
        label_ids: (R,) label id of each region; a region may have no pixel left.
        scores: (R,) float64, or None where the format has none.
    """

    numbers: NDArray[np.integer[Any]]
    label_ids: NDArray[np.intp]
    scores: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class ImageLabels:
    """Labels of one image, from one side.

    Attributes:
        persons: (N, H, W) uint8, one map a person; or the pair (parsing, instances), each (H, W),
            with persons 1 to N; None where the format has no persons.
        scores: (N,) float64, or None where the format has none (always None for truth).
        parsing: (H, W) uint8 of the whole image; None: what the persons show.
        regions: part regions; None: the parts of the persons.
    """

    persons: NDArray[np.uint8] | tuple[NDArray[np.uint8], NDArray[np.uint16]] | None
    scores: NDArray[np.float64] | None = None
    parsing: NDArray[np.uint8] | None = None
    regions: RegionMap | None = None


class LabelSource(Protocol):
    """A folder or archive of truth or of predictions in one format.

    Attributes:
        name: what the files are called in reports, such as their path.
        format: name of the format.
        scheme: labels of the maps.
        ids: image ids, sorted; of predictions, those that are there.
    """

    name: str
    format: str
    scheme: Scheme
    ids: tuple[str, ...]

    def read(self, image_id: str) -> ImageLabels:
        """Read one image.

        Raises:
            DataError: a file is missing or broken, with its path, what was expected and found.
        """

    def files_of(self, image_id: str) -> dict[str, bytes]:
        """Return the bytes of the image's files by their name inside the source, for hashes."""
