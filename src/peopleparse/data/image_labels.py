"""What a folder of truth or of predictions says of one image, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import DataError
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


def size_of(labels: ImageLabels) -> tuple[int, int]:
    """Return (height, width) of an image's maps.

    Raises:
        DataError: there is no map.
    """
    if labels.parsing is not None:
        shape = labels.parsing.shape
    elif labels.persons is not None:
        maps = labels.persons[0] if isinstance(labels.persons, tuple) else labels.persons
        shape = maps.shape[-2:]
    elif labels.regions is not None:
        shape = labels.regions.numbers.shape
    else:
        raise DataError("labels must hold a map, got none. Read them from a label source.")
    return int(shape[0]), int(shape[1])


def check_size(labels: ImageLabels, size: tuple[int, int], place: str) -> None:
    """Raise unless a prediction has the size of its photo or truth.

    Args:
        labels: the prediction.
        size: (height, width) that it must have.
        place: where the prediction is, for errors.

    Raises:
        DataError: the size differs.
    """
    height, width = size_of(labels)
    if (height, width) != tuple(size):
        raise DataError(
            f"prediction must be {size[1]} x {size[0]} like its photo, got {width} x {height}, "
            f"at {place}. Write it at the size of the photo."
        )
