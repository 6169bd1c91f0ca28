"""A photo through a baseline: the size, the paste and the scores that GPSNet's results get."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from peopleparse.errors import InputError
from peopleparse.inference.detect import clip_boxes
from peopleparse.inference.engine import LONG_SIDES, Floats
from peopleparse.inference.paste import mean_confidence, paste_people
from peopleparse.inference.pipeline import (
    ROI_MARGIN,
    ROIS_A_CALL,
    Options,
    fit_image,
    grow_boxes,
    long_side_of,
)
from peopleparse.models.det_par import DetPar
from peopleparse.models.ins_glo import InsGlo
from peopleparse.models.person_rcnn import Found, PersonRCNN
from peopleparse.structures import ParsedPeople
from peopleparse.training.deploy import STRIDE

Image = NDArray[np.uint8]


@torch.inference_mode()
def parse_det_par(model: DetPar, image: Image, options: Options | None = None) -> ParsedPeople:
    """Find the persons of a photo and parse the crop of each; see `inference.parse_image`.

    The crops are cut from the photo at the size that the detector sees, as GPSNet's features are.
    """
    options = options or Options()
    seen, size = _prepare(model, image, options)
    found = _find(model.detector, seen, size, options)
    boxes = torch.from_numpy(grow_boxes(found.boxes.cpu().numpy(), ROI_MARGIN)).to(seen.device)
    logits = []
    for some in boxes.split(ROIS_A_CALL) if len(boxes) else ():
        logits.append(model.rois(seen, torch.zeros_like(some[:, 0]), some))
    return _paste(logits, boxes, found.scores, image, size)


@torch.inference_mode()
def parse_ins_glo(model: InsGlo, image: Image, options: Options | None = None) -> ParsedPeople:
    """Parse a photo, find its persons and give each what lies in its mask; as `parse_det_par`."""
    options = options or Options()
    seen, size = _prepare(model, image, options)
    found = _find(model.detector, seen, size, options)
    logits = []
    if len(found.boxes) and found.masks is not None:
        logits.append(model.rois(model.parse(seen), found.boxes, found.masks))
    return _paste(logits, found.boxes, found.scores, image, size)


def _prepare(model: nn.Module, image: Image, options: Options) -> tuple[Tensor, tuple[int, int]]:
    """Return the photo as the model sees it, (1, 3, H, W), and its size without padding."""
    if options.flip or options.scales != (1.0,):
        raise InputError(
            f"views of a baseline must be one, got scales {options.scales}, flip {options.flip}. "
            "Leave both out."
        )
    canvas, size = fit_image(image, long_side_of(LONG_SIDES, options), STRIDE)
    device = next(model.eval().parameters()).device
    return torch.from_numpy(canvas[None]).to(device).permute(0, 3, 1, 2).float(), size


def _find(detector: PersonRCNN, seen: Tensor, size: tuple[int, int], options: Options) -> Found:
    """Return the persons, without those that lie in the padding."""
    least = options.threshold if options.least_heat is None else options.least_heat
    found = detector.find(seen, least, options.nms_iou, options.max_people)
    _, large = clip_boxes(found.boxes.cpu().numpy(), size)
    kept = torch.from_numpy(large).to(seen.device)
    masks = None if found.masks is None else found.masks[kept]
    return Found(found.boxes[kept], found.scores[kept], masks)


def _paste(
    logits: list[Tensor], boxes: Tensor, found: Tensor, image: Image, size: tuple[int, int]
) -> ParsedPeople:
    height, width = image.shape[:2]
    scale = np.array([width / size[1], height / size[0]] * 2, np.float32)
    grids: list[Floats] = [grid for some in logits for grid in some.float().cpu().numpy()]
    scores = found.cpu().numpy()
    pasted = paste_people(grids, boxes.cpu().numpy() * scale, scores, (height, width))
    return ParsedPeople.from_maps(
        pasted.parsing,
        pasted.instances,
        scores=(scores * mean_confidence(pasted)).tolist(),
        image=image,
        confidence=pasted.confidence,
    )
