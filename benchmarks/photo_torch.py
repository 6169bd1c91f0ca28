"""The other side of benchmarks/photo.py: what a user would assemble from torchvision.

Mask R-CNN (ResNet-50-FPN) finds the people; a ResNet-101 DeepLabV3 parses a 473 x 473 crop of
each, all crops in one batch; label maps are scaled back and pasted where the person's mask is.
Weights are random: they cost what trained ones cost as long as the amount of work is the same. It
is held there by three steps, none of which makes this side do more than trained weights would:

* residual branches are scaled down, so that values stay where trained ones do (and 1,000 proposals
  come out of the proposal network, as they do with trained weights);
* of these, 100 pass the score threshold into the suppression of doubles;
* then the true boxes are taken as detections, so that masks and crops are made for these people
  only (trained weights also make masks for doubtful things).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.models.detection import maskrcnn_resnet50_fpn
from torchvision.models.segmentation import deeplabv3_resnet101
from torchvision.transforms.functional import normalize, pil_to_tensor, resize

from benchmarks.harness import peak_memory

PASSING = 100
LABELS = 20
_PERSON = 1
_MEAN, _SPREAD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# What Mask R-CNN does before and after its network (scaling the photo, pasting its masks) cannot be
# timed from outside: all of it counts as network here. The ratio is of whole photos.
KINDS = {
    "decoding": ("decode",),
    "network": ("detect", "parse"),
    "post-processing": ("crop", "paste"),
}


class Side:
    """Two networks and one encoded photo."""

    def __init__(
        self,
        detector: nn.Module,
        parser: nn.Module,
        photo: bytes,
        boxes: Sequence[Sequence[float]],
        crop: int = 473,
    ) -> None:
        """Take networks that are already in evaluation mode.

        Args:
            detector: gives boxes, scores and masks as torchvision's Mask R-CNN does.
            parser: (K, 3, crop, crop) to {"out": (K, LABELS, crop, crop)}.
            photo: an encoded image.
            boxes: true boxes of its people, in its pixels.
            crop: side of a crop in pixels.
        """
        self._detector, self._parser, self._photo, self._crop = detector, parser, photo, crop
        self._counts: dict[str, int] = {}
        hold_detections(detector, torch.tensor(boxes), self._counts)
        self.parsing = self.instances = np.zeros((0, 0), np.uint8)

    def versions(self) -> dict[str, Any]:
        """Return what is measured."""
        return {
            "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
            "threads": torch.get_num_threads(),
            "crop": self._crop,
        }

    @torch.inference_mode()
    def photo(self) -> dict[str, Any]:
        """Parse the photo once: seconds in all, by kind, and the people that were parsed."""
        timings: dict[str, float] = {}
        start, cpu = perf_counter(), process_time()
        with _timed(timings, "decode"):
            opened = Image.open(io.BytesIO(self._photo)).convert("RGB")
            image = pil_to_tensor(opened).float() / 255
        with _timed(timings, "detect"):
            people = self._detector([image])[0]
        with _timed(timings, "crop"):
            crops = self._cut(image, people["boxes"])
        with _timed(timings, "parse"):
            logits = self._parser(crops)["out"]
        with _timed(timings, "paste"):
            maps = paste(logits.argmax(1).byte(), people["boxes"], people["masks"])
            self.parsing, self.instances = maps
        seconds, cpu = perf_counter() - start, process_time() - cpu
        return {
            "seconds": seconds,
            "cpu_seconds": cpu,
            "kinds": {kind: sum(timings[n] for n in names) for kind, names in KINDS.items()},
            "steps": timings,
            "persons_parsed": len(logits),
            **self._counts,
        }

    def used(self) -> dict[str, Any]:
        """Return the processor time of all threads since the start of the process."""
        return {"cpu_seconds": process_time()}

    def end(self) -> dict[str, Any]:
        """Return the peak memory."""
        return {"peak_bytes": peak_memory(), "torch_imported": True}

    def _cut(self, image: Tensor, boxes: Tensor) -> Tensor:
        image = normalize(image, _MEAN, _SPREAD)
        size = [self._crop, self._crop]
        windows = [image[:, y1:y2, x1:x2] for x1, y1, x2, y2 in boxes.round().int().tolist()]
        return torch.stack([resize(window, size, antialias=True) for window in windows])


def paste(labels: Tensor, boxes: Tensor, masks: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Lay (K, h, w) label maps of crops into the photo, within each person's mask, best on top.

    Returns:
        parsing (H, W) uint8 and instances (H, W) uint8.
    """
    height, width = masks.shape[-2:]
    parsing = torch.zeros((height, width), dtype=torch.uint8)
    instances = torch.zeros_like(parsing)
    for index in reversed(range(len(boxes))):
        x1, y1, x2, y2 = boxes[index].round().int().tolist()
        nearest = torchvision.transforms.InterpolationMode.NEAREST
        part = resize(labels[index][None], [y2 - y1, x2 - x1], nearest)[0]
        own = masks[index, 0, y1:y2, x1:x2] > 0.5
        window = np.s_[y1:y2, x1:x2]
        parsing[window] = torch.where(own, part, parsing[window])
        instances[window] = torch.where(own, index + 1, instances[window]).byte()
    return parsing.numpy(), instances.numpy()


def hold_detections(detector: Any, boxes: Tensor, counts: dict[str, int]) -> None:
    """Make a Mask R-CNN of any weights detect these (N, 4) boxes, at the cost of trained ones.

    Args:
        detector: changed in place.
        boxes: in pixels of the photo.
        counts: `proposals` and `passing` of each photo are written here.
    """
    select: Callable[..., Any] = detector.roi_heads.postprocess_detections
    sizes: list[tuple[int, int]] = []
    detector.register_forward_pre_hook(
        lambda _, inputs: sizes.__setitem__(slice(None), [i.shape[-2:] for i in inputs[0]])
    )

    def postprocess(logits: Tensor, deltas: Tensor, proposals: Any, shapes: Any) -> Any:
        # Background wins everywhere but in the first proposals, where a person does.
        held = torch.zeros_like(logits)
        held[:, 0] = 20
        held[:PASSING, 0], held[:PASSING, _PERSON] = 0, 20
        select(held, deltas, proposals, shapes)
        counts.update(proposals=len(proposals[0]), passing=min(PASSING, len(proposals[0])))
        (height, width), (tall, wide) = sizes[0], shapes[0]
        scaled = boxes * torch.tensor([wide / width, tall / height] * 2)
        ones = torch.ones(len(boxes))
        return [scaled], [ones * 0.99], [ones.long() * _PERSON]

    detector.roi_heads.postprocess_detections = postprocess


def tame(network: nn.Module) -> nn.Module:
    """Scale the residual branches of a random ResNet down, so that values do not grow by depth."""
    for name, module in network.named_modules():
        if name.endswith("bn3"):
            nn.init.constant_(module.weight, 0.2)
    return network.eval()


def build(settings: Mapping[str, Any]) -> Side:
    """Build both networks with random weights of one seed."""
    torch.manual_seed(settings["seed"])
    sizes = {"min_size": settings["min_size"]} if settings.get("min_size") else {}
    detector = tame(maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, **sizes))
    parser = deeplabv3_resnet101(
        weights=None, weights_backbone=None, num_classes=LABELS, aux_loss=False
    )
    photo = Path(settings["photo"]).read_bytes()
    return Side(detector, tame(parser), photo, settings["boxes"], settings.get("crop") or 473)


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = perf_counter()
    yield
    timings[name] = perf_counter() - start
