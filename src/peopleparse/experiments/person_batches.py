"""Batches of single people: the same for every network, and known by recipe and step."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from peopleparse.experiments.packed_people import PackedPeople, View, cut_view
from peopleparse.experiments.scene_batches import draw_in_turn
from peopleparse.labels import get_scheme
from peopleparse.training.parser_task import PersonBatch
from peopleparse.training.recipe import Recipe
from peopleparse.transforms import jitter_color

_ZOOM = (0.8, 1.3)
_TURN = 5.0  # degrees, one deviation
_SHIFT = 0.1
_COLOR = 0.5


class PersonBatches(Dataset[PersonBatch]):
    """Item n is the batch of step n; every person is seen once before one is seen again.

    Args:
        recipe: batch, steps and seed.
        people: the training split.
        rank: number of this process in a distributed run; each sees other batches.
    """

    def __init__(self, recipe: Recipe, people: PackedPeople, rank: int = 0) -> None:
        self.recipe, self.people, self.rank = recipe, people, rank

    def __len__(self) -> int:
        """Return the number of steps."""
        return self.recipe.steps

    def __getitem__(self, step: int) -> PersonBatch:
        """Make the batch of a step."""
        rng = np.random.default_rng([self.recipe.seed, step, self.rank])
        first, size = step * self.recipe.batch, self.recipe.batch
        turn = (self.recipe.seed, len(self.people), self.rank)
        pairs = [self._vary(draw_in_turn(first + n, *turn), rng) for n in range(size)]
        images, parsings = (np.stack(values) for values in zip(*pairs, strict=True))
        image = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return PersonBatch(image, torch.from_numpy(parsings), step)

    def frequencies(self) -> torch.Tensor:
        """Return the share of each label among the pixels of the frames, (20,) float32."""
        num_ids = get_scheme("gps").num_ids
        parsings = self.people.parsings[:: max(1, len(self.people) // 200), ::2, ::2]
        counts = np.bincount(parsings.ravel(), minlength=256)[:num_ids]
        return torch.from_numpy(counts / counts.sum()).float()

    def _vary(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        zoom = float(np.exp(rng.uniform(*np.log(_ZOOM))))
        across, down = rng.uniform(-_SHIFT, _SHIFT, 2)
        view = View(zoom, float(rng.normal(0, _TURN)), across, down, bool(rng.random() < 0.5))
        image, parsing = cut_view(self.people.images[index], self.people.parsings[index], view)
        return jitter_color(image, rng, _COLOR), parsing
