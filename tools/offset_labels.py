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

from peopleparse.data.people import Portrait, read_portraits
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
from tools.average_networks import OWN

STEPS = (-0.8, -0.4, -0.2, -0.1, 0.1, 0.2, 0.4, 0.8)
ROUNDS = 3
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


def find_offsets(cells: Cells, rounds: int = ROUNDS) -> Floats:
    """Return the offset of each label, (C,), climbed one label at a time; background has none."""
    offsets = np.zeros(len(cells.logits), np.float32)
    best = cells.mean_iou(offsets)
    for _ in range(rounds):
        before = best
        for label in range(1, len(offsets)):
            start = offsets[label]
            for step in STEPS:
                tried = offsets.copy()
                tried[label] = np.clip(start + step, -MOST, MOST)
                if (found := cells.mean_iou(tried)) > best:
                    best, offsets = found, tried
        if best == before:
            break
    return offsets


def read_cells(engine: Engine, portraits: Sequence[Portrait]) -> Cells:
    """Return what a network says of the annotated people, cell by cell, and the truth there."""
    found = [cells for cells in (_read_person(engine, p) for p in portraits) if cells is not None]
    logits, truth, weight = zip(*found, strict=True)
    return Cells(np.concatenate(logits, axis=1), np.concatenate(truth), np.concatenate(weight))


def _read_person(
    engine: Engine, portrait: Portrait
) -> tuple[Floats, NDArray[np.intp], NDArray[np.float64]] | None:
    options, image = Options(), portrait.image
    canvas, size = fit_image(image, long_side_of(engine.long_sides, options), engine.stride)
    trunk = engine.trunk(canvas)
    boxes, _, faces, has_face = find_people(trunk, size, options, engine.calibration)
    to_photo = image.shape[0] / size[0]
    overlap = box_iou(portrait.box[None], boxes * to_photo)[0]
    if overlap.max(initial=0) < _LEAST_OVERLAP:
        return None
    one = slice(overlap.argmax(), overlap.argmax() + 1)
    grown = grow_boxes(boxes[one], ROI_MARGIN)
    logits = engine.rois(trunk, grown, faces[one], has_face[one])[0][:, ::_EVERY, ::_EVERY]
    truth = _sample(portrait.parsing, grown[0] * to_photo, logits.shape[1:])
    x1, y1, x2, y2 = grown[0] * to_photo
    area = float((x2 - x1) * (y2 - y1)) / truth.size
    known = truth < len(logits)
    return logits[:, known], truth[known].astype(np.intp), np.full(known.sum(), area)


def _sample(parsing: NDArray[np.uint8], box: Floats, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the truth at the middle of each cell that is looked at; beyond the photo its edge."""
    rows, columns = (
        np.clip(start + (np.arange(n) * _EVERY + 0.5) / (n * _EVERY) * (end - start), 0, side - 1)
        for n, start, end, side in zip(shape, box[1::-1], box[:1:-1], parsing.shape, strict=True)
    )
    return parsing[rows.astype(np.intp)][:, columns.astype(np.intp)]


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
    options = parser.parse_args(argv)
    passport = as_passport(options.network)
    model = load_exported(passport)
    portraits = read_portraits(options.data / "ccp", "train", options.photos)
    cells = read_cells(as_engine(model), portraits)
    offsets = find_offsets(cells)
    before, after = (100 * cells.mean_iou(o) for o in (0 * offsets, offsets))
    print(f"mean IoU of cells of {len(portraits)} people: {before:.2f}, then {after:.2f}")
    shift_labels(model, offsets)
    names = get_scheme(passport.scheme).names
    shifts = {names[i]: round(float(value), 2) for i, value in enumerate(offsets) if value}
    fields = {key: value for key, value in passport.fields.items() if key not in OWN}
    print(export_model(model, options.out, passport.name, fields | {"label_offsets": shifts}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
