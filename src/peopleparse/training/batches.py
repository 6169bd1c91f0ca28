"""Batches that depend on nothing but recipe, seed and step: training resumes exactly."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from peopleparse.data.bystanders import Bystanders, read_bystanders
from peopleparse.data.people import Portrait, rarity_weights, read_backgrounds, read_portraits
from peopleparse.data.photo_faults import add_faults
from peopleparse.data.pseudo_labels import read_pseudo_portraits
from peopleparse.data.scenes import PRESETS, Life, SceneMaker, training_preset
from peopleparse.errors import InputError
from peopleparse.inference.pipeline import ROI_MARGIN
from peopleparse.labels import get_scheme
from peopleparse.labels.scheme import IGNORE_ID
from peopleparse.losses.detection import make_heat_targets
from peopleparse.structures import mask_box
from peopleparse.training.recipe import Recipe
from peopleparse.transforms import jitter_color, warp_image, warp_labels

STRIDE = 8
BYSTANDER = -3  # in `owners`: not the annotated person of the photo, and perhaps another
_APART = 7002  # keeps the source of chance of faults apart from what composes the image


@dataclass
class Batch:
    """One step's images and truth.

    Attributes:
        image: (B, 3, H, W) uint8 RGB.
        parsing: (B, H, W) uint8; owners: (B, H, W) int16, person numbers from 1, -1 ignored,
            BYSTANDER another person inside the box of a photo's annotated one.
        is_photo: (B,) bool: real photos, in which bystanders are not annotated.
        batch, persons: (K,) image index and number; boxes, faces: (K, 4); has_face: (K,) bool.
        heat, box, weight: person then face: (B, 2, h, w), (B, 2, 4, h, w), (B, 2, h, w).
    """

    image: Tensor
    parsing: Tensor
    owners: Tensor
    is_photo: Tensor
    batch: Tensor
    persons: Tensor
    boxes: Tensor
    faces: Tensor
    has_face: Tensor
    heat: Tensor
    box: Tensor
    weight: Tensor

    def pin_memory(self) -> Batch:
        """Return self; there is nothing to pin on a CPU."""
        return self

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


Truth = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int16]]  # image, parsing, owners


class Batches(Dataset[Batch]):
    """Item n is the batch of step n.

    Args:
        recipe: sizes, mixture and seed.
        portraits, backgrounds: of the training split.
        rank: number of this process in a distributed run; each sees other batches.
        bystanders: people in the photos whom nobody annotated, by photo id; left out of the loss.

    Raises:
        InputError: the recipe asks for bystanders, and none are given.
    """

    def __init__(
        self,
        recipe: Recipe,
        portraits: list[Portrait],
        backgrounds: list[NDArray[np.uint8]],
        rank: int = 0,
        bystanders: Mapping[str, Bystanders] | None = None,
    ) -> None:
        self.recipe, self.portraits, self.rank = recipe, portraits, rank
        self.weights = rarity_weights(portraits, recipe.rarity)
        if recipe.bystanders and bystanders is None:
            raise InputError(
                "bystanders must be given where the recipe asks for them, got none. "
                "Use read_batches, or set bystanders=false."
            )
        self.bystanders = dict(bystanders or {})
        self.scenes = SceneMaker(portraits, backgrounds, self.weights, self.bystanders)
        self.life = Life(recipe.cuts, recipe.occluders, recipe.blended)

    def __len__(self) -> int:
        """Return the number of steps."""
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch:
        """Make the batch of a step."""
        rng = np.random.default_rng([self.recipe.seed, step, self.rank])
        phase = self.recipe.phase(step)
        photos = step % self.recipe.photo_every == 0
        height, width = phase.photo if photos else phase.scene
        truths = [
            self._photo(rng, height, width, phase.closeups)
            if photos
            else self._scene(rng, height, width)
            for _ in range(self.recipe.batch)
        ]
        truths = [self._spoil(truth, (step, i)) for i, truth in enumerate(truths)]
        return collate(truths, photos, rng, self.recipe.rois)

    def frequencies(self) -> Tensor:
        """Return the share of each label among the pixels inside the people's boxes, (20,)."""
        counts = torch.zeros(256, dtype=torch.long)
        for portrait in self.portraits:
            x1, y1, x2, y2 = (int(v) for v in portrait.box)
            inside = torch.from_numpy(portrait.parsing[y1:y2:4, x1:x2:4].copy()).flatten()
            counts += torch.bincount(inside, minlength=256)
        shares = counts[:20].float()
        return shares / shares.sum()

    def _scene(self, rng: np.random.Generator, height: int, width: int) -> Truth:
        preset = training_preset(PRESETS["indoor" if rng.random() < 0.5 else "outdoor"])
        seed = rng.integers(2**31, size=2).tolist()
        scene = self.scenes.make(seed, preset, width, height, self.life)
        parsing, instances, _ = scene.annotation.flatten()
        ignored = (scene.annotation.parsings == 255).any(axis=0)
        if self.bystanders and scene.ignored is not None:
            ignored |= scene.ignored  # where nobody is left no map says so
            parsing = np.where(ignored, IGNORE_ID, parsing).astype(np.uint8)
        return scene.image, parsing, np.where(ignored, -1, instances.astype(np.int16))

    def _photo(self, rng: np.random.Generator, height: int, width: int, closeups: float) -> Truth:
        portrait = self.portraits[int(rng.choice(len(self.portraits), p=self.weights))]
        scale, focus, place = _frame_whole(portrait, rng, height, width)
        if closeups and rng.random() < closeups:
            scale, focus, place = _frame_head(portrait, rng, height, width)
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        angle = np.deg2rad(rng.normal(0, 5))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = turn @ np.diag([mirror * scale * np.exp(rng.normal(0, 0.06)), scale])
        matrix = np.concatenate([linear, (place - linear @ focus)[:, None]], axis=1)
        image = jitter_color(warp_image(portrait.image, matrix, width, height), rng, 0.8)
        parsing = warp_labels(portrait.parsing, matrix, width, height)
        if mirror < 0:
            parsing = get_scheme("gps").flip_table()[parsing]
        owners = (parsing > 0).astype(np.int16)
        if portrait.photo_id in self.bystanders:
            seen = self.bystanders[portrait.photo_id].mask.astype(np.uint8)
            mark_bystanders(warp_labels(seen, matrix, width, height) > 0, parsing, owners)
        return image, parsing, owners

    def _spoil(self, truth: Truth, where: tuple[int, int]) -> Truth:
        """Add faults to a share of the images, from a source of chance of their own."""
        if not self.recipe.faults:
            return truth
        rng = np.random.default_rng([self.recipe.seed, *where, self.rank, _APART])
        if rng.random() >= self.recipe.faults:
            return truth
        return (add_faults(truth[0], rng), *truth[1:])


