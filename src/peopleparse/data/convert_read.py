"""Read an image of any format as persons with a label map each; what has no person is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.convert_fit import split_owners
from peopleparse.data.convert_image import (
    EMPTY,
    REGIONS,
    STRAY,
    STRAY_IGNORED,
    Facts,
    PeopleImage,
)
from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.gps_record import COMPUTED_FIELDS, SCHEMA
from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_source import FileLabels
from peopleparse.data.mhp import MhpPersonLabels

_RECORD_FIELDS = "schema image labels n_persons order persons overlaps flatten_rule".split()


def read_people(
    source: FileLabels, image_id: str, facts: Facts | None, losses: Counter[str]
) -> PeopleImage:
    """Return the persons of one image of the truth.

    A label map without persons is that of one person. What nobody owns is lost and counted;
    ignored pixels that nobody owns are ignored for every person.

    Args:
        source: the truth.
        image_id: which image.
        facts: what is known beside the pixels, where the format itself does not say it.
        losses: takes the count of each kind of loss.

    Raises:
        DataError: the image is missing or broken.
    """
    labels = source.read(image_id)
    ignore_id = source.scheme.ignore_id
    persons = _read_persons(labels, ignore_id, losses)
    if isinstance(source, MhpPersonLabels):
        losses[EMPTY] += len(source.names_of(image_id)) - len(persons)
    if isinstance(source, GpsLabels):
        facts = read_facts(source.record_of(image_id))
    facts = facts or Facts()
    if len(facts.persons) != len(persons):  # somebody added or removed persons
        facts = replace(facts, persons=())
    return PeopleImage(image_id, persons, source.scheme, facts)


def _read_persons(labels: ImageLabels, ignore_id: int, losses: Counter[str]) -> NDArray[np.uint8]:
    if isinstance(labels.persons, np.ndarray):
        return labels.persons
    if labels.persons is None:
        assert labels.parsing is not None
        parsing = labels.parsing
        shown = ((parsing > 0) & (parsing != ignore_id)).any()
        owners = np.full(parsing.shape, int(shown), np.uint16)
    else:
        parsing, owners = labels.persons
    count = int(owners.max(initial=0))
    nobody = owners == 0
    losses[STRAY] += int((nobody & (parsing > 0) & (parsing != ignore_id)).sum())
    if not count:
        losses[STRAY_IGNORED] += int((parsing == ignore_id).sum())
    if labels.regions is not None:
        said = np.append(0, labels.regions.label_ids)[labels.regions.numbers]
        losses[REGIONS] += int(((said != parsing) & ~nobody & (parsing != ignore_id)).sum())
    return split_owners(parsing, owners, count, ignore_id)


def read_facts(record: dict[str, Any]) -> Facts:
    """Return what a GPS record says that is not in the pixels."""
    assert record["schema"] == SCHEMA
    persons = [
        {name: value for name, value in person.items() if name not in COMPUTED_FIELDS}
        for person in record["persons"]
        if isinstance(person, dict)
    ]
    extra = {name: value for name, value in record.items() if name not in _RECORD_FIELDS}
    image = record["image"]
    return Facts(image.get("subset"), image["split"], persons, extra)
