"""What one item shows: persons in layers, the photo under them, and figures for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.image_labels import ImageLabels, size_of
from peopleparse.labels import Scheme
from peopleparse.structures import ParsedPeople, Person, mask_box
from peopleparse.studio.layers import LABEL, PERSON, check_count, encode_layer, make_layers
from peopleparse.studio.photo_bytes import PhotoBytes


@dataclass(frozen=True, eq=False)
class Shown:
    """Persons of one photo, those who share pixels in different results.

    Attributes:
        results: one a layer; a person is in one of them, with the same number everywhere.
        has_scores: whether the persons' scores mean anything.
        photo: None where there is none.
    """

    results: tuple[ParsedPeople, ...]
    has_scores: bool
    photo: PhotoBytes | None = None
    _pngs: dict[int, bytes] = field(default_factory=dict, repr=False)

    @property
    def scheme(self) -> Scheme:
        """Labels of the maps."""
        return self.results[0].scheme

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.results[0].size

    @cached_property
    def people(self) -> list[tuple[ParsedPeople, Person]]:
        """Each person with the result it is in, by number."""
        found = [(result, person) for result in self.results for person in result.people]
        return sorted(found, key=lambda pair: pair[1].index)

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes, its encoded layers among them."""
        height, width = self.size
        photo = 0 if self.photo is None else len(self.photo.data)
        # uint8 labels, uint16 persons, uint8 confidence, and a PNG that is mostly flat.
        return len(self.results) * height * width * 5 + photo

    def encode(self, number: int) -> bytes | None:
        """Return a layer as PNG, counted from 0; None where there is none."""
        if not 0 <= number < len(self.results):
            return None
        if number not in self._pngs:
            self._pngs[number] = encode_layer(make_layers(self.results[number])[0])
        return self._pngs[number]

    def describe_people(self) -> list[dict[str, Any]]:
        """Return the persons as the page reads them."""
        return [self._describe(result, person) for result, person in self.people]

    def _describe(self, result: ParsedPeople, person: Person) -> dict[str, Any]:
        x1, y1, x2, y2 = (int(v) for v in person.box)
        own = result.instances[y1:y2, x1:x2] == person.index
        areas = np.bincount(result.parsing[y1:y2, x1:x2][own], minlength=256)
        face = person.face_box
        return {
            "index": person.index,
            "score": float(person.score) if self.has_scores else None,
            "box": [x1, y1, x2, y2],
            "face_box": None if face is None else [float(v) for v in face],
            "parts": [
                {"label_id": label.id, "area": int(areas[label.id])}
                for label in self.scheme.labels
                if label.id and areas[label.id]
            ],
        }


def show_result(result: ParsedPeople, photo: PhotoBytes | None) -> Shown:
    """Return a parser's result to be shown; its decoded photo is not kept."""
    check_count(len(result))
    kept = ParsedPeople(
        result.parsing, result.instances, result.people, result.scheme, None, result.source,
        result.confidence,
    )  # fmt: skip
    return Shown((kept,), True, photo)


def show_labels(
    labels: ImageLabels, scheme: Scheme, name: str, photo: PhotoBytes | None = None
) -> Shown:
    """Return labels of a folder to be shown; persons keep the numbers that they have there.

    Raises:
        InputError: there are more than 255 persons.
    """
    if isinstance(labels.persons, np.ndarray):
        count = len(labels.persons)
        layers = make_layers(labels.persons)
        maps = [(layer[..., LABEL], layer[..., PERSON].astype(np.uint16)) for layer in layers]
    else:
        parsing, instances = _pair(labels)
        count = int(instances.max(initial=0))
        check_count(count)
        maps = [(parsing, instances)]
    scores = [1.0] * count if labels.scores is None else labels.scores.tolist()
    missing = set(range(1, count + 1))
    results = []
    for parsing, instances in maps:
        present = set(np.unique(instances).tolist()) & missing
        missing -= present
        people = [_person(n, scores, (parsing, instances), scheme) for n in sorted(present)]
        results.append(ParsedPeople(parsing, instances, people, scheme, source=name))
    if missing:  # nothing of them is visible, but they are counted
        first = results[0]
        maps_of = (first.parsing, first.instances)
        people = [*first.people, *(_person(n, scores, maps_of, scheme) for n in missing)]
        people.sort(key=lambda person: person.index)
        results[0] = ParsedPeople(*maps_of, people, scheme, source=name)
    return Shown(tuple(results), labels.scores is not None, photo)


def _person(
    number: int,
    scores: Sequence[float],
    maps: tuple[NDArray[np.uint8], NDArray[np.uint16]],
    scheme: Scheme,
) -> Person:
    box = mask_box(maps[1] == number)
    box = np.zeros(4, np.float32) if box is None else box
    return Person(number, scores[number - 1], box, None, maps, scheme)


def _pair(labels: ImageLabels) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    if isinstance(labels.persons, tuple):
        return labels.persons
    nobody = np.zeros(size_of(labels), np.uint16)
    return (nobody.astype(np.uint8) if labels.parsing is None else labels.parsing), nobody
