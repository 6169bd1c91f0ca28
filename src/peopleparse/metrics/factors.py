"""Factors that make an image or a person hard, told from the annotation alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.iou import box_overlap
from peopleparse.metrics.tally import Tally

_COUNTS = ((0, "0"), (1, "1"), (2, "2"), (3, "3"), (5, "4-5"), (10, "6-10"))
_MANY = "11+"
_COCO_SMALL, _COCO_MEDIUM = 32**2, 96**2
_NOT_ONE = "not one person"
_UNLABELLED = "no part"
_NO_TRUTH = "no truth"

# What the words of a label's name say about the body; the first line that fits counts, so that
# "lower-arms" are of the upper body.
_WORDS = (
    ("face", "face"),
    ("hair", "hair"),
    ("head", "head headwear hat cap helmet sunglasses glasses eyewear earrings"),
    ("feet", "shoe boot highheel sandal foot feet sneaker heels flats pumps loafers clogs wedges"),
    ("lower", "leg"),
    ("upper", "arm hand torso upper"),
    ("lower", "lower pants trousers skirt shorts jeans leggings stocking tights socks panties"),
    ("upper", "coat jacket shirt sweater singlet bra bikini blouse cardigan hoodie sweatshirt"),
    (
        "upper",
        "jumper vest top blazer suit robe cape bodysuit romper dress jumpsuit scarf tie full",
    ),
)


class People(NamedTuple):
    """One side of one image; N persons.

    Attributes:
        areas: (N, C) pixels of each label.
        boxes: (N, 4) around labelled pixels; zeros for none.
        size: (height, width) of the image.
        image_id: name of the image.
        order: each truth person's place in the files; None for predicted persons.
    """

    areas: NDArray[np.int64]
    boxes: NDArray[np.int32]
    size: tuple[int, int]
    image_id: str = ""
    order: tuple[int, ...] | None = None


@dataclass(frozen=True)
class ImageFactor:
    """A factor of whole images.

    Attributes:
        name: what the factor is called.
        groups: its groups, in the order to print them.
        tag: returns the group of an image.
    """

    name: str
    groups: tuple[str, ...]
    tag: Callable[[Tally], str]


@dataclass(frozen=True)
class PersonFactor:
    """A factor of single persons.

    Attributes:
        name: what the factor is called.
        groups: its groups, in the order to print them.
        tag: returns the group of each person of one side.
    """

    name: str
    groups: tuple[str, ...]
    tag: Callable[[People], list[str]]


Factor = ImageFactor | PersonFactor


def truth_people(tally: Tally) -> People:
    """Return the truth persons of an image.

    Raises:
        InputError: persons are not annotated.
    """
    order = tuple(tally.truth_order.tolist())
    areas = tally.persons().truth_areas
    return People(areas, tally.truth_boxes, tally.size, tally.image_id, order)


def predicted_people(tally: Tally) -> People:
    """Return the predicted persons of an image.

    Raises:
        InputError: persons are not annotated.
    """
    return People(tally.persons().pred_areas, tally.pred_boxes, tally.size)


def subset_factor(subset_of: Mapping[str, str], name: str = "subset") -> ImageFactor:
    """Return the factor of sub-data sets, such as indoor and outdoor.

    Args:
        subset_of: name of the sub-data set of each image_id.
        name: what the factor is called.
    """
    return ImageFactor(name, tuple(sorted(set(subset_of.values()))), partial(_subset, subset_of))


def tagged_factor(
    tags_of: Mapping[str, Sequence[str]], name: str, groups: Sequence[str], persons: bool
) -> Factor:
    """Return a factor whose groups were told before, such as by `evaluation.challenge.tag_people`.

    A predicted person who touches no truth person is in group "no truth".

    Args:
        tags_of: group of each truth person of each image_id, in the order of the files.
        name: what the factor is called.
        groups: the groups, in the order to print them.
        persons: whether persons are divided; else images, each by its first person.
    """
    if persons:
        return PersonFactor(name, (*groups, _NO_TRUTH), partial(_told_people, tags_of))
    return ImageFactor(name, tuple(groups), partial(_told_image, tags_of))


def person_count_factor() -> ImageFactor:
    """Return the factor of how many truth persons with a labelled pixel an image has."""
    return ImageFactor("person count", (*(name for _, name in _COUNTS), _MANY), _person_count)


def label_factors(names: Sequence[str]) -> tuple[ImageFactor, ...]:
    """Return the Look into Person factors of photos of one person, by the labels that are there.

    "body": "full body" has an upper, a lower and a foot label (without foot labels in the scheme:
    an upper and a lower one), "cut above the feet" an upper and a lower one, "upper body" no lower
    one, "lower body" no upper one. A dress or jumpsuit is an upper label: alone it does not tell
    whether the legs are in the photo. "neither" has no upper and no lower one.
    "head": "head missed" has no label of the head.
    "face": "no face" has hair but no face, the nearest to a back view that labels tell; "neither"
    has no hair either. A scheme without both labels has no such factor.
    Occlusion and back view are not in labels; the challenge's annotators tagged them by eye.

    An image whose truth is a label map only counts as one person; with truth persons the one that
    has a labelled pixel is tagged, and an image with another number is "not one person".

    Args:
        names: name of each label id, such as `Scheme.names`; an unused id is "".

    Raises:
        InputError: no label is of the head, of the upper or of the lower body.

    Source: the Look into Person challenge's six factors. Differs: rules over labels, not tags.
    """
    return tuple(
        ImageFactor(
            f.name.removeprefix("person "), (*f.groups, _NOT_ONE), partial(_of_single, f.tag)
        )
        for f in person_label_factors(names)
    )


def person_label_factors(names: Sequence[str]) -> tuple[PersonFactor, ...]:
    """Return the same factors for each person of group photos; see `label_factors`.

    They are called "person body", "person head" and "person face".

    Raises:
        InputError: no label is of the head, of the upper or of the lower body.

    >>> body, head, face = person_label_factors(["", "hair", "face", "torso", "legs"])
    >>> areas = np.array([[9, 0, 0, 2, 1], [9, 1, 0, 2, 0]])  # torso and legs; hair and torso
    >>> people = People(areas, np.zeros((2, 4), np.int32), (3, 4))
    >>> body.tag(people), head.tag(people), face.tag(people)
    (['full body', 'upper body'], ['head missed', 'head'], ['neither', 'no face'])
    """
    regions = regions_of(names)
    bodies = ("full body", "cut above the feet", "upper body", "lower body", "neither")
    body = PersonFactor("person body", (*bodies, _UNLABELLED), partial(_body, regions))
    head = PersonFactor(
        "person head", ("head", "head missed", _UNLABELLED), partial(_head, regions)
    )
    if not (regions["face"] and regions["hair"]):
        return body, head
    faces = ("face", "no face", "neither", _UNLABELLED)
    return body, head, PersonFactor("person face", faces, partial(_face, regions))


def person_factors() -> tuple[PersonFactor, ...]:
    """Return the factors of size and place of each person.

    "size": labelled pixels, as COCO divides them: small below 32 squared, medium below 96 squared,
    large from there on.
    "height": height of the box against that of the image, in thirds; just a third is the middle.
    "truncation": whether the box touches the border of the image.
    "overlap": highest IoU of the person's box with the box of another person of the same side.
    """
    return (
        PersonFactor("size", ("small", "medium", "large"), _size),
        PersonFactor(
            "height", ("under a third", "a third to two thirds", "over two thirds"), _height
        ),
        PersonFactor("truncation", ("inside", "at the border"), _truncation),
        PersonFactor("overlap", ("none", "under .25", ".25 and over"), _overlap),
    )


def _subset(subset_of: Mapping[str, str], tally: Tally) -> str:
    if tally.image_id not in subset_of:
        raise InputError(
            f"subset_of must name the sub-data set of every image, got none, at image "
            f"'{tally.image_id}'. Add it to the mapping."
        )
    return subset_of[tally.image_id]


def _told_people(tags_of: Mapping[str, Sequence[str]], people: People) -> list[str]:
    if people.order is None:
        return [_NO_TRUTH] * len(people.areas)
    return [_tags_at(tags_of, people.image_id)[place] for place in people.order]


def _told_image(tags_of: Mapping[str, Sequence[str]], tally: Tally) -> str:
    return _tags_at(tags_of, tally.image_id)[0]


def _tags_at(tags_of: Mapping[str, Sequence[str]], image_id: str) -> Sequence[str]:
    if image_id not in tags_of:
        raise InputError(
            f"tags_of must have every image, got none, at image '{image_id}'. Tag it, too."
        )
    return tags_of[image_id]


def _person_count(tally: Tally) -> str:
    count = int(tally.persons().truth_areas[:, 1:].any(axis=1).sum())
    return next((name for most, name in _COUNTS if count <= most), _MANY)


def _of_single(tag: Callable[[People], list[str]], tally: Tally) -> str:
    if tally.overlap is None:
        areas = tally.confusion.sum(axis=1)[None]
        return tag(People(areas, np.zeros((1, 4), np.int32), tally.size))[0]
    people = truth_people(tally)
    visible = np.flatnonzero(people.areas[:, 1:].any(axis=1))
    if len(visible) != 1:
        return _NOT_ONE
    return tag(People(people.areas[visible], people.boxes[visible], tally.size))[0]


def regions_of(names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the label ids of face, hair, head, upper and lower body and feet, by these words.

    Raises:
        InputError: no label is of the head, of the upper or of the lower body.
    """
    kinds = [(kind, {_stem(word) for word in words.split()}) for kind, words in _WORDS]
    found: dict[str, list[int]] = {kind: [] for kind, _ in kinds}
    for label_id, name in enumerate(names):
        words = {_stem(word) for word in re.findall(r"[a-z]+", name.lower())}
        kind = next((kind for kind, known in kinds if words & known), None)
        if label_id and kind:
            found[kind].append(label_id)
    found["head"] += found["face"] + found["hair"]
    lacking = [kind for kind in ("head", "upper", "lower") if not found[kind]]
    if lacking:
        raise InputError(
            f"names must have labels of head, upper and lower body, got none of {lacking} in "
            f"{list(names)}. Leave the label factors out for this scheme."
        )
    return {kind: tuple(sorted(ids)) for kind, ids in found.items()}


