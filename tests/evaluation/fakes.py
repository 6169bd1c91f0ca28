"""Truth and predictions in memory, with files that can be broken or changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from peopleparse.data.image_labels import ImageLabels
from peopleparse.errors import DataError
from peopleparse.labels import Label, Scheme
from tests.metrics.scenes import flatten, make_set

NUM_IDS = 6
SCHEME = Scheme(
    "small", tuple(Label(i, f"label {i}", "body", None, "", (i, i, i)) for i in range(NUM_IDS)),
    NUM_IDS,
)  # fmt: skip


@dataclass
class FakeSource:
    labels: dict[str, ImageLabels]
    name: str = "fake"
    format: str = "fake"
    scheme: Scheme = SCHEME
    broken: set[str] = field(default_factory=set)
    log: Path | None = None  # where reads are noted, from whatever process

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(sorted(self.labels))

    def read(self, image_id: str) -> ImageLabels:
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{image_id}\n")
        if image_id in self.broken:
            raise DataError(f"label PNG must be readable, got 'dust', at {image_id}.png. Again.")
        return self.labels[image_id]

    def files_of(self, image_id: str) -> dict[str, bytes]:
        if image_id in self.broken:
            return {f"{image_id}.png": b"dust"}
        labels = self.labels[image_id]
        maps = labels.persons if labels.persons is not None else labels.parsing
        data = b"".join(part.tobytes() for part in (maps if isinstance(maps, tuple) else [maps]))
        scores = b"" if labels.scores is None else labels.scores.tobytes()
        return {f"{image_id}.png": data, f"{image_id}.txt": scores}

    def but(self, *missing: str, **changes: object) -> FakeSource:
        left = {name: labels for name, labels in self.labels.items() if name not in missing}
        return replace(self, labels=left, **changes)


def make_sources(seed: int = 0, images: int = 6, pairs: bool = False) -> list[FakeSource]:
    """Return truth and predictions of random scenes."""
    truth, found = {}, {}
    for name, scene in make_set(seed, images).items():
        truth[name] = ImageLabels(scene.truth)
        persons = flatten(scene.preds) if pairs else scene.preds
        found[name] = ImageLabels(persons, scene.scores)
    return [FakeSource(truth, "truth"), FakeSource(found, "system")]


def label_map(*rows: str) -> np.ndarray:
    return np.array([[int(value, 16) for value in row] for row in rows], np.uint8)
