"""Groups of persons that only the shape of the truth tells: who is hidden, who is seen from behind.

Tallies hold no pixels, so that the truth is read once more for these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.image_labels import ImageLabels, LabelSource, size_of
from peopleparse.errors import DataError
from peopleparse.evaluation.challenge import Tags, tag_people
from peopleparse.evaluation.grouping import OF_SHAPE, TagsOf
from peopleparse.labels import Scheme


def tag_truth(truth: LabelSource, by: Sequence[str]) -> TagsOf | None:
    """Return, for each grouping by shape, the group of every person of every image.

    An image that cannot be read is left out; its fault is told with the scores.

    Args:
        truth: the opened truth.
        by: groupings; others than `OF_SHAPE` are passed over.

    Raises:
        InputError: the scheme has no labels of head, upper and lower body.
    """
    wanted = [name for name in OF_SHAPE if name in by]
    if not wanted:
        return None
    found: dict[str, dict[str, list[str]]] = {name: {} for name in wanted}
    for image_id in truth.ids:
        try:
            tags = tag_labels(truth.read(image_id), truth.scheme)
        except DataError:
            continue
        for name in wanted:
            found[name][image_id] = [_group_of(name, tag) for tag in tags]
    return found


def tag_labels(labels: ImageLabels, scheme: Scheme) -> list[Tags]:
    """Return the tags of each person of an image; of a label map alone, of its one person."""
    return tag_people(_stack(labels), scheme)


def _stack(labels: ImageLabels) -> NDArray[np.uint8]:
    if isinstance(labels.persons, tuple):
        parsing, instances = labels.persons
        count = int(instances.max(initial=0))
        numbers = np.arange(1, count + 1)[:, None, None]
        return np.where(instances == numbers, parsing, 0).astype(np.uint8)
    if labels.persons is not None:
        return labels.persons
    empty = np.zeros(size_of(labels), np.uint8)
    return (empty if labels.parsing is None else labels.parsing)[None]


def _group_of(name: str, tag: Tags) -> str:
    return ("occluded" if tag.occluded else "not occluded") if name == "occlusion" else tag.view