def mark_bystanders(
    seen: NDArray[np.bool_], parsing: NDArray[np.uint8], owners: NDArray[np.int16]
) -> None:
    """Mark people whom nobody annotated in the truth of a photo, in place.

    Outside the annotated person's box nothing is said of their pixels. Inside they are not that
    person, which is worth learning; the map of the whole image is silent there too.
    """
    seen = seen & (owners == 0)
    box = mask_box(owners > 0)
    near = np.zeros_like(seen)
    if box is not None:
        x1, y1, x2, y2 = (int(v) for v in box)
        near[y1:y2, x1:x2] = seen[y1:y2, x1:x2]
    owners[near], owners[seen & ~near] = BYSTANDER, -1
    parsing[seen & ~near] = IGNORE_ID


Framing = tuple[float, NDArray[np.float64], NDArray[np.float64]]  # scale, and which point where


def _frame_whole(portrait: Portrait, rng: np.random.Generator, height: int, width: int) -> Framing:
    """Fill the frame with the photo, a little smaller or up to 1.6 times as large."""
    full_h, full_w = portrait.parsing.shape
    scale = max(height / full_h, width / full_w) * np.exp(rng.uniform(-0.25, 0.5))
    loose = np.abs(np.array([full_w, full_h]) * scale - (width, height)) / 2
    place = np.array([width / 2, height / 2]) + rng.uniform(-1, 1, 2) * loose
    return scale, np.array([full_w / 2, full_h / 2]), place


def _frame_head(portrait: Portrait, rng: np.random.Generator, height: int, width: int) -> Framing:
    """Fill the frame with the upper part of the person, down to head and shoulders."""
    x1, y1, x2, y2 = portrait.box
    scale = height / ((y2 - y1) * np.exp(rng.uniform(np.log(0.2), np.log(0.65))))
    head = portrait.parsing[int(y1) : int(y1 + 0.15 * (y2 - y1)) + 1]
    columns = np.nonzero(head)[1]
    middle = float(np.median(columns)) if len(columns) else float((x1 + x2) / 2)
    place = np.array([width * rng.uniform(0.3, 0.7), height * rng.uniform(-0.02, 0.3)])
    return scale, np.array([middle, float(y1)]), place


