"""The losses of GPSNet and of the baselines: detection and parsing, together."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import masks_to_boxes

from peopleparse.losses.detection import box_loss, heat_loss
from peopleparse.losses.parsing import (
    IGNORE_ID,
    parsing_loss,
    presence_loss,
    sample_truth,
)
from peopleparse.losses.structure import StructureLoss
from peopleparse.training.batches import BYSTANDER, Batch
from peopleparse.training.recipe import Recipe

# The LIP paper's loss on each person's map; joints apart cost as their heat maps differ.
_STRUCTURE = StructureLoss("gps", mode="paper", measure="heatmaps")
GLOBAL_REACH = 0.3  # of a photo's person box: beyond it there may be bystanders nobody annotated
_RATHER_SURE = 0.3  # of a person: as in `heat_loss`


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
        heat, logits = batch.heat[:, index : index + 1], outputs[f"{kind}_heat"]
        unsure = batch.is_photo
        if recipe.bystanders:
            logits = hush_bystanders(logits, heat, batch)
            unsure = torch.zeros_like(unsure)
        parts[f"{kind}_heat"] = heat_loss(logits, heat, unsure)
        parts[f"{kind}_box"] = box_loss(
            outputs[f"{kind}_boxes"], batch.box[:, index], batch.weight[:, index]
        )
    grid = (outputs["logits"].shape[2], outputs["logits"].shape[3])
    whole = global_truth(batch, outputs["global_logits"].shape[2:])
    parts["global"] = parsing_loss(outputs["global_logits"], whole, weights)
    people = (batch.parsing, batch.owners, batch.batch, batch.persons)
    real = sample_truth(*people, batch.boxes, grid)
    parts["fused"] = parsing_loss(outputs["logits"], real, weights, recipe.dice, recipe.boundary)
    if recipe.loss_structure:
        parts["structure"] = _STRUCTURE(outputs["logits"], real, weights)
    adjusted = sample_truth(*people, outputs["adjusted"].detach(), grid)
    parts["local"] = parsing_loss(
        outputs["local_logits"], adjusted, weights, boundary=recipe.boundary
    )
    if "presence" in outputs:
        parts["presence"] = presence_loss(outputs["presence"], adjusted)
    factors = {
        "person_heat": recipe.loss_heat,
        "face_heat": recipe.loss_heat * recipe.loss_face,
        "person_box": recipe.loss_box,
        "face_box": recipe.loss_box * recipe.loss_face,
        "global": recipe.loss_global,
        "local": recipe.loss_local,
        "fused": recipe.loss_fused,
        "structure": recipe.loss_structure,
        "presence": recipe.loss_presence,
    }
    parts["loss"] = torch.stack([factors[name] * value for name, value in parts.items()]).sum()
    return parts


def hush_bystanders(logits: Tensor, heat: Tensor, batch: Batch) -> Tensor:
    """Return logits that cost nothing where a person may be whom nobody annotated.

    That is in and beside cells with ignored pixels, of scenes too, and in a photo, outside the box
    of its person, wherever the network is rather sure: a bystander that was not found beforehand.
    On and around the annotated person every cell counts: half a person is none.

    Args:
        logits, heat: (B, 1, h, w); a cell with heat 1 always counts.
        batch: images and truth.
    """
    size = (logits.shape[2], logits.shape[3])
    owners = batch.owners[:, None]
    silent = functional.adaptive_max_pool2d((owners < 0).float(), size)
    silent = functional.max_pool2d(silent, 3, 1, 1) > 0
    owned = functional.adaptive_max_pool2d((owners > 0).float(), size)
    rows, columns = owned.amax(3, keepdim=True), owned.amax(2, keepdim=True)
    missed = batch.is_photo[:, None, None, None] & (logits.detach().sigmoid() > _RATHER_SURE)
    missed &= ~(_between(rows, 2) & _between(columns, 3))
    # So far below zero that neither loss nor gradient is left.
    return logits.masked_fill((silent | missed) & (heat < 1), -30.0)


def _between(present: Tensor, dim: int) -> Tensor:
    """Return where along a dimension something is present on both sides, or there."""
    before = present.cummax(dim)[0]
    behind = present.flip(dim).cummax(dim)[0].flip(dim)
    return (before > 0) & (behind > 0)


def det_par_loss(
    outputs: dict[str, Tensor], batch: Batch, recipe: Recipe, weights: Tensor | None
) -> dict[str, Tensor]:
    """Return the parts of the loss of Det.+Par. and their weighted sum; see `joint_loss`.

    Args:
        outputs: of `DetPar.forward`.
        batch, recipe, weights: as for GPSNet. What is the result here is weighed as what is the
            result there, the fused parsing.
    """
    logits = outputs["logits"]
    people = (batch.parsing, batch.owners, batch.batch, batch.persons, batch.boxes)
    truth = sample_truth(*people, (logits.shape[2], logits.shape[3]))
    return _with_detector(outputs, parsing_loss(logits, truth, weights, recipe.dice), recipe)


def ins_glo_loss(
    outputs: dict[str, Tensor], batch: Batch, recipe: Recipe, weights: Tensor | None
) -> dict[str, Tensor]:
    """Return the parts of the loss of Ins.+Glo. and their weighted sum; see `det_par_loss`."""
    logits = outputs["global_logits"]
    truth = global_truth(batch, logits.shape[2:])
    return _with_detector(outputs, parsing_loss(logits, truth, weights, recipe.dice), recipe)


def _with_detector(
    outputs: dict[str, Tensor], parsing: Tensor, recipe: Recipe
) -> dict[str, Tensor]:
    factors = {
        "objectness": recipe.loss_heat,
        "person": recipe.loss_heat,
        "proposal_box": recipe.loss_box,
        "person_box": recipe.loss_box,
        "mask": recipe.loss_box,
        "parsing": recipe.loss_fused,
    }
    parts = {name: outputs[name] for name in factors if name in outputs} | {"parsing": parsing}
    parts["loss"] = torch.stack([factors[name] * value for name, value in parts.items()]).sum()
    return parts


def person_truths(batch: Batch) -> list[dict[str, Tensor]]:
    """Return what torchvision's detectors learn from: one entry an image.

    Every person of the image counts, not only those chosen to be parsed, with the pixels that are
    seen of it: boxes (N, 4) float32, labels (N,) of 1, masks (N, H, W) uint8.
    """
    truths = []
    for owners in batch.owners:
        numbers = owners.unique()
        masks = owners == numbers[numbers > 0][:, None, None]
        boxes = masks_to_boxes(masks).float()
        boxes[:, 2:] += 1  # that function names the last pixel, not the edge behind it
        labels = torch.ones(len(boxes), dtype=torch.long, device=boxes.device)
        truths.append({"boxes": boxes, "labels": labels, "masks": masks.to(torch.uint8)})
    return truths


def global_truth(batch: Batch, size: torch.Size) -> Tensor:
    """Return the labels at the centres of the cells of the whole image, (B, h, w) int64."""
    height, width = batch.parsing.shape[1:]
    y = ((torch.arange(size[0], device=batch.parsing.device) + 0.5) * height / size[0]).long()
    x = ((torch.arange(size[1], device=batch.parsing.device) + 0.5) * width / size[1]).long()
    target = batch.parsing[:, y[:, None], x].long()
    owners = batch.owners[:, y[:, None], x]
    target[(owners == -1) | (owners == BYSTANDER)] = IGNORE_ID
    unsure = batch.is_photo[:, None, None].expand_as(target).clone()
    for image, box in zip(batch.batch.tolist(), batch.boxes, strict=True):
        reach = (box[2:] - box[:2]) * GLOBAL_REACH
        inside_y = (y >= box[1] - reach[1]) & (y < box[3] + reach[1])
        inside_x = (x >= box[0] - reach[0]) & (x < box[2] + reach[0])
        unsure[image] &= ~(inside_y[:, None] & inside_x)
    target[unsure] = IGNORE_ID
    return target
