"""Batches from a GPS folder: photos in which every person is annotated or ignored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from peopleparse.data.gps import GpsDataset
from peopleparse.labels import get_scheme
from peopleparse.training.batches import STRIDE, Batch, Truth, collate
from peopleparse.training.recipe import Recipe
from peopleparse.transforms import jitter_color, warp_image, warp_labels

LONG_SIDE = 768  # photos are kept no larger: frames show them at about 512
_NOBODY = 255  # among person numbers: neither a person nor background
_LEAST_VISIBLE, _LEAST_PIXELS = 0.12, 60  # as in composed scenes: less is a scrap nobody can name
_SURE = 0.999  # a heat that costs nothing either way, and is no centre


@dataclass(frozen=True)
class FolderPhoto:
    """One annotated photo, kept in memory.

    Attributes:
        photo_id: its id in the folder.
        image: (H, W, 3) uint8 RGB, long side at most 768.
        parsing: (H, W) uint8 GPS ids, 255 ignored.
        owners: (H, W) uint8 person numbers from 1, left to right; 255 ignored.
        areas: (256,) int64, pixels of each person number.
    """

    photo_id: str
    image: NDArray[np.uint8] = field(repr=False)
    parsing: NDArray[np.uint8] = field(repr=False)
    owners: NDArray[np.uint8] = field(repr=False)
    areas: NDArray[np.int64] = field(repr=False)

    def present(self) -> set[int]:
        """Return the label ids in the photo, without background."""
        return set(np.unique(self.parsing).tolist()) - {0, 255}


def read_photos(folder: Path, ids: Iterable[str]) -> list[FolderPhoto]:
    """Read photos of a GPS folder for training; large ones are made smaller.

    Raises:
        DataError: a file is missing or broken, or holds labels that its scheme does not have.
    """
    dataset = GpsDataset(folder)
    number_of = {image_id: number for number, image_id in enumerate(dataset.ids)}
    photos = []
    for image_id in ids:
        image, annotation = dataset[number_of[image_id]]
        parsing, instances, _ = annotation.flatten()
        owners = np.minimum(instances, _NOBODY).astype(np.uint8)  # from the 255th person on
        owners[parsing == 255] = _NOBODY
        image, parsing, owners = _shrink(image, parsing, owners)
        areas = np.bincount(owners.ravel(), minlength=256)
        photos.append(FolderPhoto(image_id, image, parsing, owners, areas))
    return photos


def _shrink(*layers: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Bring an image and its maps to a long side of at most `LONG_SIDE`."""
    height, width = layers[0].shape[:2]
    scale = LONG_SIDE / max(height, width)
    if scale >= 1:
        return layers
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    methods = (cv2.INTER_AREA, *(cv2.INTER_NEAREST_EXACT,) * (len(layers) - 1))
    pairs = zip(layers, methods, strict=True)
    return tuple(cv2.resize(layer, size, interpolation=m).astype(np.uint8) for layer, m in pairs)


