"""Multi-Human Parsing, versions 1 and 2: one PNG a person, or the maps of a v2 submission.

    truth        annotations/<id>_<NN>_<KK>.png (v1), parsing_annos/<id>_<NN>_<KK>.png (v2):
                 NN persons, person KK of them
    prediction   global_seg/<id>.png, global_tag/<id>.png and results.txt; or the truth's layout
                 with scores.txt

Source: ZhaoJ9014/Multi-Human-Parsing, Evaluation/Multi-Human-Parsing: mhp_data.py and eval_mhp.py
of both versions, v2/eval_submission.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import (
    FileLabels,
    Side,
    describe_score,
    parse_score,
    parse_whole,
    split_lines,
)
from peopleparse.errors import DataError
from peopleparse.labels import Scheme

PERSON_FOLDERS = ("parsing_annos", "annotations", "")
_PERSON_NAME = re.compile(r"(.+)_(\d{2,5})_(\d{2,5})")
_SCORES, _RESULTS = "scores.txt", "results.txt"


def find_person_files(files: LabelFiles) -> dict[str, list[str]]:
    """Return the person PNGs of each image, by number; none where the layout is another."""
    for folder in PERSON_FOLDERS:
        found: dict[str, list[str]] = {}
        for stem, name in files.files_in(folder, ".png").items():
            match = _PERSON_NAME.fullmatch(stem)
            if match is None:
                found.clear()
                break
            found.setdefault(match[1], []).append(name)
        if found:
            return {i: sorted(names, key=_person_key) for i, names in found.items()}
    return {}


def _group_stems(stems: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of persons by image; a name that is none stands for an image."""
    found: dict[str, list[str]] = {}
    for stem in stems:
        match = _PERSON_NAME.fullmatch(stem)
        found.setdefault(match[1] if match else stem, []).append(stem)
    return found


def _person_key(name: str) -> tuple[int, int]:
    match = _PERSON_NAME.fullmatch(PurePosixPath(name).stem)
    assert match is not None
    return int(match[2]), int(match[3])


class MhpPersonLabels(FileLabels):
    """One label map a person.

    A person without a labelled pixel is left out of the truth, as the published evaluators do; in
    v1 also a person that is ignored everywhere. Truth of three channels has its ids in the first.

    Raises:
        DataError: there is no PNG of a person.
    """

    def __init__(self, files: LabelFiles, scheme: Scheme, side: Side, version: int) -> None:
        self.format, self._version = f"mhp-v{version}", version
        self._names = find_person_files(files)
        if not self._names:
            raise DataError(
                f"MHP {side} must be PNGs <id>_<persons>_<person>.png, got none, "
                f"at {files.path}. Name the folder that holds them."
            )
        self._scores = self._read_scores(files) if side == "prediction" else None
        self._scored = _group_stems(self._scores or {})
        super().__init__(files, scheme, side, {*self._names, *self._scored})

    @staticmethod
    def _read_scores(files: LabelFiles) -> dict[str, str] | None:
        """Return the score of each person's PNG as it is written, None for a system without."""
        if _SCORES not in files:
            return None
        place, scores = files.place(_SCORES), dict[str, str]()
        for number, words in enumerate(split_lines(files.read(_SCORES)), 1):
            if len(words) != 2 or words[0] in scores:
                raise DataError(
                    "line must be '<id>_<persons>_<person> score', each person once, got "
                    f"'{' '.join(words)}', at line {number} of {place}. Write it anew."
                )
            scores[words[0]] = words[1]
        return scores

    def names_of(self, image_id: str) -> list[str]:
        """Return the names of the image's PNGs."""
        return list(self._names.get(image_id, []))

    def files_of(self, image_id: str) -> dict[str, bytes]:
        """Return the bytes of the image's PNGs and its lines of the scores, for hashes."""
        found = super().files_of(image_id)
        for name in self.names_of(image_id) if self._scores is not None else ():
            stem = PurePosixPath(name).stem
            found[f"{_SCORES}#{stem}"] = (self._scores or {}).get(stem, "").encode()
        return found

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        names = self._names.get(image_id, [])
        stems = {PurePosixPath(name).stem for name in names}
        for stem in self._scored.get(image_id, []):
            if stem not in stems:
                faults.append(
                    f"scores must be of persons that have a PNG, got one of '{stem}', "
                    f"at {self.files.place(_SCORES)}. Add the PNG or remove the line."
                )
        if not names:
            return None
        keys = [_person_key(name) for name in names]
        expected = [(keys[0][0], number) for number in range(1, keys[0][0] + 1)]
        if keys != expected:
            faults.append(
                f"persons of an image must be PNGs {_list_keys(expected)}, got "
                f"{_list_keys(keys)}, at {self.files.place(names[0])}. Add or remove persons."
            )
        truth = self.side == "truth"
        maps: list[tuple[str, NDArray[Any]]] = []
        for name in names:
            labels = self._labels(name, faults, first_channel=truth)
            if labels is not None:
                maps.append((name, labels))
        self._check_sizes(maps, faults)
        scores = self._person_scores(names, faults)
        if faults:
            return None
        stack = np.stack([labels for _, labels in maps])
        if truth:
            counted = [person for person in stack if self._counts(person)]
            stack = np.stack(counted) if counted else stack[:0]
        return ImageLabels(persons=stack, scores=scores)

    def _counts(self, person: NDArray[np.uint8]) -> bool:
        labelled = person > 0
        if self._version == 1:
            labelled &= person != self.scheme.ignore_id
        return bool(labelled.any())

    def _person_scores(self, names: list[str], faults: list[str]) -> NDArray[np.float64] | None:
        if self._scores is None:
            return None
        found = []
        for name in names:
            value = self._scores.get(PurePosixPath(name).stem)
            score = parse_score(value)
            if score is None:
                at = f"'{PurePosixPath(name).stem}' of {self.files.place(_SCORES)}"
                faults.append(describe_score(value, at))
            found.append(score or 0.0)
        return np.array(found, np.float64)