def _stem(word: str) -> str:
    return word.rstrip("s")


def _has(people: People, ids: Sequence[int]) -> NDArray[np.bool_]:
    return np.asarray((people.areas[:, list(ids)] > 0).any(axis=1))


def _pick(people: People, *rules: tuple[NDArray[np.bool_], str]) -> list[str]:
    """Return the name of the first rule that holds for each person, if it has a part at all."""
    visible = _has(people, range(1, people.areas.shape[1]))
    return _choose((~visible, _UNLABELLED), *rules)


def _choose(*rules: tuple[NDArray[np.bool_], str]) -> list[str]:
    held = np.stack([np.asarray(rule) for rule, _ in rules])
    names = [name for _, name in rules]
    return [names[index] for index in held.argmax(axis=0)]


def _body(regions: Mapping[str, Sequence[int]], people: People) -> list[str]:
    upper, feet = _has(people, regions["upper"]), _has(people, regions["feet"])
    lower = _has(people, regions["lower"]) | feet
    reaches = feet if regions["feet"] else lower
    return _pick(
        people,
        (upper & reaches, "full body"),
        (upper & lower, "cut above the feet"),
        (upper, "upper body"),
        (lower, "lower body"),
        (np.ones(len(upper), bool), "neither"),
    )


def _head(regions: Mapping[str, Sequence[int]], people: People) -> list[str]:
    head = _has(people, regions["head"])
    return _pick(people, (head, "head"), (~head, "head missed"))


