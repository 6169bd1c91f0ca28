"""Statistics of a data set in any format: persons, parts, sizes, overlaps, counted in one walk.

Source: GPS paper, section 3.2 (Fig. 2, persons per image; Fig. 3, appearances of each part) and
Table 1; LIP paper, Table 1 (images of each split).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from math import isqrt, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.formats import open_labels
from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.image_facts import Box, ImageFacts, PersonFacts, read_facts
from peopleparse.data.label_source import FileLabels
from peopleparse.data.map_labels import MapLabels
from peopleparse.errors import DataError, InputError, suggest
from peopleparse.labels import Scheme

OVERLAP_STEPS = 20  # bins of box IoU: 0 alone, then (0, .05], (.05, .1] and on
SIZE_STEP = 32  # pixels of a bin of image sizes


@dataclass(frozen=True)
class Spread:
    """Least, median, mean, standard deviation (of all, not of a sample) and greatest."""

    least: float
    median: float
    mean: float
    deviation: float
    greatest: float


@dataclass
class Statistics:
    """What a data set holds. Whole numbers only: images may come in any order and any groups.

    Memory grows with the number of labels and of different lengths in pixels, not of images.
    `holder` below is who shows a part: a person, or an image where the format knows no persons.

    Attributes:
        scheme: name of the scheme.
        parts: names of the parts, in the order of the scheme.
        categories: labels in use, background counted, as in Table 1.
        images: number of images.
        maps: of them, those whose format does not tell persons apart.
        persons: number of persons.
        persons_per_image: number of persons to images that have so many (GPS paper, Fig. 2).
        parts_per_holder: number of parts to holders that show so many.
        part_persons: part to holders that show it (Fig. 3).
        part_images: part to images that show it.
        part_pixels: part to labelled pixels.
        together: (P, P) int64, holders that show both parts; on the diagonal, `part_persons`.
        widths, heights: pixels to images.
        sizes: (width, height) in steps of `SIZE_STEP`, rounded down, to images.
        person_heights: pixels of the box to persons, as `person_sides` and `person_shares`
            without persons that have no pixel.
        person_sides: side of the square of the person's area, rounded down, to persons.
        person_shares: thousandths of the image that the person fills, rounded down, to persons.
        person_overlaps: greatest box IoU with another person of the image to persons; in bins,
            bin n above 0 reaches from (n - 1) / `OVERLAP_STEPS`, left out, to n / `OVERLAP_STEPS`.
        pair_overlaps: the same bins to pairs of persons of one image.
        overlap_pixels: pixels that two persons both have, summed over pairs.
        occluded, truncated: "yes", "no" and "-" (not said) to persons.
        subsets: sub-data set ("-" for none) to images.
        splits: split ("-" for none) to images.
        split_persons: split to persons.
    """

    scheme: str
    parts: tuple[str, ...]
    categories: int
    images: int = 0
    maps: int = 0
    persons: int = 0
    persons_per_image: Counter[int] = field(default_factory=Counter)
    parts_per_holder: Counter[int] = field(default_factory=Counter)
    part_persons: Counter[str] = field(default_factory=Counter)
    part_images: Counter[str] = field(default_factory=Counter)
    part_pixels: Counter[str] = field(default_factory=Counter)
    together: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    widths: Counter[int] = field(default_factory=Counter)
    heights: Counter[int] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    person_heights: Counter[int] = field(default_factory=Counter)
    person_sides: Counter[int] = field(default_factory=Counter)
    person_shares: Counter[int] = field(default_factory=Counter)
    person_overlaps: Counter[int] = field(default_factory=Counter)
    pair_overlaps: Counter[int] = field(default_factory=Counter)
    overlap_pixels: int = 0
    occluded: Counter[str] = field(default_factory=Counter)
    truncated: Counter[str] = field(default_factory=Counter)
    subsets: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    split_persons: Counter[str] = field(default_factory=Counter)

    @classmethod
    def empty(cls, scheme: Scheme) -> Statistics:
        """Return the statistics of no image."""
        parts = tuple(label.name for label in scheme.labels if label.id)
        together = np.zeros((len(parts), len(parts)), np.int64)
        return cls(scheme.name, parts, len(scheme.labels), together=together)

    @property
    def instance_level(self) -> bool:
        """Whether persons are told apart (Table 1, column Instance)."""
        return self.maps == 0

    @property
    def holders(self) -> int:
        """Persons, or images where the format knows no persons."""
        return self.persons + self.maps

    @property
    def mean_persons(self) -> float:
        """Persons per image; 0 where persons are not told apart."""
        return self.persons / max(self.images - self.maps, 1)

    def add_image(self, facts: ImageFacts) -> None:
        """Count one more image."""
        height, width = facts.size
        self.images += 1
        self.widths[width] += 1
        self.heights[height] += 1
        self.sizes[width // SIZE_STEP * SIZE_STEP, height // SIZE_STEP * SIZE_STEP] += 1
        self.subsets[facts.subset or "-"] += 1
        self.splits[facts.split or "-"] += 1
        self.overlap_pixels += facts.shared_pixels
        if facts.persons is None:
            self.maps += 1
            self._add_parts([facts.areas])
            return
        self.persons += len(facts.persons)
        if facts.persons:  # no entry of zero: sums of two sets have none either
            self.split_persons[facts.split or "-"] += len(facts.persons)
        self.persons_per_image[len(facts.persons)] += 1
        self._add_parts([person.areas for person in facts.persons])
        for person in facts.persons:
            self._add_person(person, height * width)
        self._add_overlaps([person.box for person in facts.persons])

    def _add_parts(self, holders: Sequence[Mapping[str, int]]) -> None:
        """Count the parts of everyone in one image."""
        place = {name: index for index, name in enumerate(self.parts)}
        self.part_images.update({name for areas in holders for name in areas})
        for areas in holders:
            self.parts_per_holder[len(areas)] += 1
            self.part_persons.update(areas.keys())
            self.part_pixels.update(areas)
            shown = [place[name] for name in areas]
            self.together[np.ix_(shown, shown)] += 1

    def _add_person(self, person: PersonFacts, pixels: int) -> None:
        self.occluded[_word(person.occluded)] += 1
        self.truncated[_word(person.truncated)] += 1
        if person.box is not None:
            area = sum(person.areas.values())
            self.person_heights[person.box[3] - person.box[1]] += 1
            self.person_sides[isqrt(area)] += 1
            self.person_shares[1000 * area // pixels] += 1

    def _add_overlaps(self, boxes: Sequence[Box | None]) -> None:
        greatest = [0] * len(boxes)
        for right in range(len(boxes)):
            for left in range(right):
                step = _overlap_step(boxes[left], boxes[right])
                self.pair_overlaps[step] += 1
                for index in (left, right):
                    greatest[index] = max(greatest[index], step)
        self.person_overlaps.update(greatest)

    def __add__(self, other: Statistics) -> Statistics:
        """Return the statistics of both sets of images together.

        Raises:
            InputError: they are not of one scheme.
        """
        if (self.scheme, self.parts) != (other.scheme, other.parts):
            raise InputError(
                f"statistics must be of one scheme to be added, got '{self.scheme}' and "
                f"'{other.scheme}'. Translate one, or keep them side by side."
            )
        same = ("scheme", "parts", "categories")
        counts = [each.name for each in fields(self) if each.name not in same]
        sums = {name: getattr(self, name) + getattr(other, name) for name in counts}
        return Statistics(self.scheme, self.parts, self.categories, **sums)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, sorted, with spreads beside the counts they are of."""
        found: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in ("part_persons", "part_images", "part_pixels"):
                value = {name: value[name] for name in self.parts}
            elif each.name == "sizes":
                value = [[width, height, count] for (width, height), count in sorted(value.items())]
            elif isinstance(value, Counter):
                value = dict(sorted(value.items()))
            found[each.name] = value.tolist() if isinstance(value, np.ndarray) else value
        spreads = {name: spread_of(getattr(self, name)) for name in _SPREADS}
        return found | {
            "parts": list(self.parts),
            "instance_level": self.instance_level,
            "holders": self.holders,
            "mean_persons": self.mean_persons,
            "spreads": {name: spread and asdict(spread) for name, spread in spreads.items()},
        }


