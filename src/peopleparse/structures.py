"""What a photo becomes: people, their parts, and the maps they come from.

Pixel model: boxes are x1, y1, x2, y2 at pixel edges, x2 and y2 exclusive, in image pixels.
Everything is checked when it is made and trusted from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Scheme, get_scheme
from peopleparse.map_checks import check_ids, check_layers, check_maps


def mask_box(mask: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """Return the smallest box around a (H, W) mask as (4,) float32, or None for an empty one.

    >>> mask_box(np.eye(3, dtype=bool)[:2]).tolist()
    [0.0, 0.0, 2.0, 2.0]
    """
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(ys) == 0:
        return None
    return np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float32)


class Extent(NamedTuple):
    """Where the pixels of one person lie.

    Attributes:
        box: (4,) float32 around them.
        first: column of the first of them in the top row of the box.
    """

    box: NDArray[np.float32]
    first: int


def sort_people(extents: Mapping[int, Extent]) -> list[int]:
    """Return the keys of people who share no pixel from left to right, the order of every result.

    People are told apart by the centre of their box, then by its top, and last by the first pixel,
    which no two share: the order does not depend on the keys.
    """
    return sorted(
        extents,
        key=lambda key: (
            float(extents[key].box[0] + extents[key].box[2]),
            float(extents[key].box[1]),
            extents[key].first,
        ),
    )


@dataclass(frozen=True, eq=False)
class Part:
    """One label of one person.

    Attributes:
        name, label_id: the label in the result's scheme.
        mask: (H, W) bool at image size.
        area: pixels of the mask.
        box: (4,) float32 around the mask.
    """

    name: str
    label_id: int
    mask: NDArray[np.bool_] = field(repr=False)
    area: int
    box: NDArray[np.float32]


class Person:
    """One person of a photo; masks are cut from the result's maps when asked for.

    Attributes:
        index: 1 to N, left to right; the person's value in `instances`.
        score: confidence, 0 to 1.
        box: (4,) float32 around the person's pixels.
        face_box: (4,) float32 of the major face, or None where none was found.
    """

    def __init__(
        self,
        index: int,
        score: float,
        box: NDArray[np.float32],
        face_box: NDArray[np.float32] | None,
        maps: tuple[NDArray[np.uint8], NDArray[np.uint16]],
        scheme: Scheme,
    ) -> None:
        self.index, self.score, self.box, self.face_box = index, score, box, face_box
        self._maps, self._scheme = maps, scheme

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool: the pixels this person owns."""
        return self._maps[1] == self.index

    @property
    def parsing(self) -> NDArray[np.uint8]:
        """(H, W) uint8 label ids; everyone else is background."""
        return np.where(self.mask, self._maps[0], 0).astype(np.uint8)

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The person's parts by name, in the order of the scheme; only those present."""
        parsing = self.parsing
        areas = np.bincount(parsing.ravel(), minlength=256)
        found = {}
        for label in self._scheme.labels:
            if label.id and areas[label.id]:
                mask = parsing == label.id
                box = mask_box(mask)
                assert box is not None
                found[label.name] = Part(label.name, label.id, mask, int(areas[label.id]), box)
        return found

    def __repr__(self) -> str:
        """Short: number, score, box and part names."""
        box = [round(float(v)) for v in self.box]
        return f"Person({self.index}, score={self.score:.2f}, box={box}, parts={list(self.parts)})"


