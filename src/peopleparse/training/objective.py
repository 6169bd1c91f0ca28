"""The one joint loss of GPSNet: detection, global, local and fused parsing."""

from __future__ import annotations

import torch
from torch import Tensor

from peopleparse.losses.detection import box_loss, heat_loss
from peopleparse.losses.parsing import IGNORE_ID, parsing_loss, sample_truth
from peopleparse.training.batches import Batch
from peopleparse.training.recipe import Recipe

GLOBAL_REACH = 0.3  # of a photo's person box: beyond it there may be bystanders nobody annotated


def joint_loss(
    outputs: dict[str, Tensor], batch: Batch, recipe: Recipe, weights: Tensor | None
) -> dict[str, Tensor]:
    """Return the parts of the loss by name, and their weighted sum as "loss".

    Args:
        outputs: of `GPSNet.forward`.
        batch: images and truth.
        recipe: factors.
        weights: (C,) label weights, or None.

    Source: GPS paper, section 4: all parts are trained jointly. The factors are ours.
    """
    parts: dict[str, Tensor] = {}
    for index, kind in enumerate(("person", "face")):
        heat = batch.heat[:, index : index + 1]
        parts[f"{kind}_heat"] = heat_loss(outputs[f"{kind}_heat"], heat, batch.is_photo)
        parts[f"{kind}_box"] = box_loss(
            outputs[f"{kind}_boxes"], batch.box[:, index], batch.weight[:, index]
        )
    grid = (outputs["logits"].shape[2], outputs["logits"].shape[3])
    whole = global_truth(batch, outputs["global_logits"].shape[2:])
    parts["global"] = parsing_loss(outputs["global_logits"], whole, weights)
    people = (batch.parsing, batch.owners, batch.batch, batch.persons)
    real = sample_truth(*people, batch.boxes, grid)
    parts["fused"] = parsing_loss(outputs["logits"], real, weights, recipe.dice)
    adjusted = sample_truth(*people, outputs["adjusted"].detach(), grid)
    parts["local"] = parsing_loss(outputs["local_logits"], adjusted, weights)
    factors = {
        "person_heat": recipe.loss_heat,
        "face_heat": recipe.loss_heat / 2,
        "person_box": recipe.loss_box,
        "face_box": recipe.loss_box / 2,
        "global": recipe.loss_global,
        "local": recipe.loss_local,
        "fused": recipe.loss_fused,
    }
    parts["loss"] = torch.stack([factors[name] * value for name, value in parts.items()]).sum()
    return parts


def global_truth(batch: Batch, size: torch.Size) -> Tensor:
    """Return the labels at the centres of the cells of the whole image, (B, h, w) int64."""
    height, width = batch.parsing.shape[1:]
    y = ((torch.arange(size[0], device=batch.parsing.device) + 0.5) * height / size[0]).long()
    x = ((torch.arange(size[1], device=batch.parsing.device) + 0.5) * width / size[1]).long()
    target = batch.parsing[:, y[:, None], x].long()
    target[batch.owners[:, y[:, None], x] == -1] = IGNORE_ID
    unsure = batch.is_photo[:, None, None].expand_as(target).clone()
    for image, box in zip(batch.batch.tolist(), batch.boxes, strict=True):
        reach = (box[2:] - box[:2]) * GLOBAL_REACH
        inside_y = (y >= box[1] - reach[1]) & (y < box[3] + reach[1])
        inside_x = (x >= box[0] - reach[0]) & (x < box[2] + reach[0])
        unsure[image] &= ~(inside_y[:, None] & inside_x)
    target[unsure] = IGNORE_ID
    return target
