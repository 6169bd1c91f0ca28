"""Public stand-in for the GPS data set: two fixed sets of scenes composed from Clothing Co-Parsing.

The GPS photos were never published. These sets have its two kinds of groups, its form and its
means of persons an image, and anyone who has Clothing Co-Parsing can build the same ones.

Source: GPS paper, section 3.1: 7,500 indoor and 6,500 outdoor images, 5.23 and 3.54 persons an
image, 60 % to train and 20 % each to validate and to test.
Differs: composed, not photographed; a third of the images; background strips from the same photos.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.people import Portrait, read_portraits, street_corner
from peopleparse.data.scenes import PRESETS, Scene, SceneMaker
from peopleparse.data.splits import split_of
from peopleparse.errors import InputError, suggest

SEED = 2017
SIZE = (640, 480)
SPLITS = ("train", "val", "test")
# A third of the paper's counts.
COUNTS = {
    "indoor": {"train": 1500, "val": 500, "test": 500},
    "outdoor": {"train": 1300, "val": 433, "test": 433},
}
# Of all truth maps of a set in order of their scenes: what must come out where OpenCV warps label
# maps as it has done since version 4. Pictures may differ by a grey level with another JPEG coder.
SHA256: dict[str, str] = {}
_VAL_SHARE = 0.12  # of the people who are not for testing
_LEAST_CORNER = 100  # pixels: a narrower strip beside a person is no background


@dataclass(frozen=True)
class SceneName:
    """One scene of the stand-in sets.

    Attributes:
        subset: "indoor" or "outdoor".
        split: "train", "val" or "test".
        index: number in its split, from 0.
    """

    subset: str
    split: str
    index: int

    @property
    def image_id(self) -> str:
        """Name of the image.

        >>> SceneName("indoor", "test", 7).image_id
        'indoor_test_0007'
        """
        return f"{self.subset}_{self.split}_{self.index:04d}"


def person_split(photo_id: str) -> str:
    """Return "train", "val" or "test" for the person of a photo.

    Those to test are the people who validate the shipped model, so that it can be tested as well.
    """
    if split_of(photo_id) == "val":
        return "test"
    return split_of(f"gps-like/{photo_id}", _VAL_SHARE)


def list_scenes(subset: str, split: str | None = None, share: float = 1.0) -> list[SceneName]:
    """Return the scenes of a subset in order.

    Args:
        subset: "indoor" or "outdoor".
        split: only that one.
        share: only the first part of each split, above 0 to 1.

    Raises:
        InputError: a name is unknown, or the share is out of range.
    """
    for what, name, known in (("subset", subset, COUNTS), ("split", split or "val", SPLITS)):
        if name not in known:
            raise InputError(
                f"{what} must be one of {', '.join(known)}, got '{name}'.{suggest(name, known)}"
            )
    if not 0 < share <= 1:
        raise InputError(f"share must be above 0 and at most 1, got {share}. Give 1 for all.")
    return [
        SceneName(subset, name, index)
        for name in SPLITS
        if split in (None, name)
        for index in range(int(np.ceil(COUNTS[subset][name] * share)))
    ]


class StandIn:
    """Makes the scenes of the stand-in sets.

    Args:
        ccp_root: folder of Clothing Co-Parsing.
        splits: whose people to read.
    """

    def __init__(self, ccp_root: Path, splits: Sequence[str] = SPLITS) -> None:
        people: dict[str, list[Portrait]] = {split: [] for split in splits}
        for house_split in ("train", "val"):
            if house_split == "val" and "test" not in splits:
                continue
            if house_split == "train" and not {"train", "val"} & set(splits):
                continue
            for portrait in read_portraits(ccp_root, house_split):
                people.get(person_split(portrait.photo_id), []).append(portrait)
        self.people = people
        self.makers = {split: SceneMaker(found, _corners(found)) for split, found in people.items()}

    def make(self, name: SceneName, size: tuple[int, int] = SIZE) -> Scene:
        """Compose one scene, always the same.

        Args:
            name: which one.
            size: width and height; only the default one is the benchmark's.
        """
        seed = (SEED, sorted(COUNTS).index(name.subset), SPLITS.index(name.split), name.index)
        return self.makers[name.split].make(seed, PRESETS[name.subset], *size)


def hash_truth(scenes: Iterable[Scene]) -> str:
    """Return one sha256, in hex, of the truth maps of scenes, in their order."""
    digest = hashlib.sha256()
    for scene in scenes:
        parsings = scene.annotation.parsings
        digest.update(str(parsings.shape).encode())
        digest.update(parsings.tobytes())
    return digest.hexdigest()


def _corners(portraits: Sequence[Portrait]) -> list[NDArray[np.uint8]]:
    found = [street_corner(portrait) for portrait in portraits]
    return [corner for corner in found if corner.shape[1] > _LEAST_CORNER]