_SPREADS = (
    *("persons_per_image", "parts_per_holder", "widths", "heights"),
    *("person_heights", "person_sides", "person_shares"),
)


def _word(said: bool | None) -> str:
    return "-" if said is None else ("yes" if said else "no")


def _overlap_step(a: Box | None, b: Box | None) -> int:
    """Return the bin of two boxes' IoU: exact, because only whole numbers are divided."""
    if a is None or b is None:
        return 0
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - shared
    return -(-OVERLAP_STEPS * shared // union) if shared else 0


def spread_of(counts: Mapping[int, int]) -> Spread | None:
    """Return the spread of whole numbers that are given with how often each occurs.

    None where there are none.

    >>> spread_of({2: 1, 4: 2, 6: 1})
    Spread(least=2.0, median=4.0, mean=4.0, deviation=1.4142135623730951, greatest=6.0)
    """
    values = sorted(value for value, count in counts.items() if count)
    number = sum(counts.values())
    if not values:
        return None
    total = sum(value * counts[value] for value in values)
    squares = sum(value * value * counts[value] for value in values)
    return Spread(
        float(values[0]),
        (_at(values, counts, (number - 1) // 2) + _at(values, counts, number // 2)) / 2,
        total / number,
        sqrt(number * squares - total * total) / number,
        float(values[-1]),
    )


def _at(values: Sequence[int], counts: Mapping[int, int], rank: int) -> int:
    """Return the value at a rank, 0 for the least."""
    for value in values:
        rank -= counts[value]
        if rank < 0:
            return value
    raise AssertionError("the rank is below the number of values")


def measure_dataset(
    path: str | Path | FileLabels,
    split: str | None = None,
    format: str | None = None,
    scheme: str | Scheme | None = None,
    faults: list[str] | None = None,
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> Statistics:
    """Count a folder, archive or file of labels.

    A GPS set is counted from its JSON files alone; `check_dataset` says if they are true.

    Args:
        path: as `open_labels`, or an opened source.
        split: only the images of that split, of a GPS set or one with lists of ids.
        format: as `open_labels`.
        scheme: as `open_labels`.
        faults: takes one line for each image that cannot be read, and goes on; None stops there.
        track: wraps the image ids, for a progress bar.

    Raises:
        InputError: format or scheme does not exist, or a split is asked of a set without splits.
        DataError: there are no labels, an image is broken, or no image has that split.
        SchemeError: no scheme has that name.
    """
    source = path if isinstance(path, FileLabels) else open_labels(path, format, scheme)
    if split is not None:
        keep_split(source, split)
    found = Statistics.empty(source.scheme)
    for image_id in track(source.ids):
        try:
            found.add_image(read_facts(source, image_id))
        except DataError as error:
            if faults is None:
                raise
            faults.append(str(error))
    return found


def keep_split(source: FileLabels, split: str) -> None:
    """Leave out the images of other splits; broken ones stay, so that they are told.

    Raises:
        InputError: the format has no splits.
        DataError: no image has that split.
    """
    if isinstance(source, MapLabels) and source.splits:
        _keep_listed(source, split)
        return
    if not isinstance(source, GpsLabels):
        raise InputError(
            f"split must be asked of a GPS folder or one with lists of ids, got format "
            f"'{source.format}', at {source.name}. Name the folder of the split instead."
        )
    kept, known = list[str](), set[str]()
    for image_id in source.ids:
        try:
            found = source.record_of(image_id)["image"]["split"]
        except DataError:
            kept.append(image_id)
            continue
        known.add(found)
        if found == split:
            kept.append(image_id)
    if split not in known:
        raise DataError(
            f"split must be one that images have, got '{split}', at {source.name}."
            f"{suggest(split, sorted(known))}"
        )
    source.keep(kept)


def _keep_listed(source: MapLabels, split: str) -> None:
    if split not in source.splits or split in source.layout.bare:
        known = [name for name in source.splits if name not in source.layout.bare]
        raise DataError(
            f"split must be one that has labels, got '{split}', at {source.name}."
            f"{suggest(split, known)}"
        )
    source.keep(source.splits[split])