def _list_keys(keys: list[tuple[int, int]]) -> str:
    shown = [f"{count:02d}_{number:02d}" for count, number in keys]
    return ", ".join(shown if len(shown) <= 6 else [*shown[:5], "...", shown[-1]])


class MhpSubmission(FileLabels):
    """Predictions as the v2 evaluator takes them: label map, person map, a line of scores.

    A person of results.txt that has no pixel is left out, as the published evaluator does.

    Raises:
        DataError: a part is missing, or two lines of results.txt are of one image.
    """

    def __init__(self, files: LabelFiles, scheme: Scheme, side: Side, version: int) -> None:
        self.format = f"mhp-v{version}"
        self._maps = files.files_in("global_seg", ".png")
        self._tags = files.files_in("global_tag", ".png")
        for what, found in (("global_seg/", self._maps), ("global_tag/", self._tags)):
            if not found:
                raise DataError(
                    f"MHP submission must hold {what}, got {files.folders()}, at {files.path}. "
                    "Name the folder that holds it."
                )
        self._words = self._read_results(files)
        super().__init__(files, scheme, side, {*self._maps, *self._tags, *self._words})

    @staticmethod
    def _read_results(files: LabelFiles) -> dict[str, tuple[int, list[str]]]:
        """Return the line number and the words of each image."""
        found: dict[str, tuple[int, list[str]]] = {}
        for number, words in enumerate(split_lines(files.read(_RESULTS)), 1):
            if not words:
                continue
            if words[0] in found:
                raise DataError(
                    f"image must have one line, got '{words[0]}' again, "
                    f"at line {number} of {files.place(_RESULTS)}. Remove one."
                )
            found[words[0]] = (number, words[1:])
        return found

    def names_of(self, image_id: str) -> list[str]:
        """Return the names of the image's maps."""
        return [found[image_id] for found in (self._maps, self._tags) if image_id in found]

    def files_of(self, image_id: str) -> dict[str, bytes]:
        """Return the bytes of the image's maps and of its line of the results, for hashes."""
        words = self._words[image_id][1] if image_id in self._words else []
        return super().files_of(image_id) | {f"{_RESULTS}#{image_id}": " ".join(words).encode()}

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        seg = self._maps.get(image_id, f"global_seg/{image_id}.png")
        tag = self._tags.get(image_id, f"global_tag/{image_id}.png")
        parsing, tags = self._labels(seg, faults), self._numbers(tag, faults)
        persons = self._persons(image_id, faults)
        if parsing is None or tags is None:
            return None
        self._check_sizes([(seg, parsing), (tag, tags)], faults)
        present = np.flatnonzero(np.bincount(tags.ravel())[1:]) + 1
        nameless = sorted(set(present.tolist()) - set(persons))
        if nameless and not faults:
            faults.append(
                f"persons of global_tag must have a score in {_RESULTS}, got {nameless} without, "
                f"at {self.files.place(tag)}. Write '<id> <person> <score> ...'."
            )
        if faults:
            return None
        table = np.zeros(1 << 16, np.uint16)
        table[present] = np.arange(1, len(present) + 1)
        scores = np.array([persons[int(number)] for number in present], np.float64)
        return ImageLabels(persons=(parsing, table[tags]), scores=scores, parsing=parsing)

    def _persons(self, image_id: str, faults: list[str]) -> dict[int, float]:
        """Return the score of each person of an image's line."""
        if image_id not in self._words:
            faults.append(
                f"image must have a line in {_RESULTS}, got none for '{image_id}', "
                f"at {self.files.place(_RESULTS)}. Write its id alone where nobody was found."
            )
            return {}
        line, words = self._words[image_id]
        place = f"line {line} of {self.files.place(_RESULTS)}"
        if len(words) % 2:
            faults.append(
                f"line must be '<id> <person> <score> ...', got {len(words)} values after the id, "
                f"at {place}. Write a score for each person."
            )
        persons: dict[int, float] = {}
        for word, value in zip(words[::2], words[1::2], strict=False):
            number, score = parse_whole(word), parse_score(value)
            if not number or number in persons:
                faults.append(
                    f"persons must be numbers 1 and up, each once, got '{word}', at {place}. "
                    "Number them as in global_tag."
                )
            elif score is None:
                faults.append(describe_score(value, f"person {number} of {place}"))
            else:
                persons[number] = score
        return persons
