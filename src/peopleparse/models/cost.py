"""What a network costs: its weights, and the multiplications that a photo takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from peopleparse.models.build import BASELINES, build_baseline, build_model
from peopleparse.models.det_par import DetPar
from peopleparse.models.gpsnet import GPSNet
from peopleparse.models.ins_glo import InsGlo
from peopleparse.models.person_rcnn import PersonRCNN


@dataclass(frozen=True)
class Cost:
    """What one network costs.

    Attributes:
        parameters: number of weights, trained or not; statistics of batch norm are none.
        photo: multiply-adds of what is done once a photo.
        person: multiply-adds that each person adds.
    """

    parameters: int
    photo: int
    person: int

    def total(self, persons: int) -> int:
        """Return the multiply-adds of a photo with so many persons."""
        return self.photo + persons * self.person


def count_cost(name: str, height: int, width: int, presence: bool = False) -> Cost:
    """Count the cost of a model by name; nothing is computed, only shapes are followed.

    Multiply-adds of convolutions and matrix products count, each as one (two FLOPs). Resizing, RoI
    Align, activations and non-maximum suppression do not.

    Args:
        name: as `build_model` or `build_baseline` have it.
        height, width: of the image as the network sees it, multiples of 32.
        presence: as `build_model` has it.

    Raises:
        ModelError: no model has that name, or it takes no presence.
    """
    with torch.device("meta"):
        build = build_baseline if name in BASELINES else partial(build_model, presence=presence)
        model = build(name).eval()
    return cost_of(model, height, width)


def cost_of(model: GPSNet | DetPar | InsGlo, height: int, width: int) -> Cost:
    """Count the cost of a model where it lies; on the device "meta" that takes no time."""
    device = next(model.parameters()).device
    with torch.device(device), torch.inference_mode():
        photo, person = _count_parts(model, torch.zeros(1, 3, height, width))
    return Cost(sum(p.numel() for p in model.parameters()), photo, person)


def _count_parts(model: nn.Module, image: torch.Tensor) -> tuple[int, int]:
    first, box = torch.zeros(1, dtype=torch.long), torch.tensor([[8.0, 8, 40, 72]])
    if isinstance(model, GPSNet):
        seen = model.trunk(image)
        has_face = torch.ones(1, dtype=torch.bool)
        person = _count(lambda: model.rois(seen, first, box, box, has_face))
        return _count(lambda: model.trunk(image)), person
    if isinstance(model, DetPar):
        return _count_detector(model.detector, image), _count(lambda: model.rois(image, first, box))
    assert isinstance(model, InsGlo)
    photo = _count(lambda: model.parse(image)) + _count_detector(model.detector, image)
    return photo, _count_mask(model.detector)


def _count_detector(detector: PersonRCNN, image: torch.Tensor) -> int:
    """Count maps, proposals, and the look at as many of them as the detector takes."""
    rcnn = detector.rcnn

    def run() -> None:
        maps = rcnn.backbone(image)
        rcnn.rpn.head([maps])
        heads, looked_at = rcnn.roi_heads, rcnn.rpn.post_nms_top_n()
        pooled = torch.zeros(looked_at, maps.shape[1], *heads.box_roi_pool.output_size)
        heads.box_predictor(heads.box_head(pooled))

    return _count(run)


def _count_mask(detector: PersonRCNN) -> int:
    heads = detector.rcnn.roi_heads
    channels = detector.rcnn.backbone.out_channels
    pooled = torch.zeros(1, channels, *heads.mask_roi_pool.output_size)
    return _count(lambda: heads.mask_predictor(heads.mask_head(pooled)))


def _count(run: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2
