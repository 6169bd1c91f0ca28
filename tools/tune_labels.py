"""Tune how readily a network draws each label, without training.

    python tools/tune_labels.py DATA NETWORK OUT

Training weighs rare labels more and counts cells one by one; what is scored is the mean IoU, of a
set of photos and of each person. Two things are found on people to train: a constant for each
label, and a factor for the logits with which the network tells what a person shows at all. Both
become part of its last layers: what is written costs nothing more. The passport has them, too.

Source: Menon et al., Long-tail learning via logit adjustment, ICLR 2021. Differs: the constants are
not computed from how often labels come, but climb the score itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peopleparse.data.scenes import PRESETS
from peopleparse.errors import InputError
from peopleparse.inference.engine import Engine, Floats, Trunk
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
from peopleparse.nn.presence import add_presence
from peopleparse.training.export import as_engine, export_model
from peopleparse.training.from_export import load_exported
from peopleparse.training.validate import ValidationSet
from tools.average_networks import OWN

FACTORS = (1.0, 1.5, 2.0, 3.0)
STEPS = (-0.6, -0.2, 0.2, 0.6)
ROUNDS = 3
SCENES = 120
MOST = 2.0  # of a constant: beyond, it speaks of the few people who have the label
_EVERY = 4  # cells of a grid, both ways, of which one is looked at
_LEAST_OVERLAP = 0.3
_SURE = 50.0  # logit of what is there where a network does not tell
# Boxes, faces, has_face to (K, C, rows, columns) logits as if all were there, and (K, C) presence.
Rois = Callable[[Trunk, Floats, Floats, NDArray[np.bool_]], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Cells:
    """Cells of the grids of P people, N in all.

    Attributes:
        logits: (C, N) as if every label were there.
        truth: (N,) label ids.
        weight: (N,) pixels of the photo that a cell stands for.
        whose: (N,) to which of the people a cell belongs.
        presence: (P, C) logits of each label to be there at all.
    """

    logits: Floats
    truth: NDArray[np.intp]
    weight: NDArray[np.float64]
    whose: NDArray[np.intp]
    presence: Floats

    def score(self, constants: Floats, factor: float) -> float:
        """Return the mean of the set's mean IoU and of the people's own, all over labels.

        Args:
            constants: (C,) added to the logits.
            factor: of the presence logits.
        """
        people, labels = self.presence.shape
        added = -np.logaddexp(0, -factor * self.presence)
        added[:, 0] = 0
        added += constants
        shown = (self.logits + added[self.whose].T).argmax(axis=0)
        places = self.whose * labels**2 + self.truth * labels + shown
        counts = np.bincount(places, self.weight, minlength=people * labels**2)
        tables = counts.reshape(people, labels, labels)
        return (_mean_iou(tables.sum(axis=0)) + sum(map(_mean_iou, tables)) / people) / 2


def _mean_iou(table: NDArray[np.float64]) -> float:
    common = np.diag(table)
    union = table.sum(axis=0) + table.sum(axis=1) - common
    return float(np.mean(common[union > 0] / union[union > 0]))


def score_sets(sets: Sequence[Cells], constants: Floats, factor: float) -> float:
    """Return the mean score of sets, which may be of unlike size."""
    return sum(cells.score(constants, factor) for cells in sets) / len(sets)


def find_constants(
    sets: Sequence[Cells], factor: float, rounds: int = ROUNDS
) -> tuple[float, Floats]:
    """Return the score and constants, (C,), climbed one label at a time; background has none."""
    constants = np.zeros(len(sets[0].logits), np.float32)
    best = score_sets(sets, constants, factor)
    for _ in range(rounds):
        before = best
        for label in range(1, len(constants)):
            start = constants[label]
            for step in STEPS:
                tried = constants.copy()
                tried[label] = np.clip(start + step, -MOST, MOST)
                if (found := score_sets(sets, tried, factor)) > best:
                    best, constants = found, tried
        if best == before:
            break
    return best, constants


def split_rois(model: GPSNet) -> Rois:
    """Return what parses persons with a network and keeps apart what it says is there at all."""

    @torch.inference_mode()
    def rois(
        trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        people = [torch.from_numpy(values) for values in (boxes, faces, has_face)]
        whole = torch.zeros(len(boxes), dtype=torch.long)
        found = model.rois(dict(trunk.tensors), whole, *people)
        logits, presence = found["logits"], found.get("presence")
        if presence is None:
            return logits.numpy(), np.full(logits.shape[:2], _SURE, np.float32)
        return (logits - add_presence(torch.zeros_like(logits), presence)).numpy(), presence.numpy()

    return rois


def read_sets(model: GPSNet, data: Path, photos: int | None, scenes: int) -> list[Cells]:
    """Return the cells of single photos and of scenes of each preset, of people to train."""
    engine, rois = as_engine(model), split_rois(model)
    found = ValidationSet.read(data, photos, scenes, "train")
    portraits = ((p.image, p.parsing[None], p.box[None]) for p in found.portraits)
    sets = [join_cells([c for one in portraits for c in see_people(engine, rois, *one)])]
    for preset in PRESETS if scenes else ():
        made = (found.make_scene(preset, index) for index in range(scenes))
        truth = ((s.image, s.annotation.parsings, s.annotation.boxes) for s in made)
        sets.append(join_cells([c for one in truth for c in see_people(engine, rois, *one)]))
    return sets


def join_cells(cells: Sequence[Cells]) -> Cells:
    """Return the cells of many people as one."""
    firsts = np.cumsum([0, *(len(one.presence) for one in cells)])
    return Cells(
        np.concatenate([one.logits for one in cells], axis=1),
        np.concatenate([one.truth for one in cells]),
        np.concatenate([one.weight for one in cells]),
        np.concatenate([one.whose + first for one, first in zip(cells, firsts, strict=False)]),
        np.concatenate([one.presence for one in cells]),
    )


def see_people(
    engine: Engine, rois: Rois, image: NDArray[np.uint8], parsings: NDArray[np.uint8], boxes: Floats
) -> list[Cells]:
    """Return the cells of each person of a photo whom the network finds.

    Where somebody else is, owners are settled by who stands out most: those cells are left out.

    Args:
        engine: the network, which looks at whole photos.
        rois: parses persons.
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
    logits, presence = rois(trunk, grown, faces, has_face)
    logits = logits[:, :, ::_EVERY, ::_EVERY]
    anyone = parsings.any(axis=0)
    cells = []
    for person, parsing in enumerate(parsings):
        which = int(overlap[person].argmax())
        if overlap[person, which] >= _LEAST_OVERLAP:
            known = np.where((parsing == 0) & anyone, 255, parsing).astype(np.uint8)
            box = grown[which] * to_photo
            cells.append(_take_cells(logits[which], presence[which], known, box))
    return [one for one in cells if len(one.truth)]


