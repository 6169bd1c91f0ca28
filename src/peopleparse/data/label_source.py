"""What the readers of label files share: one walk through an image's files finds all faults."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_decode import decode_labels, decode_numbers, find_stray
from peopleparse.data.label_files import LabelFiles
from peopleparse.errors import DataError
from peopleparse.labels import Scheme

Side = Literal["truth", "prediction"]
_T = TypeVar("_T")


class FileLabels:
    """A folder or archive of one format; a format says which files an image has and reads them.

    Attributes:
        files: the files.
        side: "truth" or "prediction".
        name, format, scheme, ids: as `LabelSource`.
    """

    format = ""

    def __init__(self, files: LabelFiles, scheme: Scheme, side: Side, ids: Iterable[str]) -> None:
        self.files, self.scheme, self.side = files, scheme, side
        self.name = str(files.path)
        self.ids: tuple[str, ...] = ()
        self._known: frozenset[str] = frozenset(ids)
        self.keep(self._known)

    def keep(self, ids: Iterable[str]) -> None:
        """Leave out every image but these; those that are not there stay so."""
        self._known &= frozenset(ids)
        self.ids = tuple(sorted(self._known))

    def read(self, image_id: str) -> ImageLabels:
        """Read one image.

        Raises:
            DataError: the image is not there, or a file of it is missing or broken.
        """
        faults: list[str] = []
        labels = self._read_known(image_id, faults)
        if faults or labels is None:
            raise DataError(faults[0])
        return labels

    def faults_of(self, image_id: str) -> list[str]:
        """Return everything that is wrong with one image, one line each."""
        faults: list[str] = []
        self._read_known(image_id, faults)
        return faults

    def files_of(self, image_id: str) -> dict[str, bytes]:
        """Return the bytes of the image's files by their name, for hashes.

        Raises:
            DataError: a file cannot be read.
        """
        return {name: self.files.read(name) for name in self.names_of(image_id)}

    def names_of(self, image_id: str) -> list[str]:
        """Return the names of the image's own files that are there."""
        raise AssertionError("a format says which files an image has")

    def place_of(self, image_id: str) -> str:
        """Return the path of the image's first file, for errors."""
        names = self.names_of(image_id)
        return self.files.place(names[0]) if names else self.name

    def _read_known(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        if image_id not in self._known:
            faults.append(
                f"image must be one of the {len(self.ids)} of the {self.side}, got '{image_id}', "
                f"at {self.name}. Check the ids in the file names."
            )
            return None
        return self._read(image_id, faults)

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        raise AssertionError("a format reads its images")

    def _try(self, faults: list[str], read: Callable[..., _T], *values: Any) -> _T | None:
        try:
            return read(*values)
        except DataError as error:
            faults.append(str(error))
            return None

    def _labels(
        self,
        name: str,
        faults: list[str],
        first_channel: bool = False,
        scheme: Scheme | None = None,
    ) -> NDArray[np.uint8] | None:
        """Read a label map and check its ids, against the source's scheme unless told."""
        place = self.files.place(name)
        data = self._try(faults, self.files.read, name)
        if data is None:
            return None
        labels = self._try(faults, decode_labels, data, place, first_channel)
        if labels is not None:
            faults += _describe_stray(labels, scheme or self.scheme, self.side, place)
        return labels

    def _numbers(self, name: str, faults: list[str]) -> NDArray[np.uint16] | None:
        """Read a map of person or region numbers."""
        data = self._try(faults, self.files.read, name)
        place = self.files.place(name)
        return None if data is None else self._try(faults, decode_numbers, data, place)

    def _lines(self, name: str, faults: list[str]) -> list[list[str]]:
        """Read a text file: the words of each line, without empty lines at the end."""
        data = self._try(faults, self.files.read, name)
        return split_lines(data or b"")

    def _json(self, name: str) -> Any:
        return parse_json(self.files.read(name), self.files.place(name))

    def _check_sizes(self, maps: Sequence[tuple[str, NDArray[Any]]], faults: list[str]) -> None:
        """Note each map whose size is not that of the first."""
        for name, numbers in maps[1:]:
            if numbers.shape != maps[0][1].shape:
                height, width = maps[0][1].shape
                faults.append(
                    f"map must be {width} x {height} like '{maps[0][0]}', got "
                    f"{numbers.shape[1]} x {numbers.shape[0]}, at {self.files.place(name)}. "
                    "Write all maps of an image at its size."
                )


def _describe_stray(labels: NDArray[np.uint8], scheme: Scheme, side: Side, place: str) -> list[str]:
    stray = find_stray(labels, scheme, side == "truth")
    if not stray:
        return []
    ignored = f" or {scheme.ignore_id}" if side == "truth" else ""
    return [
        f"label ids must be ids of scheme '{scheme.name}'{ignored}, got {stray}, at {place}. "
        "Check which scheme the map was made with."
    ]


def split_lines(data: bytes) -> list[list[str]]:
    """Return the words of each line of a text file, without empty lines at the end."""
    return [line.split() for line in data.decode("utf-8-sig", "replace").rstrip().splitlines()]


def parse_json(data: bytes, place: str) -> Any:
    """Return what a JSON file holds.

    Raises:
        DataError: it is no JSON.
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise DataError(
            f"labels must be JSON, got '{error}', at {place}. Write or fetch it again."
        ) from error


def parse_score(value: object) -> float | None:
    """Return a score as a finite number, or None for anything else.

    >>> parse_score("0.5"), parse_score("nan"), parse_score(None), parse_score(True)
    (0.5, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        score = float(value)
    except ValueError:
        return None
    return score if math.isfinite(score) else None


def describe_score(value: object, place: str) -> str:
    """Return the line that says what is wrong with a score."""
    got = "none" if value is None else repr(value)
    return f"score must be a finite number, got {got}, at {place}. Repair the system's output."


def parse_whole(word: str) -> int | None:
    """Return a whole number that is not negative, or None for anything else."""
    return int(word) if word.isascii() and word.isdigit() else None