class FolderBatches(Dataset[Batch]):
    """Item n is the batch of step n.

    A step shows photos of one orientation: `Phase.scene` is the frame of landscape photos,
    `Phase.photo` of upright ones.

    Args:
        recipe: sizes, length and seed.
        photos: what to learn from; those with nobody teach what is no person.
    """

    def __init__(self, recipe: Recipe, photos: Sequence[FolderPhoto]) -> None:
        self.recipe, self.photos = recipe, list(photos)
        self.weights = photo_weights(photos, recipe.rarity)
        self._upright = np.array([p.parsing.shape[0] > p.parsing.shape[1] for p in photos])

    def __len__(self) -> int:
        """Return the number of steps."""
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch:
        """Make the batch of a step."""
        rng = np.random.default_rng([self.recipe.seed, step])
        phase = self.recipe.phase(step)
        upright = bool(self._upright[self._draw(rng, self.weights)])
        size = phase.photo if upright else phase.scene
        weights = np.where(self._upright == upright, self.weights, 0)
        drawn = [self._draw(rng, weights) for _ in range(self.recipe.batch)]
        truths = [self._frame(rng, which, *size) for which in drawn]
        return spare_ignored(collate(truths, False, rng, self.recipe.rois))

    def frequencies(self) -> Tensor:
        """Return the share of each label among the pixels in and around people, (20,).

        A label that is never shown counts as the rarest shown one: its weight must not scale the
        others.
        """
        counts = np.zeros(20, np.int64)
        for photo in self.photos:
            rows, columns = np.nonzero((photo.owners > 0) & (photo.owners != _NOBODY))
            if len(rows):
                window = photo.parsing[
                    rows.min() : rows.max() + 1 : 4, columns.min() : columns.max() + 1 : 4
                ]
                counts += np.bincount(window.ravel(), minlength=256)[:20]
        counts = np.where(counts > 0, counts, counts[counts > 0].min(initial=counts.max()))
        shares = torch.from_numpy(counts).float()
        return shares / shares.sum()

    def _draw(self, rng: np.random.Generator, weights: NDArray[np.float64]) -> int:
        return int(rng.choice(len(self.photos), p=weights / weights.sum()))

    def _frame(self, rng: np.random.Generator, which: int, height: int, width: int) -> Truth:
        """Show a photo in a frame: scaled, moved, turned a little, maybe mirrored, recoloured."""
        photo = self.photos[which]
        mirrored = bool(rng.random() < 0.5)
        matrix = draw_framing(rng, photo.parsing.shape, (height, width), mirrored)
        image = jitter_color(warp_image(photo.image, matrix, width, height), rng, 0.8)
        parsing = warp_labels(photo.parsing, matrix, width, height)
        owners = warp_labels(photo.owners, matrix, width, height)
        if mirrored:
            parsing = get_scheme("gps").flip_table()[parsing]
        whole = photo.areas * abs(np.linalg.det(matrix[:, :2]))
        owners = drop_scraps(owners, whole)
        return image, parsing, np.where(owners == _NOBODY, -1, owners.astype(np.int16))


def draw_framing(
    rng: np.random.Generator, shape: tuple[int, ...], frame: tuple[int, int], mirrored: bool
) -> NDArray[np.float64]:
    """Draw the (2, 3) matrix from a photo to a frame.

    The photo fills the frame, a little smaller or up to 1.6 times as large.
    """
    full, size = np.array(shape[::-1], float), np.array(frame[::-1], float)  # width, height
    scale = (size / full).max() * np.exp(rng.uniform(-0.25, 0.5))
    place = size / 2 + rng.uniform(-1, 1, 2) * np.abs(full * scale - size) / 2
    angle = np.deg2rad(rng.normal(0, 5))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    widen = np.exp(rng.normal(0, 0.06)) * (-1.0 if mirrored else 1.0)
    linear = turn @ np.diag([scale * widen, scale])
    return np.concatenate([linear, (place - linear @ (full / 2))[:, None]], axis=1)


def drop_scraps(owners: NDArray[np.uint8], whole: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Ignore what is left of people of whom too little is seen.

    Args:
        owners: (H, W) person numbers, 255 ignored.
        whole: (256,) pixels that each would have if all of it were seen.
    """
    seen = np.bincount(owners.ravel(), minlength=256)
    scraps = seen < np.maximum(whole * _LEAST_VISIBLE, _LEAST_PIXELS)
    scraps[0] = False
    return np.where(scraps[owners], _NOBODY, owners).astype(np.uint8)


def photo_weights(photos: Sequence[FolderPhoto], power: float) -> NDArray[np.float64]:
    """Return how often to draw each photo so that rare labels are seen more, summing to 1.

    A photo counts as its rarest label, (1 / share of photos with it) ** power; one that shows
    nobody counts 1.
    """
    present = [photo.present() for photo in photos]
    share = {
        label: sum(label in labels for labels in present) / len(photos)
        for label in set().union(*present)
    }
    rarest = [max((share[label] ** -power for label in labels), default=1.0) for labels in present]
    weights = np.array(rarest, np.float64)
    return weights / weights.sum()


def spare_ignored(batch: Batch) -> Batch:
    """Let the detector's heat alone where pixels are ignored: people may stand there."""
    ignored = (batch.owners == -1).float()[:, None]
    cells = torch.nn.functional.max_pool2d(ignored, STRIDE)  # (B, 1, h, w)
    batch.heat = torch.maximum(batch.heat, cells * _SURE)
    return batch
