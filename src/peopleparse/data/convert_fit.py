"""What a format can hold of an image: the persons as they will be read back, losses counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.convert_image import (
    COVERED,
    EMPTY,
    GROUP_PERSONS,
    GROUPS,
    HIDDEN,
    IGNORED,
    NOBODY,
    ORDER,
    OVERLAP,
    SHARED,
    PeopleImage,
)
from peopleparse.data.gps_record import find_xs
from peopleparse.structures import mask_box


def fit_image(image: PeopleImage, to: str, losses: Counter[str]) -> PeopleImage | None:
    """Return the image as a format will give it back, or None where it cannot hold it.

    Persons without a labelled pixel are left out: no format but GPS has them.

    Args:
        image: what to write.
        to: name of the format.
        losses: takes the count of each kind of loss.
    """
    image = _keep_shown(image, EMPTY, losses)
    if to == "gps":
        return _put_in_order(image, losses)
    if to == "cihp":
        return _fit_flat(image, losses)
    if to == "coco":
        ignored = image.persons == image.scheme.ignore_id
        losses[IGNORED] += int(ignored.sum())
        return replace(image, persons=np.where(ignored, 0, image.persons).astype(np.uint8))
    if to == "lip" and len(image.persons) > 1:
        losses[GROUPS] += 1
        losses[GROUP_PERSONS] += len(image.persons)
        return None
    if to.startswith("mhp") and not len(image.persons):
        losses[NOBODY] += 1
        return None
    return image


def _keep_shown(image: PeopleImage, why: str, losses: Counter[str]) -> PeopleImage:
    shown = image.labelled.any(axis=(1, 2))
    if shown.all():
        return image
    losses[why] += int((~shown).sum())
    losses[IGNORED] += int((image.persons[~shown] == image.scheme.ignore_id).sum())
    return image.select(np.flatnonzero(shown).tolist())


def _put_in_order(image: PeopleImage, losses: Counter[str]) -> PeopleImage:
    boxes = [mask_box(mask) for mask in image.labelled]
    fields = image.facts.persons or [{} for _ in boxes]
    entries = [{**more, "bbox": box} for more, box in zip(fields, _listed(boxes), strict=True)]
    xs, _ = find_xs(entries)
    order = sorted(range(len(xs)), key=lambda i: xs[i] or 0.0)
    if order == list(range(len(xs))):
        return image
    losses[ORDER] += 1
    return image.select(order)


def _listed(boxes: list[NDArray[np.float32] | None]) -> list[list[float] | None]:
    return [None if box is None else box.tolist() for box in boxes]


def _fit_flat(image: PeopleImage, losses: Counter[str]) -> PeopleImage:
    owners = own_labelled(image)
    losses[OVERLAP] += int(image.labelled.sum() - (owners > 0).sum())
    visible = np.where(
        image.labelled & (owners != np.arange(1, len(image.persons) + 1)[:, None, None]),
        0,
        image.persons,
    ).astype(np.uint8)
    image = _keep_shown(replace(image, persons=visible), HIDDEN, losses)
    parsing, owners = flatten_image(image)
    persons = split_owners(parsing, owners, len(image.persons), image.scheme.ignore_id)
    ignored = image.persons == image.scheme.ignore_id
    lost = ignored & (persons != image.scheme.ignore_id)
    covered = int((lost & image.labelled.any(axis=0)).sum())
    losses[COVERED] += covered
    losses[SHARED] += int(lost.sum()) - covered
    return replace(image, persons=persons)


def own_labelled(image: PeopleImage) -> NDArray[np.uint16]:
    """Return whose label each pixel shows, (H, W): the left person wins, 0 for nobody."""
    owners = np.zeros(image.persons.shape[1:], np.uint16)
    for index, mask in reversed(list(enumerate(image.labelled, 1))):
        owners[mask] = index
    return owners


def flatten_image(image: PeopleImage) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Return one label map and one map of person numbers, (H, W) each.

    A label wins over ignored. A pixel that one person ignores is that person's; one that all of
    several ignore is nobody's; else it is the leftmost's of those who do.
    """
    ignore_id, count = image.scheme.ignore_id, len(image.persons)
    owners = own_labelled(image)
    parsing = np.zeros(owners.shape, np.uint8)
    for index, person in enumerate(image.persons, 1):
        parsing[owners == index] = person[owners == index]
    ignored = image.persons == ignore_id
    number = ignored.sum(axis=0)
    free = (owners == 0) & (number > 0)
    parsing[free] = ignore_id
    own = free & ((number < count) | (count == 1))
    owners[own] = (ignored[:, own].argmax(axis=0) + 1) if own.any() else 0
    return parsing, owners


def split_owners(
    parsing: NDArray[np.uint8], owners: NDArray[np.uint16], count: int, ignore_id: int
) -> NDArray[np.uint8]:
    """Return one label map a person, (N, H, W); what is ignored and nobody's all persons ignore.

    Args:
        parsing: (H, W) label ids.
        owners: (H, W) person numbers 1 to N.
        count: N.
        ignore_id: value of ignored pixels.
    """
    numbers = np.arange(1, count + 1)[:, None, None]
    shared = (parsing == ignore_id) & (owners == 0)
    return np.where((owners == numbers) | shared, parsing, 0).astype(np.uint8)
