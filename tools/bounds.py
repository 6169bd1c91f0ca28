"""What a network would score if it knew part of the answer: what limits it, by experiment.

Told: it knows which labels each person shows, as a perfect guess at the garments would. Boxed: it
knows where the people are. Neither changes a weight.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.photo_peopleparse import plant_people
from peopleparse.data.people import Portrait, read_portraits
from peopleparse.data.pseudo_labels import label_shares, tag_logits, worn_labels
from peopleparse.data.scenes import PRESETS, Scene
from peopleparse.inference.engine import Engine, Floats, Trunk
from peopleparse.inference.pipeline import Options, fit_image, long_side_of, parse_image
from peopleparse.labels import get_scheme
from peopleparse.metrics import box_iou
from peopleparse.training.tagged_engine import TaggedEngine
from peopleparse.training.validate import (
    PhotoScores,
    SceneScores,
    Scores,
    ValidationSet,
    flat_scores,
)

BOUNDS = ("told", "boxed")
_LEAST_OVERLAP = 0.3  # of a box with a true one, from which on the network is told


class KnowingEngine(TaggedEngine):
    """An engine that knows something of the people of one scene.

    Args:
        engine: the network.
        boxes: (N, 4) true boxes in pixels of what the network sees.
        added: (N, C) added to the logits of whoever has that box, or None.
        boxed: people are looked for in the true boxes.
    """

    def __init__(self, engine: Engine, boxes: Floats, added: Floats | None, boxed: bool) -> None:
        super().__init__(engine, np.zeros(1, np.float32))
        self.boxes, self.each, self.boxed = boxes, added, boxed

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """Look at a whole photo."""
        trunk = self.engine.trunk(image)
        return plant_people(trunk, self.boxes) if self.boxed and len(self.boxes) else trunk

    def rois(
        self, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> Floats:
        """Parse the people in some boxes."""
        logits = self.engine.rois(trunk, boxes, faces, has_face)
        if self.each is None or not len(self.boxes):
            return logits
        overlap = box_iou(self.boxes, boxes)
        added = np.where(
            overlap.max(axis=0)[:, None] > _LEAST_OVERLAP, self.each[overlap.argmax(axis=0)], 0
        )
        return np.asarray(logits + added[:, :, None, None], np.float32)


def score_bound(
    engine: Engine, data: Path, bound: str, photos: int | None, scenes: int
) -> dict[str, float]:
    """Return the scores of a network that knows part of the answer, by name as in a run's ledger.

    Args:
        engine: the network.
        data: folder with ccp/ and backgrounds/.
        bound: one of `BOUNDS`.
        photos: number of photos, None for all; only `told` is scored on photos.
        scenes: number of scenes of each preset.
    """
    found = ValidationSet.read(data, photos, scenes)
    shares = label_shares(read_portraits(data / "ccp", "train"))
    whole = PhotoScores()
    for portrait in found.portraits if bound == "told" else ():
        whole.update(portrait, parse_image(_told_photo(engine, portrait, shares), portrait.image))
    presets = {name: SceneScores() for name in PRESETS}
    for name, scores in presets.items():
        for index in range(scenes):
            scene = found.make_scene(name, index)
            knowing = know_scene(engine, scene, shares if bound == "told" else None)
            scores.update(f"{index:05d}", scene, parse_image(knowing, scene.image))
    return flat_scores(Scores(found.seed, whole, presets).to_dict())


def know_scene(engine: Engine, scene: Scene, shares: NDArray[np.float64] | None) -> KnowingEngine:
    """Return an engine that knows the labels of a scene's people, or, without shares, the boxes."""
    size = fit_image(scene.image, long_side_of(engine.long_sides, Options()), engine.stride)[1]
    visible = [n for n, mask in enumerate(scene.annotation.masks) if mask.any()]
    boxes = scene.annotation.boxes[visible] * np.float32(size[1] / scene.image.shape[1])
    if shares is None:
        return KnowingEngine(engine, boxes, None, boxed=True)
    maps = scene.annotation.parsings[visible]
    added = [tag_logits(_shown(np.unique(parsing)), shares) for parsing in maps]
    return KnowingEngine(engine, boxes, np.stack(added) if added else None, boxed=False)


def _shown(labels: NDArray[np.uint8]) -> set[int]:
    return worn_labels([]) | {int(i) for i in labels if i < get_scheme("gps").num_ids}


def _told_photo(engine: Engine, portrait: Portrait, shares: NDArray[np.float64]) -> TaggedEngine:
    return TaggedEngine(engine, tag_logits(worn_labels([]) | portrait.present(), shares))
