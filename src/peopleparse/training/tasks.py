"""What the loop asks of a method: how its model is built, taught and used.

GPSNet, the baselines of its paper and the networks that parse one person: one loop trains them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from peopleparse.errors import ModelError, suggest
from peopleparse.inference.pipeline import Options, parse_image
from peopleparse.models.attention_to_scale import AttentionToScale
from peopleparse.models.build import BASELINES, MODELS, build_baseline, build_model, read_switches
from peopleparse.models.deeplab_v2 import DeepLabV2
from peopleparse.models.det_par import DetPar
from peopleparse.models.fcn8s import FCN8s
from peopleparse.models.gpsnet import GPSNet
from peopleparse.models.ins_glo import InsGlo
from peopleparse.models.segnet import SegNet
from peopleparse.structures import ParsedPeople
from peopleparse.training.baselines import parse_det_par, parse_ins_glo
from peopleparse.training.batches import Batch
from peopleparse.training.checkpoint import load_checkpoint
from peopleparse.training.export import as_engine
from peopleparse.training.objective import (
    det_par_loss,
    ins_glo_loss,
    joint_loss,
    person_truths,
)
from peopleparse.training.parser_recipe import read_recipe
from peopleparse.training.parser_task import (
    PARSER_MODELS,
    build_parser_of,
    parse_one_person,
    step_loss,
)
from peopleparse.training.recipe import Recipe
from peopleparse.training.start import build_started

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Task:
    """One method.

    Attributes:
        kind: class of its models.
        build: makes the model of a recipe; starting weights come from `backbones/` of the data
            folder, or are left to chance where that is None.
        loss: runs a model (or one that averages gradients over processes) on a batch; returns the
            parts of the loss by name and their weighted sum as "loss". Takes the recipe, and
            label weights (20,) or None. A `PersonBatch` is enough where one person is parsed.
        parse: turns a photo, (H, W, 3) uint8 RGB, into people, with options or None for the
            defaults. It puts the model into evaluation mode.
    """

    kind: type[nn.Module]
    build: Callable[[Recipe, Path | None], nn.Module]
    loss: Callable[[nn.Module, Any, Recipe, Tensor | None], Losses]
    parse: Callable[..., ParsedPeople]


def find_task(name: str) -> Task:
    """Return the task of a recipe's model.

    Raises:
        ModelError: no model has that name.
    """
    if name not in TASKS:
        raise ModelError(f"model must be a known name, got '{name}'.{suggest(name, list(TASKS))}")
    return TASKS[name]


def task_of(model: nn.Module) -> Task:
    """Return the task of a model.

    Raises:
        ModelError: no task trains such models.
    """
    for task in TASKS.values():
        if isinstance(model, task.kind):
            return task
    kinds = ", ".join(sorted({task.kind.__name__ for task in TASKS.values()}))
    raise ModelError(
        f"model must be one of {kinds}, got {type(model).__name__}. Add its task to TASKS."
    )


def load_trained(checkpoint: Path) -> tuple[nn.Module, Recipe]:
    """Return the model of any run with its averaged weights, for evaluation, and its recipe.

    Raises:
        ModelError: the checkpoint is missing, broken, or not of a training run.
    """
    state = load_checkpoint(checkpoint)
    try:
        recipe = read_recipe(json.loads(state["recipe"]))
        model = find_task(recipe.model).build(recipe, None)
        model.load_state_dict(state["average"])
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        reason = f"{type(error).__name__} {error}".splitlines()[0]
        raise ModelError(
            f"checkpoint must hold recipe and average of a run, got {reason}, at {checkpoint}. "
            "Give the last.pt of a run."
        ) from error
    return model.eval(), recipe


def _weights(recipe: Recipe, data: Path | None) -> Path | None:
    if recipe.init:
        raise ModelError(
            f"model must be a GPSNet to start from every layer of an export, got '{recipe.model}'. "
            "Leave out init."
        )
    return data / "backbones" / recipe.backbone if data and recipe.backbone else None


def _run(model: nn.Module, batch: Any, recipe: Recipe, *others: Any) -> dict[str, Tensor]:
    image = batch.image.float().contiguous(memory_format=torch.channels_last)
    with torch.autocast(image.device.type, torch.bfloat16, enabled=recipe.bfloat16):
        outputs: dict[str, Tensor] = model(image, *others)
    return outputs


def _build_gpsnet(recipe: Recipe, data: Path | None) -> nn.Module:
    if recipe.init:
        return build_started(recipe, weights=data is not None)
    weights = _weights(recipe, data)
    return build_model(recipe.model, backbone_weights=weights, **read_switches(vars(recipe)))


def _gpsnet_loss(model: nn.Module, batch: Batch, recipe: Recipe, weights: Tensor | None) -> Losses:
    people = (batch.batch, batch.boxes, batch.faces, batch.has_face)
    return joint_loss(_run(model, batch, recipe, *people), batch, recipe, weights)


def _parse_gpsnet(
    model: GPSNet, image: NDArray[np.uint8], options: Options | None = None
) -> ParsedPeople:
    return parse_image(as_engine(model), image, options)


def _build_baseline(recipe: Recipe, data: Path | None) -> nn.Module:
    return build_baseline(recipe.model, backbone_weights=_weights(recipe, data))


def _det_par_loss(model: nn.Module, batch: Batch, recipe: Recipe, weights: Tensor | None) -> Losses:
    outputs = _run(model, batch, recipe, batch.batch, batch.boxes, person_truths(batch))
    return det_par_loss(outputs, batch, recipe, weights)


def _ins_glo_loss(model: nn.Module, batch: Batch, recipe: Recipe, weights: Tensor | None) -> Losses:
    return ins_glo_loss(_run(model, batch, recipe, person_truths(batch)), batch, recipe, weights)


def _build_parser(recipe: Recipe, data: Path | None) -> nn.Module:
    return build_parser_of(recipe, _weights(recipe, data))


def _parser_loss(model: nn.Module, batch: Any, recipe: Recipe, weights: Tensor | None) -> Losses:
    return step_loss(_run(model, batch, recipe), batch, recipe, weights)


def _parser_task(kind: type[nn.Module]) -> Task:
    return Task(kind, _build_parser, _parser_loss, parse_one_person)


_BY_FAMILY = {
    "gpsnet": Task(GPSNet, _build_gpsnet, _gpsnet_loss, _parse_gpsnet),
    "det_par": Task(DetPar, _build_baseline, _det_par_loss, parse_det_par),
    "ins_glo": Task(InsGlo, _build_baseline, _ins_glo_loss, parse_ins_glo),
    "segnet": _parser_task(SegNet),
    "fcn8s": _parser_task(FCN8s),
    "deeplab_v2": _parser_task(DeepLabV2),
    "attention": _parser_task(AttentionToScale),
}
TASKS = {
    name: next(task for family, task in _BY_FAMILY.items() if name.startswith(family))
    for name in (*MODELS, *BASELINES, *PARSER_MODELS)
}