def _take_cells(logits: Floats, presence: Floats, parsing: NDArray[np.uint8], box: Floats) -> Cells:
    """Return the cells of a person's grid whose truth is known; beyond the photo its edge."""
    rows, columns = (
        np.clip(start + (np.arange(n) * _EVERY + 0.5) / (n * _EVERY) * (end - start), 0, side - 1)
        for n, start, end, side in zip(
            logits.shape[1:], box[1::-1], box[:1:-1], parsing.shape, strict=True
        )
    )
    truth = parsing[rows.astype(np.intp)][:, columns.astype(np.intp)]
    known = truth < len(logits)
    area, count = float(np.prod(box[2:] - box[:2])) / truth.size, int(known.sum())
    return Cells(
        logits[:, known],
        truth[known].astype(np.intp),
        np.full(count, area),
        np.zeros(count, np.intp),
        presence[None],
    )


@torch.no_grad()
def tune_labels(model: GPSNet, constants: Floats, factor: float) -> None:
    """Put constants, (C,), and the factor of the presence logits into a network's last layers.

    The presence head looks at the map and so sees the constants, too: what comes out differs a
    little from what was scored.

    Raises:
        InputError: the network has no fusion.
    """
    if not model.fuse:
        raise InputError("network must fuse local and global parsing, got one that does not.")
    bias = model.fusion[-1].bias
    assert isinstance(bias, torch.Tensor)
    bias += torch.from_numpy(constants)
    if model.presence is not None:
        for layer in (model.presence.labels, model.presence.seen):
            for values in layer.parameters():
                values *= factor


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
    sets = read_sets(model, options.data, options.photos, options.scenes)
    print(f"as it is: {100 * score_sets(sets, np.zeros(len(sets[0].logits)), 1):.2f}", flush=True)
    tried: dict[float, tuple[float, Floats]] = {}
    for factor in FACTORS if model.presence is not None else FACTORS[:1]:
        tried[factor] = find_constants(sets, factor)
        print(f"presence times {factor:g}: {100 * tried[factor][0]:.2f}", flush=True)
    factor = max(tried, key=lambda one: tried[one][0])
    constants = tried[factor][1]
    tune_labels(model, constants, factor)
    names = get_scheme(passport.scheme).names
    tuned: dict[str, Any] = {
        "presence_factor": factor,
        "constants": {names[i]: round(float(c), 2) for i, c in enumerate(constants) if c},
    }
    fields = {key: value for key, value in passport.fields.items() if key not in OWN}
    print(export_model(model, options.out, passport.name, fields | {"tuned": tuned}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
