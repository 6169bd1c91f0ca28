"""Scores of one network on the validation people: single photos and composed scenes.

Needs no torch: it scores whatever engine it is given through the pipeline that users run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.people import Portrait, read_backgrounds, read_portraits
from peopleparse.data.scenes import PRESETS, Scene, SceneMaker
from peopleparse.inference.engine import Engine
from peopleparse.inference.pipeline import Options, parse_image
from peopleparse.labels import get_scheme
from peopleparse.metrics import (
    AnatomyFaults,
    ConfusionMatrix,
    FaceRecall,
    LambdaAP,
    PersonAP,
    make_tally,
)
from peopleparse.metrics.checks import plain
from peopleparse.metrics.left_right import left_right_confusion
from peopleparse.metrics.reliability import Reliability, measure_reliability
from peopleparse.structures import Annotation, ParsedPeople

SCENE_SEED = 2026
SCENE_SIZE = (640, 480)
Track = Callable[[Iterable[Any]], Iterable[Any]]
Parse = Callable[[NDArray[np.uint8]], ParsedPeople]


@dataclass(frozen=True)
class ValidationSet:
    """What a network is scored on.

    Attributes:
        portraits: single photos.
        maker: composes scenes from the same people.
        scenes: how many of each preset.
        seed: scene i of a preset is `maker.make((seed, i), preset)`.
    """

    portraits: list[Portrait]
    maker: SceneMaker
    scenes: int
    seed: int = SCENE_SEED

    @classmethod
    def read(cls, data: Path, photos: int | None, scenes: int, split: str = "val") -> ValidationSet:
        """Read the people of a split; the first `photos` are scored as single photos."""
        everyone = read_portraits(data / "ccp", split)
        maker = SceneMaker(everyone, read_backgrounds(data / "backgrounds", split))
        return cls(everyone[:photos], maker, scenes)

    def make_scene(self, preset: str, index: int) -> Scene:
        """Compose one scene."""
        return self.maker.make((self.seed, index), PRESETS[preset], *SCENE_SIZE)


@dataclass
class SceneScores:
    """Everything that is measured on scenes of one preset; shards merge."""

    labels: ConfusionMatrix = field(default_factory=lambda: ConfusionMatrix(20))
    parts: LambdaAP = field(default_factory=lambda: LambdaAP(20))
    masks: PersonAP = field(default_factory=lambda: PersonAP("mask"))
    boxes: PersonAP = field(default_factory=lambda: PersonAP("box"))
    faces: FaceRecall = field(default_factory=FaceRecall)
    anatomy: AnatomyFaults = field(default_factory=lambda: AnatomyFaults(get_scheme("gps")))
    hashes: dict[str, str] = field(default_factory=dict)

    def update(self, image_id: str, scene: Scene, result: ParsedPeople) -> None:
        """Add one scene."""
        truth = scene.annotation
        self.hashes[image_id] = _hash_of(scene.image, truth.parsings)
        scores = [person.score for person in result.people]
        prediction = (_as_scheme(result.parsing, truth), result.instances)
        tally = make_tally(image_id, truth.parsings, prediction, scores, num_ids=20)
        for metric in (self.labels, self.parts, self.masks, self.boxes):
            metric.add(tally)
        self.faces.update(image_id, truth.face_boxes, [p.face_box for p in result.people], scores)
        self.anatomy.update(image_id, (result.parsing, result.instances))

    def merge(self, other: SceneScores) -> None:
        """Add the scenes of another shard."""
        for name in ("labels", "parts", "masks", "boxes", "faces", "anatomy"):
            getattr(self, name).merge(getattr(other, name))
        self.hashes.update(other.hashes)

    def person_hits(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return each found person's score, and whether the mask has IoU .5 with a true one."""
        ranked = self.masks.ranked()["person"]
        return ranked.scores, ranked.hits[0]

    def reliability(self) -> Reliability:
        """Compare the scores of persons with how many are right; see `person_hits`."""
        return measure_reliability(*self.person_hits())

    def to_dict(self) -> dict[str, Any]:
        """Return headline numbers and, below them, everything; None where nothing was scored."""
        parts, masks = self.parts.compute(), self.masks.compute()
        labels = self.labels.compute()
        return plain(
            {
                "scenes": len(self.hashes),
                "sha256": _hash_all(self.hashes),
                "average_ap": {name: r.average for name, r in parts.readings.items()},
                "mask_recall_50": masks.recall_at(0.5),
                "mask_ap": masks.average,
                "mask_ap_50": masks.ap_at(0.5),
                "box_ap": self.boxes.compute().average,
                "box_ap_50": self.boxes.compute().ap_at(0.5),
                "face_recall_50": self.faces.compute().recall_at(0.5),
                "part_mean_iou": labels.mean_iou,
                "part_iou": _by_name(labels.iou),
                **_body_scores(self.labels, self.anatomy),
                "parts": parts.to_dict(),
                "masks": masks.to_dict(),
                "reliability": self.reliability().to_dict(),
            }
        )


