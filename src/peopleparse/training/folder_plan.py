"""What a GPS folder holds for fine-tuning: which photos to learn from, which to score on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peopleparse.data.gps import GpsDataset, read_image_ids, read_record
from peopleparse.data.gps_record import UNFINISHED
from peopleparse.data.near_duplicates import find_near_duplicates, hash_photo
from peopleparse.data.splits import assign_splits
from peopleparse.errors import InputError
from peopleparse.labels import get_scheme

LEAST_PHOTOS = 5  # with people: fewer say nothing about photos that were not seen


@dataclass(frozen=True)
class FolderPlan:
    """The photos of a GPS folder.

    Attributes:
        folder: holds images/ and annotations/.
        train, val: ids to learn from and to score on.
        left_out: ids of photos with unfinished persons, and of split "test".
        people: persons in `train` and `val`.
        labels: ids of the labels that they show, sorted.
        sha256: of the pixels and label maps of `train` and `val`.
    """

    folder: Path
    train: tuple[str, ...]
    val: tuple[str, ...]
    left_out: tuple[str, ...]
    people: int
    labels: tuple[int, ...]
    sha256: str

    def unseen(self) -> list[str]:
        """Return the names of the labels that the folder never shows."""
        labels = get_scheme("gps").labels
        return [label.name for label in labels if label.id not in (0, *self.labels)]


def plan_folder(folder: Path, val_share: float = 0.2) -> FolderPlan:
    """Read every photo of a GPS folder once, and share them out.

    A folder whose photos are of splits "train" and "val" is shared out as it says. Any other is
    shared out by hash of the photo's id, so that the same folder gives the same share;
    near-duplicates stay together. Photos of split "test" are never used.

    Args:
        folder: the data set.
        val_share: share of the photos to score on, above 0 and at most .5.

    Raises:
        DataError: the folder is no GPS folder, a file of it is missing or broken, or a map holds
            labels that its scheme does not have.
        InputError: the share is out of range, or there are too few photos with people, or labels.
    """
    if not 0 < val_share <= 0.5:
        raise InputError(f"val_share must be above 0 and at most 0.5, got {val_share}. Give 0.2.")
    split_of, left_out = {}, []
    for image_id in read_image_ids(folder):
        record = read_record(folder, image_id)
        unfinished = any(person.get("status") in UNFINISHED for person in record["persons"])
        if unfinished or record["image"]["split"] == "test":
            left_out.append(image_id)
        else:
            split_of[image_id] = record["image"]["split"]
    looks, with_people, people, labels = {}, 0, 0, set[int]()
    digest, dataset = hashlib.sha256(), GpsDataset(folder)
    for number, image_id in enumerate(dataset.ids):
        if image_id not in split_of:
            continue
        image, annotation = dataset[number]
        present = annotation.masks.any(axis=(1, 2))
        people, with_people = people + int(present.sum()), with_people + bool(present.any())
        labels |= set(np.unique(annotation.parsings).tolist()) - {0, annotation.scheme.ignore_id}
        looks[image_id] = hash_photo(image)
        digest.update(image_id.encode() + image.tobytes() + annotation.parsings.tobytes())
    _check_enough(folder, len(split_of), with_people, len(left_out), labels)
    if not {"train", "val"} <= set(split_of.values()):
        shares = {"train": 1 - val_share, "val": val_share}
        split_of = assign_splits(split_of, shares, groups=find_near_duplicates(looks))
    train, val = (
        tuple(i for i, s in split_of.items() if (s == "val") == held) for held in (False, True)
    )
    if not train or not val:
        raise InputError(
            f"photos must be both learnt from and scored on, got {len(train)} and {len(val)}, at "
            f"{folder}. Add photos that are not copies of each other, or a larger val_share."
        )
    return FolderPlan(
        folder, train, val, tuple(left_out), people, tuple(sorted(labels)), digest.hexdigest()
    )


def _check_enough(
    folder: Path, photos: int, with_people: int, left_out: int, labels: set[int]
) -> None:
    aside = f" ({left_out} more are unfinished or of split test)" if left_out else ""
    if with_people < LEAST_PHOTOS:
        raise InputError(
            f"fine-tuning folder must hold {LEAST_PHOTOS} photos with people or more, got "
            f"{with_people} among {photos}{aside}, at {folder}. Annotate more; about 20 are good."
        )
    if len(labels) < 2:
        names = [get_scheme("gps").names[label] for label in sorted(labels)]
        raise InputError(
            f"people must show 2 labels or more, got only {', '.join(names)}, at {folder}. Give "
            "every person the labels of scheme gps; outlines alone teach no parts."
        )
