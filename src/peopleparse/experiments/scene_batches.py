"""Batches of a fixed set of scenes: the same for every method, and known by recipe and step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from peopleparse.experiments.packed_scenes import PackedScenes
from peopleparse.labels import get_scheme
from peopleparse.training.batches import Batch, Truth, collate
from peopleparse.training.recipe import Recipe
from peopleparse.transforms import jitter_color, warp_image, warp_labels

_ZOOM = (1.0, 1.3)


class SceneBatches(Dataset[Batch]):
    """Item n is the batch of step n; every scene is seen once before one is seen again.

    Args:
        recipe: batch, steps, persons a step and seed.
        scenes: the training split.
        rank: number of this process in a distributed run; each sees other batches.
    """

    def __init__(self, recipe: Recipe, scenes: PackedScenes, rank: int = 0) -> None:
        self.recipe, self.scenes, self.rank = recipe, scenes, rank

    def __len__(self) -> int:
        """Return the number of steps."""
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch:
        """Make the batch of a step."""
        rng = np.random.default_rng([self.recipe.seed, step, self.rank])
        first = step * self.recipe.batch
        truths = [self._vary(self._draw(first + n), rng) for n in range(self.recipe.batch)]
        return collate(truths, False, rng, self.recipe.rois)

    def frequencies(self) -> torch.Tensor:
        """Return the share of each label among the labelled people's pixels, (20,) float32."""
        counts = np.zeros(256, np.int64)
        for parsing in self.scenes.parsings[:: max(1, len(self.scenes) // 200)]:
            counts += np.bincount(parsing[::2, ::2].ravel(), minlength=256)
        # As much background as people, as there is inside a person's box.
        counts[0] = counts[1:20].sum()
        return torch.from_numpy(counts[:20] / counts[:20].sum()).float()

    def _draw(self, number: int) -> int:
        return draw_in_turn(number, self.recipe.seed, len(self.scenes), self.rank)

    def _vary(self, index: int, rng: np.random.Generator) -> Truth:
        image = np.ascontiguousarray(self.scenes.images[index])
        parsing = np.ascontiguousarray(self.scenes.parsings[index])
        owners = np.ascontiguousarray(self.scenes.owners[index])
        height, width = self.recipe.phases[0].scene
        zoom, mirror = float(np.exp(rng.uniform(*np.log(_ZOOM)))), rng.random() < 0.5
        matrix = _zoom_matrix(parsing.shape, (height, width), zoom, mirror, rng)
        image = jitter_color(warp_image(image, matrix, width, height), rng, 0.5)
        labels = warp_labels(parsing, matrix, width, height)
        # uint8 for the warp; -1 becomes 255 and back.
        moved = warp_labels(owners.view(np.uint8), matrix, width, height)
        if mirror:
            labels = get_scheme("gps").flip_table()[labels]
        return image, labels, np.where(moved == 255, -1, moved.astype(np.int16)).astype(np.int16)


def draw_in_turn(number: int, seed: int, count: int, rank: int = 0) -> int:
    """Return the place of draw `number`: all of `count` come once before one comes again."""
    turn, place = divmod(number, count)
    order = np.random.default_rng([seed, turn, rank, 7])
    return int(order.permutation(count)[place])


def _zoom_matrix(
    scene: tuple[int, ...],
    frame: tuple[int, int],
    zoom: float,
    mirror: bool,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the (2, 3) matrix that lays a zoomed scene somewhere over a frame, and fills it."""
    size, whole = np.array([scene[1], scene[0]]), np.array([frame[1], frame[0]])
    zoom *= float((whole / size).max())
    loose = (size * zoom - whole) / 2
    linear = np.diag([-zoom if mirror else zoom, zoom])
    offset = whole / 2 + rng.uniform(-1, 1, 2) * loose - linear @ (size / 2)
    return np.concatenate([linear, offset[:, None]], axis=1)
