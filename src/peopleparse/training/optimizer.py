"""Optimizer, learning rate and the running mean of the weights."""

from __future__ import annotations

import math

import torch
from torch import nn

from peopleparse.errors import InputError, suggest
from peopleparse.training.recipe import Recipe

OPTIMIZERS = ("adamw", "sgd")
_PRETRAINED = "backbone.to_"  # in the names of layers of any backbone


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer; starting weights move at `backbone_factor` of the rate.

    Raises:
        InputError: the recipe names another optimizer than adamw or sgd.
    """
    if recipe.optimizer not in OPTIMIZERS:
        hint = suggest(recipe.optimizer, OPTIMIZERS)
        raise InputError(f"optimizer must be a known name, got '{recipe.optimizer}'.{hint}")
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            old = bool(recipe.backbone) and _PRETRAINED in name
            groups.setdefault((old, parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "factor": recipe.backbone_factor if old else 1.0,
            "weight_decay": recipe.weight_decay if matrix else 0.0,
        }
        for (old, matrix), parameters in groups.items()
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(settings, lr=recipe.lr, momentum=0.9)
    return torch.optim.AdamW(settings, lr=recipe.lr, betas=(0.9, 0.99))


def set_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> float:
    """Set the learning rate of a step and return it: linear rise, then cosine or one fall by 10."""
    rate = recipe.lr * min(1.0, (step + 1) / max(recipe.warmup, 1))
    if recipe.optimizer == "sgd":
        rate *= 0.1 if step >= recipe.lr_step else 1.0
    else:
        rate *= 0.01 + 0.99 * (1 + math.cos(math.pi * step / recipe.steps)) / 2
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    return rate


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the running mean of the weights towards the model; faster in the first steps."""
    keep = min(decay, (1 + step) / (10 + step))
    for mean, value in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(value, 1 - keep)
    for own, other in zip(average.buffers(), model.buffers(), strict=True):
        own.copy_(other)