class ParsedPeople:
    """Every person of one photo and every part of every person.

    Attributes:
        parsing: (H, W) uint8 label ids of `scheme`.
        instances: (H, W) uint16, 0 background, 1..N the person who owns the pixel.
        people: persons 1..N, left to right.
        scheme: labels of `parsing`.
        image: (H, W, 3) uint8 RGB, or None.
        source: where the photo came from, or None.
        confidence: (H, W) uint8, 255 for certain, or None.
    """

    def __init__(
        self,
        parsing: NDArray[np.uint8],
        instances: NDArray[np.uint16],
        people: Sequence[Person],
        scheme: Scheme,
        image: NDArray[np.uint8] | None = None,
        source: str | None = None,
        confidence: NDArray[np.uint8] | None = None,
    ) -> None:
        self.parsing, self.instances, self.people = parsing, instances, tuple(people)
        self.scheme, self.image, self.source, self.confidence = scheme, image, source, confidence

    @classmethod
    def from_maps(
        cls,
        parsing: NDArray[np.uint8],
        instances: NDArray[np.integer[Any]],
        scores: Iterable[float] | None = None,
        face_boxes: Sequence[NDArray[np.float32] | None] | None = None,
        scheme: str = "gps",
        image: NDArray[np.uint8] | None = None,
        source: str | None = None,
        confidence: NDArray[np.uint8] | None = None,
    ) -> ParsedPeople:
        """Build a result from its two maps; persons without a pixel are left out.

        Persons are numbered anew from left to right (by the centre of their box, then by top).
        A person owns labelled pixels only: ignored pixels (255) stay in `parsing` as nobody's.

        Args:
            parsing: (H, W) uint8 label ids.
            instances: (H, W) person numbers, 0 to 65535; number i takes `scores[i - 1]` and
                `face_boxes[i - 1]`.
            scores: one a person; 1.0 where not given.
            face_boxes: one (4,) box or None a person.
            scheme: name of the label scheme.
            image: the (H, W, 3) RGB photo, kept for drawing.
            source: where the photo came from.
            confidence: (H, W) uint8.

        Raises:
            InputError: shapes or types disagree, a label is not in the scheme, a person number is
                out of range, or scores are too few.
        """
        found = get_scheme(scheme)
        check_maps(parsing, instances, found)
        check_layers(image, confidence, parsing.shape)
        count = int(instances.max(initial=0))
        scores = [1.0] * count if scores is None else [float(s) for s in scores]
        faces = [None] * count if face_boxes is None else list(face_boxes)
        if min(len(scores), len(faces)) < count:
            raise InputError(
                f"scores and face_boxes must have one entry a person, got {len(scores)} and "
                f"{len(faces)} for {count} persons. Give None to leave them out."
            )
        ignored = parsing == found.ignore_id
        owners = np.where((parsing > 0) & ~ignored, instances, 0)
        extents = _owner_extents(owners)
        order = sort_people(extents)
        renumber = np.zeros(count + 1, np.uint16)
        renumber[order] = np.arange(1, len(order) + 1)
        instances = renumber[owners]
        parsing = np.where((instances > 0) | ignored, parsing, 0).astype(np.uint8)
        people = [
            Person(n, scores[i - 1], extents[i].box, faces[i - 1], (parsing, instances), found)
            for n, i in enumerate(order, 1)
        ]
        return cls(parsing, instances, people, found, image, source, confidence)

    def with_maps(
        self,
        parsing: NDArray[np.uint8],
        instances: NDArray[np.integer[Any]],
        confidence: NDArray[np.uint8] | None,
        scheme: str | None = None,
    ) -> ParsedPeople:
        """Return the same people, photo and source with other maps; see `from_maps`.

        Args:
            parsing, instances, confidence: the maps; number i is this result's person i.
            scheme: of `parsing`; None where it stays.

        Raises:
            InputError: as `from_maps`.
        """
        return ParsedPeople.from_maps(
            parsing,
            instances,
            scores=[person.score for person in self.people],
            face_boxes=[person.face_box for person in self.people],
            scheme=scheme or self.scheme.name,
            image=self.image,
            source=self.source,
            confidence=confidence,
        )

    def __len__(self) -> int:
        """Return the number of persons."""
        return len(self.people)

    def __repr__(self) -> str:
        """Short: persons, size, source."""
        height, width = self.size
        return f"ParsedPeople({len(self)} people, {width} x {height}, source={self.source!r})"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the photo."""
        return self.parsing.shape[0], self.parsing.shape[1]

    def person_parsings(self) -> NDArray[np.uint8]:
        """Return one label map a person, (N, H, W) uint8: everyone else is background."""
        if not self.people:
            return np.zeros((0, *self.size), np.uint8)
        return np.stack([person.parsing for person in self.people])

    def draw(self, **options: Any) -> NDArray[np.uint8]:
        """Return the photo with its people drawn on it, (H, W, 3) uint8; see viz.draw_overlay."""
        from peopleparse.viz import draw_overlay

        return draw_overlay(self, **options)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the pixels as plain values for JSON."""
        from peopleparse.viz import result_to_dict

        return result_to_dict(self)

    def to_coco(self, image_id: int = 1) -> dict[str, Any]:
        """Return the result in COCO form: one RLE annotation a part, linked to its person."""
        from peopleparse.viz import result_to_coco

        return result_to_coco(self, image_id)

    def save(
        self,
        folder: str | Path,
        stem: str | None = None,
        formats: Sequence[str] = ("overlay", "png", "json"),
    ) -> list[Path]:
        """Write the result into a folder and return the files; see viz.save_result."""
        from peopleparse.viz import save_result

        return save_result(self, folder, stem, formats)


