"""The GPS form as truth or prediction: one PNG a person and a JSON an image, which may score it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.gps import mask_name
from peopleparse.data.gps_record import check_record, scheme_of
from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels, Side, describe_score, parse_json, parse_score
from peopleparse.errors import DataError
from peopleparse.labels import Scheme, get_scheme


class GpsLabels(FileLabels):
    """A GPS folder or archive; images are not needed.

    The scheme is gps, or gps-outdoor where every image is outdoors. A predicted person has its
    `score` in the JSON; where no person of the whole set has one, the system has no scores.

    Raises:
        DataError: there is no annotation.
    """

    format = "gps"

    def __init__(self, files: LabelFiles, scheme: Scheme | None, side: Side) -> None:
        ids = {name.split("/")[1] for name in files.names if is_annotation(name)}
        if not ids:
            raise DataError(
                f"GPS folder must hold annotations/<id>/<id>.json, got none, at {files.path}. "
                "Name the folder that holds images/ and annotations/."
            )
        outdoor, scored = _survey(files, sorted(ids))
        default = get_scheme("gps-outdoor" if outdoor else "gps")
        super().__init__(files, scheme or default, side, ids)
        self._scored = scored and side == "prediction"

    def names_of(self, image_id: str) -> list[str]:
        """Return the names of the image's JSON and PNGs."""
        folder = f"annotations/{image_id}"
        return [
            name
            for suffix in (".json", ".png")
            for name in self.files.files_in(folder, suffix).values()
        ]

    def record_of(self, image_id: str) -> dict[str, Any]:
        """Return the JSON of an image: its sub-data set, its split, what is known of persons.

        Raises:
            DataError: it is missing or broken, or lacks a field that readers rely on.
        """
        name = _record_name(image_id)
        return check_record(self._json(name), Path(self.files.place(name)))

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        record = self._try(faults, self.record_of, image_id)
        if record is None:
            return None
        image, count = record["image"], record["n_persons"]
        size = (image["height"], image["width"])
        known = self.scheme.name in ("gps", "gps-outdoor")
        scheme = scheme_of(image.get("subset")) if known else self.scheme
        folder = f"annotations/{image_id}"
        names = [f"{folder}/{mask_name(image_id, count, n)}" for n in range(1, count + 1)]
        maps: list[NDArray[np.uint8]] = []
        for name in names:
            labels = self._labels(name, faults, scheme=scheme)
            if labels is not None and labels.shape != size:
                faults.append(
                    f"label PNG must be {size[1]} x {size[0]} like its image, got "
                    f"{labels.shape[1]} x {labels.shape[0]}, at {self.files.place(name)}. "
                    "Write it again."
                )
            elif labels is not None:
                maps.append(labels)
        for name in sorted(set(self.files.files_in(folder, ".png").values()) - set(names)):
            faults.append(
                f"annotation must hold its JSON and {count} PNGs only, got "
                f"'{PurePosixPath(name).name}' too, at {self.files.place(folder)}. Remove it."
            )
        scores = self._scores(image_id, record["persons"], faults)
        if faults:
            return None
        return ImageLabels(np.stack(maps) if maps else np.zeros((0, *size), np.uint8), scores)

    def _scores(
        self, image_id: str, persons: list[Any], faults: list[str]
    ) -> NDArray[np.float64] | None:
        if not self._scored:
            return None
        return read_scores(persons, self.files.place(_record_name(image_id)), faults)


def read_scores(persons: list[Any], place: str, faults: list[str]) -> NDArray[np.float64]:
    """Return the `score` of each person entry of a JSON; what is none becomes a fault."""
    found = []
    for number, person in enumerate(persons, 1):
        value = person.get("score") if isinstance(person, dict) else None
        score = None if isinstance(value, str) else parse_score(value)
        if score is None:
            faults.append(describe_score(value, f"person {number} of {place}"))
        found.append(score or 0.0)
    return np.array(found, np.float64)


def is_annotation(name: str) -> bool:
    """Return whether a file belongs to a GPS annotation: annotations/<id>/<file>."""
    parts = PurePosixPath(name).parts
    return len(parts) == 3 and parts[0] == "annotations"


def _record_name(image_id: str) -> str:
    return f"annotations/{image_id}/{image_id}.json"


def _survey(files: LabelFiles, ids: list[str]) -> tuple[bool, bool]:
    """Return whether all images are outdoors and whether any person has a score."""
    subsets, scored = set[Any](), False
    for image_id in ids:
        name = _record_name(image_id)
        try:
            record = check_record(parse_json(files.read(name), name), Path(files.place(name)))
        except DataError:  # told when the image is read: the others can be scored
            continue
        subsets.add(record["image"].get("subset"))
        scored |= any(isinstance(p, dict) and "score" in p for p in record["persons"])
    return subsets == {"outdoor"}, scored
