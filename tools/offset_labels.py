"""Shift each label of a network by a constant, so that parts have the best mean IoU.

    python tools/offset_labels.py DATA NETWORK OUT

Training weighs rare labels more and counts cells one by one; what is scored is the mean IoU. The
offsets are found on people to train, one label after the other, and become part of the last
layer's bias: the network that is written costs nothing more. Its passport has them, too.

Source: Menon et al., Long-tail learning via logit adjustment, ICLR 2021. Differs: offsets are not
computed from how often labels come, but climb the score itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peopleparse.data.scenes import PRESETS
from peopleparse.errors import InputError
from peopleparse.inference.engine import Engine, Floats
from peopleparse.inference.exported import as_passport
from peopleparse.inference.pipeline import (
    ROI_MARGIN,
    Options,
    find_people,
    fit_image,
    grow_boxes,
    long_side_of,
)
from peopleparse.labels import get_scheme
from peopleparse.metrics import box_iou
from peopleparse.models.gpsnet import GPSNet
from peopleparse.training.export import as_engine, export_model
from peopleparse.training.from_export import load_exported
from peopleparse.training.validate import ValidationSet
from tools.average_networks import OWN

STEPS = (-0.8, -0.4, -0.2, -0.1, 0.1, 0.2, 0.4, 0.8)
ROUNDS = 3
SCENES = 120
MOST = 2.0  # of an offset: beyond, it speaks of the few people who have the label
_EVERY = 2  # cells of a grid, both ways, of which one is looked at
_LEAST_OVERLAP = 0.3


@dataclass(frozen=True)
class Cells:
    """Cells of many people's grids: logits (C, N), truth (N,), and weight (N,) in pixels."""

    logits: Floats
    truth: NDArray[np.intp]
    weight: NDArray[np.float64]

    def mean_iou(self, offsets: Floats) -> float:
        """Return the mean over labels of intersection over union under some offsets, (C,)."""
        labels = len(offsets)
        shown = (self.logits + offsets[:, None]).argmax(axis=0)
        counts = np.bincount(self.truth * labels + shown, self.weight, minlength=labels**2)
        table = counts.reshape(labels, labels)
        common = np.diag(table)
        union = table.sum(axis=0) + table.sum(axis=1) - common
        return float(np.mean(common[union > 0] / union[union > 0]))


def mean_iou(sets: Sequence[Cells], offsets: Floats) -> float:
    """Return the mean over sets of cells, which may be of unlike size."""
    return sum(cells.mean_iou(offsets) for cells in sets) / len(sets)


def find_offsets(sets: Sequence[Cells], rounds: int = ROUNDS) -> Floats:
    """Return the offset of each label, (C,), climbed one label at a time; background has none."""
    offsets = np.zeros(len(sets[0].logits), np.float32)
    best = mean_iou(sets, offsets)
    for _ in range(rounds):
        before = best
        for label in range(1, len(offsets)):
            start = offsets[label]
            for step in STEPS:
                tried = offsets.copy()
                tried[label] = np.clip(start + step, -MOST, MOST)
                if (found := mean_iou(sets, tried)) > best:
                    best, offsets = found, tried
        if best == before:
            break
    return offsets


def read_sets(engine: Engine, data: Path, photos: int | None, scenes: int) -> list[Cells]:
    """Return the cells of single photos and of scenes of each preset, of people to train."""
    found = ValidationSet.read(data, photos, scenes, "train")
    sets = [[see_people(engine, p.image, p.parsing[None], p.box[None]) for p in found.portraits]]
    for preset in PRESETS if scenes else ():
        made = (found.make_scene(preset, index) for index in range(scenes))
        truth = ((s.image, s.annotation.parsings, s.annotation.boxes) for s in made)
        sets.append([see_people(engine, *scene) for scene in truth])
    return [join_cells([cells for image in images for cells in image]) for images in sets]


