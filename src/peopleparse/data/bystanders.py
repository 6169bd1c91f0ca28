"""People in single-person photos whom nobody annotated: found by a network, kept in one file.

They are neither person nor background: training leaves their pixels out of its loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import write_file
from peopleparse.data.people import Portrait
from peopleparse.data.rle import decode_segmentation
from peopleparse.data.rle_encode import encode_mask
from peopleparse.errors import DataError
from peopleparse.structures import ParsedPeople, mask_box

FILE = "bystanders.json"
THRESHOLD = 0.1  # of a person's score: nearly all so faint are real, and a wrong one costs little
MOST_SHARED = 0.3  # of a found person's pixels that may lie on the annotated one
SMALLEST = 60  # pixels
_GROWN = 9  # pixels of the brush that widens masks: a network cuts hair and hands short


@dataclass(frozen=True)
class Bystanders:
    """Where a photo shows people whom nobody annotated.

    Attributes:
        size: height and width of the photo.
        bits: (H * W / 8,) uint8, one bit a pixel, row by row.
    """

    size: tuple[int, int]
    bits: NDArray[np.uint8] = field(repr=False)

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> Bystanders:
        """Keep a (H, W) mask in an eighth of its memory."""
        return cls((mask.shape[0], mask.shape[1]), np.packbits(mask))

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool."""
        count = self.size[0] * self.size[1]
        return np.unpackbits(self.bits, count=count).reshape(self.size).astype(bool)


def find_bystanders(
    found: ParsedPeople, annotated: NDArray[np.bool_], threshold: float = THRESHOLD
) -> list[dict[str, Any]]:
    """Return the people of a photo who are not the annotated one, as `write_bystanders` takes them.

    Args:
        found: what a network sees.
        annotated: (H, W) bool, pixels of the annotated person; never a bystander's.
        threshold: lowest score.
    """
    kept = []
    for person in found.people:
        mask = person.mask
        shared = (mask & annotated).sum() / max(mask.sum(), 1)
        mask &= ~annotated
        box = mask_box(mask)
        if person.score < threshold or shared > MOST_SHARED or mask.sum() < SMALLEST:
            continue
        assert box is not None
        kept.append(
            {
                "box": [int(v) for v in box],
                "score": round(float(person.score), 4),
                "segmentation": encode_mask(mask),
            }
        )
    return kept


def write_bystanders(
    folder: Path, photos: Mapping[str, Sequence[Mapping[str, Any]]], about: Mapping[str, Any]
) -> Path:
    """Write the bystanders of all photos, and what found them, into one file of a folder.

    Raises:
        InputError: the place cannot be written.
    """
    found = dict(about) | {"photos": {name: list(photos[name]) for name in sorted(photos)}}
    return write_file(folder / FILE, (json.dumps(found) + "\n").encode())


def read_bystanders(folder: Path, portraits: Iterable[Portrait]) -> dict[str, Bystanders]:
    """Read the bystanders of photos; one that shows none has no entry.

    Args:
        folder: as `peopleparse data bystanders` wrote it.
        portraits: the photos asked for.

    Raises:
        DataError: the file is missing, broken, not about a photo, or about one of another size.
    """
    path, masks = folder / FILE, {}
    photos = _read_photos(path)
    for portrait in portraits:
        if portrait.photo_id not in photos:
            raise DataError(
                f"bystanders must be known of every photo, got none of {portrait.photo_id}, "
                f"at {path}. Run peopleparse data bystanders again."
            )
        mask = np.zeros(portrait.parsing.shape, bool)
        for number, person in enumerate(photos[portrait.photo_id]):
            place = f"{path}, photo {portrait.photo_id}, person {number}"
            size = portrait.parsing.shape[0], portrait.parsing.shape[1]
            mask |= decode_segmentation(_segmentation(person, place), size, place)
        if mask.any():
            brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GROWN, _GROWN))
            grown = cv2.dilate(mask.astype(np.uint8), brush) > 0
            masks[portrait.photo_id] = Bystanders.of(grown & (portrait.parsing == 0))
    return masks


def _read_photos(path: Path) -> dict[str, list[Any]]:
    try:
        photos = json.loads(path.read_bytes())["photos"]
        if not all(isinstance(people, list) for people in photos.values()):
            raise TypeError("a photo's people are no list")
    except FileNotFoundError:
        raise DataError(
            f"bystanders must be in a file, got none, at {path}. "
            "Write it by peopleparse data bystanders."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"bystanders must be JSON with a list for each of its photos, got "
            f"{type(error).__name__}, at {path}. Run peopleparse data bystanders again."
        ) from error
    return dict(photos)


def _segmentation(person: Any, place: str) -> Any:
    if not isinstance(person, dict) or "segmentation" not in person:
        raise DataError(
            f"bystander must have a segmentation, got {str(person)[:40]!r}, at {place}. "
            "Run peopleparse data bystanders again."
        )
    return person["segmentation"]
