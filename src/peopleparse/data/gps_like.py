"""Public stand-in for the GPS data set: two fixed sets of scenes composed from Clothing Co-Parsing.

The GPS photos were never published. These sets have its two kinds of groups, its form and its
means of persons an image, and anyone who has Clothing Co-Parsing can build the same ones.

Source: GPS paper, section 3.1: 7,500 indoor and 6,500 outdoor images, 5.23 and 3.54 persons an
image, 60 % to train and 20 % each to validate and to test.
Differs: composed, not photographed; a third of the images; background strips from the same photos.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import new_folder, write_file
from peopleparse.data.people import Portrait, read_portraits, street_corner
from peopleparse.data.scene_files import write_scene
from peopleparse.data.scenes import INDOOR, OUTDOOR, Scene, SceneMaker
from peopleparse.data.splits import COPIES, LEFT_OUT, split_of
from peopleparse.errors import DataError, InputError, suggest

SEED = 2017
SIZE = (640, 480)
SPLITS = ("train", "val", "test")
# A third of the paper's counts.
COUNTS = {
    "indoor": {"train": 1500, "val": 500, "test": 500},
    "outdoor": {"train": 1300, "val": 433, "test": 433},
}
_VAL_SHARE = 0.12  # of the people who are not for testing
_LEAST_CORNER = 100  # pixels: a narrower strip beside a person is no background


# Fewer are drawn outdoors than elsewhere: these people hide each other less.
_PRESETS = {"indoor": INDOOR, "outdoor": replace(OUTDOOR, drawn=1.011)}
# Of the truth maps of all scenes of a split, in order. Pictures have no such hash: they may differ
# by a grey level where another JPEG coder or processor is used.
SHA256: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("indoor", "train"): "a840cf65e49cc6151f213001e044dcfcdd93ea4d643e4466210054c541d59c32",
        ("indoor", "val"): "3adb2b40a7850e730e422a6de9695cf528d5c18a71dcd25b6a34ce9bcbbb670d",
        ("indoor", "test"): "aaee4c68b42ade99bd1832528c157698239e9e5385ccb00b8f0a55f4be236d9c",
        ("outdoor", "train"): "0cb863ec57fab93eab1a8cd22a064dd2de0fc6936b21efae3580b35d11799d2c",
        ("outdoor", "val"): "6328f13e0975b1002a926e8ed8367ff67dd1158fd5afb8b69eeb139dfcfd0001",
        ("outdoor", "test"): "f8688f8519871602db7852780d99b38ee271ed1b0116683448bdd5cfb50b4ae7",
    }
)


_FIRST = {second: first for first, second in COPIES if not {first, second} & LEFT_OUT}


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


Track = Callable[[Sequence[SceneName]], Iterable[SceneName]]


def person_split(photo_id: str) -> str:
    """Return "train", "val" or "test" for the person of a photo.

    Those to test are the people who validate the shipped model, so that it can be tested as well.
    Two photos of one picture are in one split.
    """
    if split_of(photo_id) == "val":
        return "test"
    photo_id = _FIRST.get(photo_id, photo_id)
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

    Raises:
        DataError: a split has no people, or nothing but people in its photos.
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
        for split, found in people.items():
            if not _corners(found):
                raise DataError(
                    f"Clothing Co-Parsing must have people and street beside them for split "
                    f"'{split}', got {len(found)} people, at {ccp_root}. Fetch the whole data set."
                )
        self.people = people
        self.makers = {split: SceneMaker(found, _corners(found)) for split, found in people.items()}

    def make(self, name: SceneName, size: tuple[int, int] = SIZE) -> Scene:
        """Compose one scene, always the same.

        Args:
            name: which one.
            size: width and height; only the default one is the benchmark's.
        """
        seed = (SEED, sorted(COUNTS).index(name.subset), SPLITS.index(name.split), name.index)
        return self.makers[name.split].make(seed, _PRESETS[name.subset], *size)


class TruthHash:
    """One sha256 of the truth maps of scenes, in their order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, scene: Scene) -> None:
        """Add the next scene."""
        parsings = scene.annotation.parsings
        self._digest.update(str(parsings.shape).encode())
        self._digest.update(parsings.tobytes())

    def hexdigest(self) -> str:
        """Return the hash in hex."""
        return self._digest.hexdigest()


def hash_truth(scenes: Iterable[Scene]) -> str:
    """Return one sha256, in hex, of the truth maps of scenes, in their order."""
    digest = TruthHash()
    for scene in scenes:
        digest.add(scene)
    return digest.hexdigest()


def write_stand_in(
    ccp_root: Path, out: Path, share: float = 1.0, track: Track = iter
) -> dict[str, Any]:
    """Write both sets into the new folder `out`, each a GPS folder of three splits.

    Args:
        ccp_root: folder of Clothing Co-Parsing.
        out: gets indoor/, outdoor/ and gps_like.json, whole or not at all.
        share: only the first part of each split.
        track: wraps the scenes of a set, for a progress bar.

    Returns:
        What gps_like.json says: seed, size, and for each set and split scenes, persons, the hash
        of the truth, and where all scenes were made whether that is the one it must be.
    """
    maker, splits = StandIn(ccp_root), []
    with new_folder(out) as part:
        for subset in COUNTS:
            names = list_scenes(subset, share=share)
            found = {split: (TruthHash(), [0, 0]) for split in SPLITS}
            for name in track(names):
                scene = maker.make(name)
                about = {"preset": subset, "number": name.index}
                write_scene(part / subset, scene, name.image_id, subset, name.split, about)
                digest, counts = found[name.split]
                digest.add(scene)
                counts[0] += 1
                counts[1] += len(scene.annotation)
            for split, (digest, (scenes, persons)) in found.items():
                entry = {"subset": subset, "split": split, "scenes": scenes, "persons": persons}
                truth = {"truth_sha256": digest.hexdigest()}
                right = SHA256.get((subset, split)) if share == 1 else None
                known = {"as_published": right == truth["truth_sha256"]} if right else {}
                splits.append(entry | truth | known)
        about = {"name": "gps-like", "seed": SEED, "size": list(SIZE), "splits": splits}
        write_file(part / "gps_like.json", (json.dumps(about, indent=1) + "\n").encode())
    return about


def _corners(portraits: Sequence[Portrait]) -> list[NDArray[np.uint8]]:
    found = [street_corner(portrait) for portrait in portraits]
    return [corner for corner in found if corner.shape[1] > _LEAST_CORNER]
