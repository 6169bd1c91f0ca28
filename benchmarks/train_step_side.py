"""A side of benchmarks/train_step.py: the step of `peopleparse train`, as it is or plain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
import torchvision

import peopleparse
from benchmarks.harness import peak_memory
from peopleparse.training.batches import Batch, Truth, collate
from peopleparse.training.distributed import World
from peopleparse.training.loop import Trainer
from peopleparse.training.recipe import Recipe, load_recipe
from peopleparse.viz import draw_scene

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "gpsnet_mobilenet_v2.py"


def make_batch(recipe: Recipe, size: tuple[int, int]) -> Batch:
    """Return one batch of drawn scenes, as `Batches` gives them."""
    truths: list[Truth] = []
    for index in range(recipe.batch):
        drawn = draw_scene(5, size, recipe.seed + index)
        assert drawn.image is not None
        truths.append((drawn.image, drawn.parsing, drawn.instances.astype(np.int16)))
    return collate(truths, False, np.random.default_rng(recipe.seed), recipe.rois)


class Side:
    """A trainer and one batch, learned again and again."""

    def __init__(self, trainer: Trainer, batch: Batch) -> None:
        self._trainer, self._batch = trainer, batch
        self._weights = torch.ones(20)

    def versions(self) -> dict[str, Any]:
        """Return what is measured."""
        libraries = {"peopleparse": peopleparse, "torch": torch, "torchvision": torchvision}
        recipe = self._trainer.recipe
        return {
            "versions": {name: module.__version__ for name, module in libraries.items()},
            "threads": torch.get_num_threads(),
            "recipe": json.loads(json.dumps(recipe.to_dict())),
            "image": list(self._batch.image.shape),
            "persons": len(self._batch.boxes),
        }

    def photo(self) -> dict[str, Any]:
        """Make one step: its seconds and its loss."""
        start, cpu = perf_counter(), process_time()
        values = self._trainer.train_step(self._batch, self._weights)
        seconds, cpu = perf_counter() - start, process_time() - cpu
        return {"seconds": seconds, "cpu_seconds": cpu, "loss": values["loss"]}

    def end(self) -> dict[str, Any]:
        """Return the peak memory."""
        return {"peak_bytes": peak_memory()}


def build(settings: Mapping[str, Any]) -> Side:
    """Build the trainer of the small recipe; `plain` in 32-bit floats with channels first."""
    plain, size = settings["plain"], tuple(settings["size"])
    recipe = replace(load_recipe(RECIPE), backbone="", batch=settings["batch"], bfloat16=not plain)
    trainer = Trainer(recipe, Path(), World(0, 1, torch.device("cpu")))
    if plain:
        for model in (trainer.model, trainer.average):
            model.to(memory_format=torch.contiguous_format)
    return Side(trainer, make_batch(recipe, (size[0], size[1])))
