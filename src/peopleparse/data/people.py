"""Single-person photos with their parts, kept in memory: the stuff that scenes are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.ccp import CcpDataset
from peopleparse.data.ccp_gps import convert_garments
from peopleparse.data.splits import LEFT_OUT, select_split
from peopleparse.errors import DataError
from peopleparse.structures import mask_box


@dataclass(frozen=True)
class Portrait:
    """One photo of one annotated person.

    Attributes:
        photo_id: id in its data set.
        image: (H, W, 3) uint8 RGB.
        parsing: (H, W) uint8 GPS ids.
        box: (4,) float32 around the person.
    """

    photo_id: str
    image: NDArray[np.uint8] = field(repr=False)
    parsing: NDArray[np.uint8] = field(repr=False)
    box: NDArray[np.float32]

    def present(self) -> set[int]:
        """Return the label ids in the map, without background."""
        return set(np.unique(self.parsing).tolist()) - {0, 255}


def read_portraits(ccp_root: Path, split: str, limit: int | None = None) -> list[Portrait]:
    """Read the people of one split of Clothing Co-Parsing, converted to GPS parts.

    A map that shows nobody (photo 0536) is left out, and a photo to validate that shows the same
    picture as one to train (`splits.LEFT_OUT`).

    Args:
        ccp_root: folder of the data set.
        split: "train" or "val", by hash of the photo id.
        limit: read only so many.
    """
    dataset = CcpDataset(ccp_root)
    ids = [i for i in select_split(dataset.parsed_ids, split) if i not in LEFT_OUT][:limit]

    def read_one(photo_id: str) -> Portrait | None:
        garments = dataset.read_garments(photo_id)
        if not garments.any():
            return None
        parsing = convert_garments(garments)
        box = mask_box(parsing > 0)
        assert box is not None
        return Portrait(photo_id, dataset.read_photo(photo_id), parsing, box)

    with ThreadPoolExecutor(2) as pool:
        return [portrait for portrait in pool.map(read_one, ids) if portrait]


def read_backgrounds(folder: Path, split: str) -> list[NDArray[np.uint8]]:
    """Read the photos without people of one split, (H, W, 3) uint8 RGB each.

    Raises:
        DataError: the folder holds no JPEG of that split, or a broken one.
    """
    paths = {path.stem: path for path in sorted(folder.glob("*.jpg"))}
    ids = select_split_of_backgrounds(paths, split)
    if not ids:
        raise DataError(
            f"background folder must hold JPEG photos of split '{split}', got none, at {folder}. "
            "Put photos without people there."
        )
    return [_read_background(paths[i]) for i in ids]


def _read_background(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"background must be a readable JPEG, got none, at {path}. Remove it.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)


def select_split_of_backgrounds(ids: Iterable[str], split: str) -> list[str]:
    """Return background ids of a split: every fifth in sorted order is for validation."""
    ordered = sorted(ids)
    return [i for n, i in enumerate(ordered) if (n % 5 == 2) == (split == "val")]


def street_corner(portrait: Portrait) -> NDArray[np.uint8]:
    """Cut the largest upright strip beside the person out of a photo, to serve as background."""
    height, width = portrait.parsing.shape
    x1, x2 = int(portrait.box[0]), int(np.ceil(portrait.box[2]))
    left, right = portrait.image[:, : max(x1 - 6, 0)], portrait.image[:, min(x2 + 6, width) :]
    return np.ascontiguousarray(left if left.shape[1] >= right.shape[1] else right)


def rarity_weights(portraits: Sequence[Portrait], power: float = 0.5) -> NDArray[np.float64]:
    """Return how often to draw each person so that rare labels are seen more, summing to 1.

    A person counts as much as the rarest label it wears: (1 / share of people with it) ** power.
    """
    present = [portrait.present() for portrait in portraits]
    share = {
        label: sum(label in labels for labels in present) / len(portraits)
        for label in set().union(*present)
    }
    weights = np.array([max(share[label] ** -power for label in labels) for labels in present])
    return weights / weights.sum()
