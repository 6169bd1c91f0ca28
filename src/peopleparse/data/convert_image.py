"""One image on its way from one format to another, and the words for what is lost on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.labels import Scheme

# What a conversion may lose. Each pixel of each person is counted once.
OVERLAP = "overlap pixels given up (the left person keeps them)"
IGNORED = "ignored pixels that became background"
COVERED = "ignored pixels given up to another person's label"
SHARED = "ignored pixels of several persons, kept for the leftmost"
EMPTY = "persons without a labelled pixel, left out"
HIDDEN = "persons wholly covered by others, left out"
GROUPS = "images of several persons, left out"
GROUP_PERSONS = "persons of images of several, left out"
NOBODY = "images that show nobody, left out"
STRAY = "labelled pixels of no person"
STRAY_IGNORED = "ignored pixels of images that show nobody"
REGIONS = "pixels whose part region has another label than the label map"
# Not lost, but other than before or than other programs may expect.
ORDER = "images whose persons were put in order from left to right"
WIDE = "maps with numbers above 255, written as 16-bit PNGs that some programs cannot read"
NO_PHOTO = "images without a photo"
NOTES = (ORDER, WIDE, NO_PHOTO)


@dataclass(frozen=True)
class Facts:
    """What a GPS record says of an image beside its pixels.

    Attributes:
        subset: "indoor", "outdoor" or None.
        split: name of its split, or None where it is not known.
        persons: further fields, one entry a person; empty where they are not known.
        extra: further fields of the image.
    """

    subset: str | None = None
    split: str | None = None
    persons: Sequence[Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PeopleImage:
    """One image with its persons.

    Attributes:
        image_id: name without folder and ending.
        persons: (N, H, W) uint8, one label map a person.
        scheme: labels of the maps.
        facts: what else is known.
        photo: file of the photo, or None.
    """

    image_id: str
    persons: NDArray[np.uint8]
    scheme: Scheme
    facts: Facts = Facts()
    photo: Path | None = None

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N, H, W) bool: where each person has a label."""
        return (self.persons > 0) & (self.persons != self.scheme.ignore_id)

    def select(self, kept: Sequence[int]) -> PeopleImage:
        """Return the image with these persons only, by position, in this order."""
        fields = [self.facts.persons[i] for i in kept] if self.facts.persons else []
        facts = replace(self.facts, persons=fields)
        return replace(self, persons=self.persons[list(kept)], facts=facts)
