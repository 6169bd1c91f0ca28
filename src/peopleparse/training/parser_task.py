"""Teach and use a network that parses one person in a photo."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from peopleparse.errors import InputError
from peopleparse.inference.pipeline import Options
from peopleparse.labels import get_scheme
from peopleparse.losses.structure import StructureLoss, weighted_cross_entropy
from peopleparse.models.parsers import PARSERS, Parser, build_parser
from peopleparse.nn.resize import upsample
from peopleparse.structures import ParsedPeople
from peopleparse.training.parser_recipe import ParserRecipe, StructurePlan
from peopleparse.training.recipe import Recipe

SMALL = "_small"  # at the end of a recipe's model: the same network on MobileNetV2
PARSER_MODELS = tuple(name + size for size in ("", SMALL) for name in PARSERS)
IGNORE_ID = 255


@dataclass
class PersonBatch:
    """One step's photos of one person each, and their truth.

    Attributes:
        image: (B, 3, H, W) uint8 RGB.
        parsing: (B, H, W) uint8 label ids.
        step: of training, from 0.
    """

    image: Tensor
    parsing: Tensor
    step: int

    def pin_memory(self) -> PersonBatch:
        """Return self; there is nothing to pin on a CPU."""
        return self

    def to(self, device: torch.device) -> PersonBatch:
        """Return the batch on a device."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "step"}
        return replace(self, **moved)


def build_parser_of(recipe: Recipe, weights: Path | None) -> Parser:
    """Build the network of a recipe.

    Raises:
        InputError: the recipe is not a `ParserRecipe`.
        ModelError: there are weights for a network at the paper's size, or they do not fit.
    """
    if not isinstance(recipe, ParserRecipe):
        raise InputError(
            f"recipe must be a ParserRecipe for '{recipe.model}', got {type(recipe).__name__}. "
            "Write RECIPE = ParserRecipe(...)."
        )
    name, small = recipe.model.removesuffix(SMALL), recipe.model.endswith(SMALL)
    return build_parser(name, get_scheme("gps").num_ids, small, weights)


def parser_loss(
    outputs: dict[str, Any],
    parsing: Tensor,
    plan: StructurePlan | None,
    weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the parts of the loss by name, and their sum as "loss".

    The truth of a cell is that of its first pixel. Where a network gives logits of several scales,
    each is compared with the same truth and all count alike.

    Args:
        outputs: of a network of `models.parsers`.
        parsing: (B, H, W) label ids.
        plan: structure-sensitive loss in place of cross-entropy; None for plain.
        weights: (C,) label weights, or None.

    Source: LIP_SSL, human/config/attention/train.prototxt: a person's weight comes from the fused
    logits and counts for those of each scale as well.
    """
    logits = outputs["logits"]
    stride = -(-parsing.shape[1] // logits.shape[2])
    truth = parsing[:, ::stride, ::stride].long()
    maps = {"parsing": logits}
    maps |= {f"scale_{n}": scale for n, scale in enumerate(outputs.get("scales", []), 1)}
    if plan is None:
        parts = {name: _cross_entropy(each, truth, weights) for name, each in maps.items()}
        return parts | {"loss": torch.stack(list(parts.values())).sum()}
    loss = _structure_loss(plan)
    weight = loss.weight(logits, truth)
    through = plan.mode != "released"
    parts = {
        name: weighted_cross_entropy(each, truth, weight, weights, IGNORE_ID, through).loss
        for name, each in maps.items()
    }
    total = torch.stack(list(parts.values())).sum()
    return parts | {"person_weight": weight.detach().mean(), "loss": total}


@cache
def _structure_loss(plan: StructurePlan) -> StructureLoss:
    return StructureLoss("gps", plan.mode, plan.offset, plan.scale, plan.measure)  # type: ignore[arg-type]


def _cross_entropy(logits: Tensor, truth: Tensor, weights: Tensor | None) -> Tensor:
    logits = logits.float()
    if not (truth != IGNORE_ID).any():  # nothing to learn, and nothing to divide by
        return logits.sum() * 0
    return functional.cross_entropy(logits, truth, weights, ignore_index=IGNORE_ID)


@torch.inference_mode()
def predict_labels(model: Parser, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the label of the largest logit at each pixel, (B, H, W), of photos (B, H, W, 3).

    It puts the model into evaluation mode.
    """
    device = next(model.parameters()).device
    image = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device)
    logits = model.eval()(image.float().contiguous(memory_format=torch.channels_last))["logits"]
    size = (images.shape[1], images.shape[2])
    if model.stride > 1:  # cells lie on their first pixel
        logits = upsample(logits.float(), model.stride, size)
    labels: NDArray[np.uint8] = logits.argmax(dim=1).to(torch.uint8).cpu().numpy()
    return labels


def parse_one_person(
    model: Parser, image: NDArray[np.uint8], options: Options | None = None
) -> ParsedPeople:
    """Parse a photo, (H, W, 3) uint8 RGB, as of one person who has all of its parts.

    Args:
        model: of `models.parsers`.
        image: the photo.
        options: its `long_side` is that of the photo as the network sees it; None: as it is.
    """
    height, width = image.shape[:2]
    long_side = options.long_side if options and options.long_side else max(height, width)
    scale = long_side / max(height, width)
    seen = cv2.resize(
        image, (max(1, round(width * scale)), max(1, round(height * scale))),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )  # fmt: skip
    labels = predict_labels(model, np.asarray(seen, np.uint8)[None])[0]
    parsing = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    parsing = np.asarray(parsing, np.uint8)
    return ParsedPeople.from_maps(parsing, (parsing > 0).astype(np.uint16), image=image)


def step_loss(
    outputs: dict[str, Any], batch: Any, recipe: Recipe, weights: Tensor | None
) -> dict[str, Tensor]:
    """Return the loss of a step; a batch that does not tell its step has the plan throughout."""
    step = getattr(batch, "step", recipe.steps)
    plan = recipe.structure_at(step) if isinstance(recipe, ParserRecipe) else None
    return parser_loss(outputs, batch.parsing, plan, weights)