@dataclass
class PhotoScores:
    """Everything that is measured on single photos; shards merge."""

    whole: ConfusionMatrix = field(default_factory=lambda: ConfusionMatrix(20))
    main: ConfusionMatrix = field(default_factory=lambda: ConfusionMatrix(20))
    anatomy: AnatomyFaults = field(default_factory=lambda: AnatomyFaults(get_scheme("gps")))
    people: int = 0
    hashes: dict[str, str] = field(default_factory=dict)

    def update(self, portrait: Portrait, result: ParsedPeople) -> None:
        """Add one photo."""
        self.people += len(result)
        self.hashes[portrait.photo_id] = _hash_of(portrait.image, portrait.parsing)
        self.whole.update(portrait.parsing, result.parsing)
        shared = np.bincount(result.instances[portrait.parsing > 0], minlength=len(result) + 1)
        best = int(shared[1:].argmax()) + 1 if shared[1:].any() else 0  # 0: nobody
        shown = np.where(result.instances == best, result.parsing, 0).astype(np.uint8)
        self.main.update(portrait.parsing, shown)
        self.anatomy.update(portrait.photo_id, shown[None])

    def merge(self, other: PhotoScores) -> None:
        """Add the photos of another shard."""
        self.whole.merge(other.whole)
        self.main.merge(other.main)
        self.anatomy.merge(other.anatomy)
        self.people += other.people
        self.hashes.update(other.hashes)

    def to_dict(self) -> dict[str, Any]:
        """Return headline numbers and IoU by label; None where nothing was scored."""
        scores, main = self.whole.compute(), self.main.compute()
        return plain(
            {
                "photos": len(self.hashes),
                "sha256": _hash_all(self.hashes),
                "part_mean_iou": scores.mean_iou,
                "part_mean_iou_main": main.mean_iou,
                "overall_accuracy": scores.overall_accuracy,
                "mean_accuracy": scores.mean_accuracy,
                "part_iou": _by_name(scores.iou),
                "part_iou_main": _by_name(main.iou),
                **_body_scores(self.main, self.anatomy),
                "persons_found": self.people,
            }
        )


@dataclass
class Scores:
    """All scores of one network, or of one process's share of the set."""

    seed: int
    photos: PhotoScores
    presets: dict[str, SceneScores]

    def merge(self, other: Scores) -> None:
        """Add another share."""
        self.photos.merge(other.photos)
        for name, scores in self.presets.items():
            scores.merge(other.presets[name])

    def to_dict(self) -> dict[str, Any]:
        """Return "photos" and one entry a preset, each with the hash of its pixels and truth."""
        presets = {name: scores.to_dict() for name, scores in self.presets.items()}
        return {"seed": self.seed, "photos": self.photos.to_dict(), **presets}


def validate(
    engine: Engine,
    found: ValidationSet,
    options: Options | None = None,
    track: Track = iter,
    share: slice = slice(None),
) -> Scores:
    """Score a network.

    On photos `part_mean_iou` counts every person the network shows, `part_mean_iou_main` only the
    one that covers most of the annotated person, because bystanders are not annotated.

    Args:
        engine: the network.
        found: what to score it on.
        options: of the pipeline; `scales` and `flip` score several views of each photo.
        track: wraps the photos and scenes, for a progress bar.
        share: which photos and scenes; the shares of several processes merge to the whole.
    """
    return validate_parse(lambda image: parse_image(engine, image, options), found, track, share)


def validate_parse(
    parse: Parse, found: ValidationSet, track: Track = iter, share: slice = slice(None)
) -> Scores:
    """Score whatever turns a photo, (H, W, 3) uint8 RGB, into people; see `validate`."""
    photos = PhotoScores()
    for portrait in track(found.portraits[share]):
        photos.update(portrait, parse(portrait.image))
    presets = {name: SceneScores() for name in ("outdoor", "indoor")}
    for name, scores in presets.items():
        for index in track(range(found.scenes)[share]):
            scene = found.make_scene(name, index)
            scores.update(f"{index:05d}", scene, parse(scene.image))
    return Scores(found.seed, photos, presets)


def flat_scores(scores: dict[str, Any]) -> dict[str, float]:
    """Return the headline numbers of `Scores.to_dict` for a curve, without those of empty sets."""
    flat = {"val/photo_iou": scores["photos"]["part_mean_iou"]}
    flat["val/photo_iou_main"] = scores["photos"]["part_mean_iou_main"]
    for preset in PRESETS:
        if preset in scores:
            for reading, value in scores[preset]["average_ap"].items():
                flat[f"val/{preset}_{reading}"] = value
            for name in ("mask_recall_50", "mask_ap", "face_recall_50", "part_mean_iou"):
                flat[f"val/{preset}_{name}"] = scores[preset][name]
    return {name: value for name, value in flat.items() if value is not None}


def _hash_of(*arrays: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def _hash_all(hashes: dict[str, str]) -> str:
    return hashlib.sha256("".join(hashes[i] for i in sorted(hashes)).encode()).hexdigest()


def _as_scheme(parsing: NDArray[np.uint8], truth: Annotation) -> NDArray[np.uint8]:
    """Where the truth's scheme has no tie, a tie is part of the upper clothes it lies on."""
    gps = get_scheme("gps")
    if "tie" in truth.scheme.names:
        return parsing
    upper = gps.id_of("upper clothes")
    return np.where(parsing == gps.id_of("tie"), upper, parsing).astype(np.uint8)


def _body_scores(labels: ConfusionMatrix, anatomy: AnatomyFaults) -> dict[str, Any]:
    """Return how often left is taken for right, and how many bodies cannot be."""
    sides = left_right_confusion(labels.value(), get_scheme("gps"))
    return {"left_for_right": sides["all"], "anatomy": anatomy.compute().to_dict()}


def _by_name(values: Sequence[float]) -> dict[str, float]:
    return dict(zip(get_scheme("gps").names, values, strict=True))