def join_cells(cells: Sequence[Cells]) -> Cells:
    """Return the cells of many people as one."""
    return Cells(
        np.concatenate([one.logits for one in cells], axis=1),
        np.concatenate([one.truth for one in cells]),
        np.concatenate([one.weight for one in cells]),
    )


def see_people(
    engine: Engine, image: NDArray[np.uint8], parsings: NDArray[np.uint8], boxes: Floats
) -> list[Cells]:
    """Return the cells of each person of a photo whom the network finds.

    Where somebody else is, owners are settled by who stands out most: those cells are left out.

    Args:
        engine: the network.
        image: (H, W, 3) uint8 RGB.
        parsings: (N, H, W) uint8 map of each person; 255 is unknown.
        boxes: (N, 4) of the persons.
    """
    options = Options()
    canvas, size = fit_image(image, long_side_of(engine.long_sides, options), engine.stride)
    trunk = engine.trunk(canvas)
    found, _, faces, has_face = find_people(trunk, size, options, engine.calibration)
    if not len(found):
        return []
    to_photo = image.shape[0] / size[0]
    overlap = box_iou(boxes, found * to_photo)
    grown = grow_boxes(found, ROI_MARGIN)
    logits = engine.rois(trunk, grown, faces, has_face)[:, :, ::_EVERY, ::_EVERY]
    anyone = parsings.any(axis=0)
    cells = []
    for person, parsing in enumerate(parsings):
        which = int(overlap[person].argmax())
        if overlap[person, which] >= _LEAST_OVERLAP:
            known = np.where((parsing == 0) & anyone, 255, parsing).astype(np.uint8)
            cells.append(_take_cells(logits[which], known, grown[which] * to_photo))
    return cells


def _take_cells(logits: Floats, parsing: NDArray[np.uint8], box: Floats) -> Cells:
    """Return the cells of a person's grid whose truth is known; beyond the photo its edge."""
    rows, columns = (
        np.clip(start + (np.arange(n) * _EVERY + 0.5) / (n * _EVERY) * (end - start), 0, side - 1)
        for n, start, end, side in zip(
            logits.shape[1:], box[1::-1], box[:1:-1], parsing.shape, strict=True
        )
    )
    truth = parsing[rows.astype(np.intp)][:, columns.astype(np.intp)]
    known = truth < len(logits)
    area = float(np.prod(box[2:] - box[:2])) / truth.size
    return Cells(logits[:, known], truth[known].astype(np.intp), np.full(known.sum(), area))


@torch.no_grad()
def shift_labels(model: GPSNet, offsets: Floats) -> None:
    """Add offsets, (C,), to the scores of a network's last layer.

    Raises:
        InputError: the network has no fusion.
    """
    if not model.fuse:
        raise InputError("network must fuse local and global parsing, got one that does not.")
    bias = model.fusion[-1].bias
    assert isinstance(bias, torch.Tensor)
    bias += torch.from_numpy(offsets)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("network", help="folder or passport of a float export")
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=int, help="people to train; all where not given")
    parser.add_argument("--scenes", type=int, default=SCENES, help="of each preset")
    options = parser.parse_args(argv)
    passport = as_passport(options.network)
    model = load_exported(passport)
    sets = read_sets(as_engine(model), options.data, options.photos, options.scenes)
    offsets = find_offsets(sets)
    before, after = (
        " ".join(f"{100 * cells.mean_iou(tried):.2f}" for cells in sets)
        for tried in (0 * offsets, offsets)
    )
    print(f"mean IoU of cells of photos and scenes: {before}, then {after}")
    shift_labels(model, offsets)
    names = get_scheme(passport.scheme).names
    shifts = {names[i]: round(float(value), 2) for i, value in enumerate(offsets) if value}
    fields = {key: value for key, value in passport.fields.items() if key not in OWN}
    print(export_model(model, options.out, passport.name, fields | {"label_offsets": shifts}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