@dataclass(frozen=True, eq=False)
class Annotation:
    """The truth of one image: N person-level label maps, left to right.

    Attributes:
        parsings: (N, H, W) uint8; in map n everyone but person n is background; 255 is ignored.
        scheme: labels of the maps.
        image_id: name of the image without folder and ending.
    """

    parsings: NDArray[np.uint8] = field(repr=False)
    scheme: Scheme
    image_id: str = ""

    def __post_init__(self) -> None:
        """Check shape and labels.

        Raises:
            InputError: the maps are not (N, H, W) uint8 or hold a label outside the scheme.
        """
        if self.parsings.ndim != 3 or self.parsings.dtype != np.uint8:
            raise InputError(
                f"parsings must be (N, H, W) uint8, got {self.parsings.shape} "
                f"{self.parsings.dtype}, at image '{self.image_id}'. Stack one map a person."
            )
        check_ids(self.parsings, self.scheme, f"at image '{self.image_id}'")

    def __len__(self) -> int:
        """Return the number of persons."""
        return len(self.parsings)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """(N, H, W) bool, one person each; ignored pixels are nobody's."""
        return (self.parsings > 0) & (self.parsings != self.scheme.ignore_id)

    @property
    def boxes(self) -> NDArray[np.float32]:
        """(N, 4) float32 around what is visible of each person; zeros for an empty map."""
        found = [mask_box(mask) for mask in self.masks]
        rows = [np.zeros(4, np.float32) if box is None else box for box in found]
        return np.stack(rows) if rows else np.zeros((0, 4), np.float32)

    @property
    def face_boxes(self) -> list[NDArray[np.float32] | None]:
        """Box of the face label of each person, None where no face is visible."""
        face = self.scheme.id_of("face")
        return [mask_box(parsing == face) for parsing in self.parsings]

    def flatten(self) -> tuple[NDArray[np.uint8], NDArray[np.uint16], int]:
        """Return (parsing, instances, lost pixels): where persons overlap, the left one wins.

        A label wins over ignored whoever has it; what stays ignored is nobody's (instance 0).
        `lost` counts each labelled pixel that had to give way.
        """
        shape = self.parsings.shape[1:]
        parsing, instances = np.zeros(shape, np.uint8), np.zeros(shape, np.uint16)
        parsing[(self.parsings == self.scheme.ignore_id).any(axis=0)] = self.scheme.ignore_id
        lost = 0
        for index, mask in reversed(list(enumerate(self.masks, 1))):
            lost += int((mask & (instances > 0)).sum())
            parsing[mask] = self.parsings[index - 1][mask]
            instances[mask] = index
        return parsing, instances, lost

    def instances(self) -> NDArray[np.uint16]:
        """Return (H, W) person numbers; where persons overlap, the left one wins."""
        return self.flatten()[1]


def _owner_extents(owners: NDArray[np.integer[Any]]) -> dict[int, Extent]:
    """Return where the pixels of each person number that owns any lie."""
    found = {}
    for index in np.flatnonzero(np.bincount(owners.ravel())).tolist():
        mask = owners == index
        box = mask_box(mask) if index else None
        if box is not None:
            found[index] = Extent(box, int(mask[int(box[1])].argmax()))
    return found