def collate(truths: list[Truth], photos: bool, rng: np.random.Generator, rois: int) -> Batch:
    """Stack images and truth, draw the detector's targets and choose the persons to parse."""
    images, parsings, owners = (np.stack(values) for values in zip(*truths, strict=True))
    face = get_scheme("gps").id_of("face")
    height, width = parsings.shape[1] // STRIDE, parsings.shape[2] // STRIDE
    rows: list[Row] = []
    targets = []
    for index, (_, parsing, owner) in enumerate(truths):
        found: list[Row] = []
        for number in range(1, int(owner.max(initial=0)) + 1):
            mask = owner == number
            box = mask_box(mask)
            if box is not None:
                found.append((index, number, box, mask_box(mask & (parsing == face))))
        rows += found
        persons = np.array([row[2] for row in found], np.float32).reshape(-1, 4)
        faces = np.array([r[3] for r in found if r[3] is not None], np.float32).reshape(-1, 4)
        targets.append(
            [make_heat_targets(boxes, height, width, STRIDE) for boxes in (persons, faces)]
        )
    chosen = _choose(rows, rois, rng)
    jittered = [_jitter(row[2], row[3], rng) for row in chosen]
    stacked = [np.stack([[kind[i] for kind in image] for image in targets]) for i in range(3)]
    return Batch(
        torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))),
        torch.from_numpy(parsings),
        torch.from_numpy(owners),
        torch.full((len(truths),), photos),
        torch.tensor([row[0] for row in chosen], dtype=torch.long),
        torch.tensor([row[1] for row in chosen], dtype=torch.long),
        torch.from_numpy(np.stack([j[0] for j in jittered])),
        torch.from_numpy(np.stack([j[1] for j in jittered])),
        torch.tensor([j[2] for j in jittered]),
        *(torch.from_numpy(values) for values in stacked),
    )


Row = tuple[int, int, NDArray[np.float32], NDArray[np.float32] | None]


def _choose(rows: list[Row], rois: int, rng: np.random.Generator) -> list[Row]:
    """Draw `rois` persons; where there are fewer, some come twice (their boxes will differ)."""
    if not rows:  # nobody anywhere: one empty box keeps every branch in the graph
        empty = np.array([0, 0, STRIDE, STRIDE], np.float32)
        return [(0, -2, empty, None)]
    if len(rows) >= rois:
        return [rows[i] for i in rng.permutation(len(rows))[:rois]]
    return (rows * 2)[: max(len(rows), min(rois // 2, 2 * len(rows)))]


def _jitter(
    box: NDArray[np.float32], face: NDArray[np.float32] | None, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
    """Move the sides of a box as a detector would; sometimes lose the face."""
    side = np.tile(box[2:] - box[:2], 2)
    grown = np.array([-1, -1, 1, 1]) * ROI_MARGIN + rng.normal(0, 0.05, 4)
    jittered = (box + side * grown).astype(np.float32)
    if face is None or rng.random() < 0.07:
        return jittered, np.zeros(4, np.float32), False
    face_side = np.tile(face[2:] - face[:2], 2)
    return jittered, (face + face_side * rng.normal(0, 0.1, 4)).astype(np.float32), True


def read_training_data(root: Path) -> tuple[list[Portrait], list[NDArray[np.uint8]]]:
    """Read people and backgrounds of the training split below the data folder."""
    return read_portraits(root / "ccp", "train"), read_backgrounds(root / "backgrounds", "train")


def read_batches(recipe: Recipe, root: Path, rank: int = 0) -> Batches:
    """Return the batches of a recipe from the training split below the data folder.

    Raises:
        DataError: something that the recipe asks for is missing or broken.
    """
    people, backgrounds = read_training_data(root)
    seen = read_bystanders(root / "bystanders", people) if recipe.bystanders else {}
    if recipe.tagged:
        more = read_pseudo_portraits(root / "ccp", root / "pseudo_labels")
        seen |= read_bystanders(root / "pseudo_labels", more)
        people += more
    return Batches(recipe, people, backgrounds, rank, seen)


def _ignore_stop(worker: int) -> None:
    """Leave signals to the parent: it finishes its step, and needs the batches for it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def iterate(batches: Dataset[Batch], start: int, workers: int) -> Iterator[Batch]:
    """Yield the batches of the steps from `start` on, prepared ahead by worker processes."""
    steps = len(batches)  # type: ignore[arg-type]
    loader = DataLoader(
        batches,
        batch_size=None,
        sampler=range(start, steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_ignore_stop,
    )
    yield from loader
