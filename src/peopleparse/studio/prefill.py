"""The model's own prediction for a person who was clicked, as labels to accept or repair."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, SchemeError
from peopleparse.inference import read_image, translate_people
from peopleparse.labels import Scheme
from peopleparse.structures import ParsedPeople, Person
from peopleparse.studio.annotation_store import AnnotationStore
from peopleparse.studio.person_masks import size_of
from peopleparse.studio.photo_reader import find_entry
from peopleparse.studio.photo_record import click_of
from peopleparse.web.problems import Problem

Parser = Callable[[Any], ParsedPeople]
REACH = 1 / 8  # of the photo's longer side: farther from every box a click means nobody found
_KEPT = 3


@dataclass(frozen=True)
class Prefill:
    """What the model says of one person.

    Attributes:
        labels: (H, W) uint8 in the labels of the photo.
        score: how sure the model is of the person, 0 to 1.
        contained: whether the click lies on the person; else the box was nearest.
        loss: what translating the model's labels cost, "" for nothing.
    """

    labels: NDArray[np.uint8]
    score: float
    contained: bool
    loss: str


class Predictions:
    """Results of the last photos, in memory: the second person of a photo costs nothing."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept, self._lock = kept, Lock()
        self._found: OrderedDict[str, ParsedPeople] = OrderedDict()

    def get(self, key: str, image: NDArray[np.uint8], parser: Parser) -> ParsedPeople:
        """Return what the parser finds in the photo that has a key, such as its hash."""
        with self._lock:
            if key not in self._found:
                self._found[key] = parser(image)
            self._found.move_to_end(key)
            while len(self._found) > self._kept:
                self._found.popitem(last=False)
            return self._found[key]


def prefill_person(
    store: AnnotationStore, photo_id: str, uid: str, parser: Parser, kept: Predictions
) -> Prefill:
    """Return the prediction for the person at a click; nothing is saved.

    Raises:
        Problem: there is no such person (404), the model finds nobody near the click (404), its
            labels cannot become those of the photo, or the photo cannot be used (422).
    """
    record = store.record(photo_id)
    entry = find_entry(record, photo_id, uid)
    try:
        image = read_image(store.photo_file(photo_id))
    except InputError as error:
        raise Problem(422, "unusable-file", str(error)) from error
    if image.shape[:2] != size_of(record):
        raise Problem(422, "unusable-file", store.faults(photo_id)[0])
    result = kept.get(record["image"]["sha256"], image, parser)
    click = click_of(entry, size_of(record))
    person, contained = find_person(result, click)
    if person is None:
        raise Problem(
            404,
            "nobody-found",
            f"model must find a person near the click, got none of {len(result)}, at person "
            f"{entry['index']} of photo '{photo_id}'. Paint the person by hand.",
        )
    labels, loss = fit_labels(result, person, store.scheme_of(record))
    return Prefill(labels, person.score, contained, loss)


def find_person(result: ParsedPeople, click: Sequence[float]) -> tuple[Person | None, bool]:
    """Return the person whose pixels a click lies on, else the one whose box is nearest.

    The second value is whether the click lies on the person.
    """
    height, width = result.size
    x, y = min(int(click[0]), width - 1), min(int(click[1]), height - 1)
    owner = int(result.instances[y, x])
    if owner:
        return result.people[owner - 1], True
    reach = REACH * max(height, width)
    near = [(_distance(person, click), person.index, person) for person in result.people]
    distance, _, person = min(near, key=lambda row: row[:2], default=(reach + 1, 0, None))
    return (person, False) if distance <= reach else (None, False)


def _distance(person: Person, click: Sequence[float]) -> float:
    x1, y1, x2, y2 = (float(edge) for edge in person.box)
    return hypot(max(x1 - click[0], click[0] - x2, 0), max(y1 - click[1], click[1] - y2, 0))


def fit_labels(
    result: ParsedPeople, person: Person, scheme: Scheme
) -> tuple[NDArray[np.uint8], str]:
    """Return a person's labels in a scheme, (H, W) uint8, and what that lost.

    Raises:
        Problem: no table leads from the model's labels to the scheme (422).
    """
    labels = person.parsing
    if result.scheme.name == scheme.name:
        return labels, ""
    if {label.name for label in result.scheme.labels} >= {label.name for label in scheme.labels}:
        return _fit_by_name(labels, result.scheme, scheme)
    alone = ParsedPeople.from_maps(
        labels, (labels > 0).astype(np.uint16), scheme=result.scheme.name
    )
    try:
        translated, report = translate_people(alone, "gps")
    except SchemeError as error:
        raise Problem(422, "other-labels", str(error)) from error
    fitted, dropped = _fit_by_name(translated.parsing, translated.scheme, scheme)
    loss = "; ".join(str(report).splitlines()[1:])
    return fitted, "; ".join(part for part in (loss, dropped) if part)


def _fit_by_name(
    labels: NDArray[np.uint8], source: Scheme, target: Scheme
) -> tuple[NDArray[np.uint8], str]:
    """Return labels whose names both schemes have; others become background and are told."""
    ids = {label.name: label.id for label in target.labels}
    lookup = np.zeros(256, np.uint8)
    lookup[source.ignore_id] = target.ignore_id
    counts, dropped = np.bincount(labels.ravel(), minlength=256), []
    for label in source.labels:
        lookup[label.id] = ids.get(label.name, 0)
        if label.name not in ids and counts[label.id]:
            dropped.append(f"{label.name} {counts[label.id]}")
    return lookup[labels], f"dropped: {', '.join(dropped)}" if dropped else ""
