"""An untrained network in which every branch says something."""

from __future__ import annotations

import torch
from torch import nn

from peopleparse.models.build import build_model
from peopleparse.models.gpsnet import GPSNet


def make_model(
    seed: int = 0, adjust: bool = True, fuse: bool = True, presence: bool = False
) -> GPSNet:
    """Return a network of the shipped size with random weights that sees a few people.

    A fresh network carries next to nothing through its layers and is as unsure in each cell as in
    the others; equal outputs would prove little.
    """
    torch.manual_seed(seed)
    model = build_model("gpsnet_mobilenet_v2", adjust=adjust, fuse=fuse, presence=presence)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0  # one pass is all that it will see
    box = torch.tensor([[8.0, 8, 60, 120], [40, 20, 90, 90]])
    with torch.no_grad():
        image = torch.randint(0, 256, (2, 3, 128, 128)).float()
        model.train()(image, torch.tensor([0, 1]), box, box / 2, torch.tensor([True, False]))
        for head in (model.detector.person, model.detector.face):
            head.weight[0] *= 40
            head.bias[0] = -3
    return model.eval()