def _face(regions: Mapping[str, Sequence[int]], people: People) -> list[str]:
    face, hair = _has(people, regions["face"]), _has(people, regions["hair"])
    return _pick(people, (face, "face"), (hair, "no face"), (~hair, "neither"))


def _size(people: People) -> list[str]:
    area = people.areas[:, 1:].sum(axis=1)
    rest = np.ones(len(area), bool)
    return _choose((area < _COCO_SMALL, "small"), (area < _COCO_MEDIUM, "medium"), (rest, "large"))


def _height(people: People) -> list[str]:
    tall = 3 * (people.boxes[:, 3] - people.boxes[:, 1]).astype(np.int64)
    middle = tall <= 2 * people.size[0]
    return _choose(
        (tall < people.size[0], "under a third"),
        (middle, "a third to two thirds"),
        (~middle, "over two thirds"),
    )


def _truncation(people: People) -> list[str]:
    x1, y1, x2, y2 = people.boxes.T
    height, width = people.size
    touches = ((x1 == 0) | (y1 == 0) | (x2 == width) | (y2 == height)) & (x2 > x1)
    return _choose((touches, "at the border"), (~touches, "inside"))


def _overlap(people: People) -> list[str]:
    boxes = people.boxes.astype(np.float64)
    iou = box_overlap(boxes, boxes)[0]
    np.fill_diagonal(iou, 0.0)
    most = iou.max(axis=1, initial=0.0)
    some = most > 0
    return _choose((most >= 0.25, ".25 and over"), (some, "under .25"), (~some, "none"))
