"""Crowd Instance-level Human Parsing: truth as published, predictions as its server takes them.

    truth        Category_ids/<id>.png, Human_ids/<id>.png, Instance_ids/<id>.png and .txt
    prediction   global_parsing/<id>.png, instance_parsing/<id>.png and .txt,
                 instance_segmentation/<id>.png and .txt

Source: sysu-hcp.net/lip (submit formats of the multi-person and video tracks);
Engineering-Course/CIHP_PGN evaluation/test_inst_part_ap.py and Instance_part_val.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.image_labels import ImageLabels, RegionMap
from peopleparse.data.label_decode import renumber
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import (
    FileLabels,
    Side,
    describe_score,
    parse_score,
    parse_whole,
)
from peopleparse.errors import DataError
from peopleparse.labels import Scheme

# What the published files call each map, and whether a text file says more about its numbers.
TRUTH_FOLDERS = {"parsing": "Category_ids", "persons": "Human_ids", "regions": "Instance_ids"}
PREDICTION_FOLDERS = {
    "parsing": "global_parsing",
    "persons": "instance_segmentation",
    "regions": "instance_parsing",
}


class CihpLabels(FileLabels):
    """Label maps with persons and part regions in maps of their own.

    Truth needs Category_ids and Human_ids; predictions need global_parsing. A folder that is
    absent says nothing; one that is there must have every image.

    Raises:
        DataError: a folder that is needed is missing.
    """

    format = "cihp"

    def __init__(self, files: LabelFiles, scheme: Scheme, side: Side) -> None:
        truth = side == "truth"
        found = files.folders()
        folders = TRUTH_FOLDERS if truth else PREDICTION_FOLDERS
        self._folders = {what: name for what, name in folders.items() if name in found}
        for what in ("parsing", "persons") if truth else ("parsing",):
            if what not in self._folders:
                raise DataError(
                    f"CIHP {side} must hold {folders[what]}/, got {found}, at {files.path}. "
                    "Name the folder that holds it."
                )
        self._files = {what: files.files_in(name, ".png") for what, name in self._folders.items()}
        super().__init__(files, scheme, side, set[str]().union(*self._files.values()))

    def names_of(self, image_id: str) -> list[str]:
        """Return the names of the image's PNGs and text files."""
        names = [found[image_id] for found in self._files.values() if image_id in found]
        texts = [self._text(what, image_id) for what in self._folders if self._has_text(what)]
        return names + [name for name in texts if name in self.files]

    def _text(self, what: str, image_id: str) -> str:
        return f"{self._folders[what]}/{image_id}.txt"

    def _has_text(self, what: str) -> bool:
        return what == "regions" or (what == "persons" and self.side == "prediction")

    def _png(self, what: str, image_id: str) -> str:
        return self._files[what].get(image_id, f"{self._folders[what]}/{image_id}.png")

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        parsing = self._labels(self._png("parsing", image_id), faults)
        maps: list[tuple[str, NDArray[Any]]] = []
        if parsing is not None:
            maps.append((self._png("parsing", image_id), parsing))
        persons, scores, regions = None, None, None
        owners = self._map("persons", image_id, maps, faults)
        if owners is not None and self.side == "truth":
            owners = renumber(owners)[0]
        elif owners is not None:
            scores = self._person_scores(image_id, owners, faults)
        numbers = self._map("regions", image_id, maps, faults)
        if numbers is not None:
            regions = self._regions(image_id, numbers, faults)
        self._check_sizes(maps, faults)
        if parsing is None or faults:
            return None
        if owners is not None:
            persons = (parsing, owners)
        return ImageLabels(persons=persons, scores=scores, parsing=parsing, regions=regions)

    def _map(
        self, what: str, image_id: str, maps: list[tuple[str, NDArray[Any]]], faults: list[str]
    ) -> NDArray[np.uint16] | None:
        if what not in self._folders:
            return None
        name = self._png(what, image_id)
        numbers = self._numbers(name, faults)
        if numbers is not None:
            maps.append((name, numbers))
        return numbers

    def _person_scores(
        self, image_id: str, owners: NDArray[np.uint16], faults: list[str]
    ) -> NDArray[np.float64]:
        """Read one score a person; what follows it on a line, such as a box, is not needed."""
        name = self._text("persons", image_id)
        scores = []
        for number, words in enumerate(self._lines(name, faults), 1):
            score = parse_score(words[0] if words else None)
            if score is None:
                at = f"line {number} of {self.files.place(name)}"
                faults.append(describe_score(words[0] if words else None, at))
            scores.append(score or 0.0)
        self._check_count(name, owners, len(scores), faults)
        return np.array(scores, np.float64)

    def _regions(self, image_id: str, numbers: NDArray[np.uint16], faults: list[str]) -> RegionMap:
        name = self._text("regions", image_id)
        lines = self._lines(name, faults)
        if self.side == "truth":
            return self._truth_regions(name, lines, numbers, faults)
        label_ids, scores = [], []
        for number, words in enumerate(lines, 1):
            place = f"line {number} of {self.files.place(name)}"
            label = self._label_id(words, 0, 2, "label score", place, faults)
            score = parse_score(words[1]) if label and len(words) == 2 else 0.0
            if score is None:
                faults.append(describe_score(words[1], place))
            label_ids.append(label)
            scores.append(score or 0.0)
        self._check_count(name, numbers, len(lines), faults)
        return RegionMap(numbers, np.array(label_ids, np.intp), np.array(scores, np.float64))

    def _truth_regions(
        self,
        name: str,
        lines: list[list[str]],
        numbers: NDArray[np.uint16],
        faults: list[str],
    ) -> RegionMap:
        """Number the regions that have a pixel from 1 on; the published numbers have gaps."""
        labels: dict[int, int] = {}
        for line, words in enumerate(lines, 1):
            place = f"line {line} of {self.files.place(name)}"
            label = self._label_id(words, 1, 3, "number label person", place, faults)
            number = parse_whole(words[0]) if label else None
            if label and (not number or number in labels):
                faults.append(
                    f"region numbers must be 1 and up, each once, got '{words[0]}', at {place}. "
                    "Write the file again."
                )
            elif number:
                labels[number] = label
        ordered, present = renumber(numbers)
        unknown = [number for number in present if number not in labels]
        if unknown and name in self.files:
            faults.append(
                f"region numbers of the PNG must have a line each, got {unknown} without, "
                f"at {self.files.place(name)}. Fetch both files again."
            )
        label_ids = np.array([labels.get(number, 0) for number in present], np.intp)
        return RegionMap(ordered, label_ids, None)

    def _label_id(
        self, words: list[str], at: int, count: int, form: str, place: str, faults: list[str]
    ) -> int:
        """Return the label id of a line, or 0 where something is wrong with it."""
        if len(words) != count:
            faults.append(
                f"line must be '{form}', got '{' '.join(words)}', at {place}. Write it anew."
            )
            return 0
        label = parse_whole(words[at])
        if not label or label not in self.scheme.ids:
            faults.append(
                f"label must be 1 to {self.scheme.num_ids - 1} of scheme '{self.scheme.name}', "
                f"got '{words[at]}', at {place}. Check which scheme the file was made with."
            )
            return 0
        return label

    def _check_count(
        self, name: str, numbers: NDArray[np.uint16], count: int, faults: list[str]
    ) -> None:
        most = int(numbers.max(initial=0))
        if most > count and name in self.files:
            faults.append(
                f"text must have one line for each number of its PNG ({most}), got {count}, "
                f"at {self.files.place(name)}. Write a line for each."
            )
