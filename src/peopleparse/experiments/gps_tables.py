"""Tables 2 and 3 of the GPS paper on the stand-in sets: train, parse, score."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from peopleparse.data.gps_like import StandIn, hash_truth, list_scenes
from peopleparse.data.scenes import Scene
from peopleparse.experiments.gps_report import READINGS
from peopleparse.experiments.gps_rows import OPTIONS, SEEDS, SUBSETS, recipe_of
from peopleparse.experiments.packed_scenes import PackedScenes, pack_scenes
from peopleparse.experiments.runs import Say, hash_recipe, make_missing, run_name
from peopleparse.experiments.scene_batches import SceneBatches
from peopleparse.labels import get_scheme
from peopleparse.metrics import LambdaAP, PersonAP, make_tally
from peopleparse.structures import ParsedPeople
from peopleparse.training.loop import train

SCENE_SIZE = (240, 320)  # at which training scenes are kept
TRAIN_SHARE = 1.0
TEST_SHARE = 0.5  # of the test scenes: scoring them all would take as long as training
CHECKPOINT_EVERY = 100


class Bench:
    """What all runs share: the data, and the scenes once they are composed.

    Args:
        data: folder with ccp/.
        out: folder of ledger, runs and packed scenes.
        workers: processes that prepare batches.
    """

    def __init__(self, data: Path, out: Path, workers: int = 1) -> None:
        self.data, self.out, self.workers = data, out, workers
        self.ledger = out / "ledger.jsonl"
        self._makers: dict[tuple[str, ...], StandIn] = {}
        self._tests: dict[str, list[Scene]] = {}

    def training_scenes(self, subset: str) -> PackedScenes:
        """Return the training scenes of a subset, from their files where these are there."""
        return pack_scenes(
            lambda: self._maker("train", "val"),
            self.out / "scenes",
            subset,
            "train",
            SCENE_SIZE,
            TRAIN_SHARE,
        )

    def test_scenes(self, subset: str) -> list[Scene]:
        """Return the test scenes of a subset, at full size."""
        if subset not in self._tests:
            maker = self._maker("test")
            names = list_scenes(subset, "test", TEST_SHARE)
            self._tests[subset] = [maker.make(name) for name in names]
        return self._tests[subset]

    def run(self, row: str, subset: str, seed: int) -> dict[str, Any] | None:
        """Train and score one method, from its checkpoint where there is one.

        Returns:
            The entry for the ledger, or None where the run was stopped.
        """
        recipe = recipe_of(row, seed)
        folder = self.out / "runs" / run_name(subset, row, seed, recipe)
        started = time.monotonic()
        batches = SceneBatches(recipe, self.training_scenes(subset))
        trainer = train(
            recipe,
            self.data,
            folder,
            validate_every=CHECKPOINT_EVERY,
            workers=self.workers,
            batches=batches,
        )
        if trainer.step < recipe.steps:
            return None
        trained = time.monotonic()
        scenes = self.test_scenes(subset)
        scores = score(scenes, lambda image: trainer.task.parse(trainer.average, image, OPTIONS))
        return {
            "row": row,
            "subset": subset,
            "seed": seed,
            "recipe": hash_recipe(recipe),
            "steps": recipe.steps,
            "train_seconds": round(trained - started, 1),
            "score_seconds": round(time.monotonic() - trained, 1),
            "processor": platform.machine(),
            "test_images": len(scenes),
            "test_sha256": hash_truth(scenes),
            "scores": scores,
        }

    def _maker(self, *splits: str) -> StandIn:
        if splits not in self._makers:
            self._makers[splits] = StandIn(self.data / "ccp", splits)
        return self._makers[splits]


def run_missing(
    bench: Bench,
    rows: Sequence[str],
    subsets: Sequence[str] = SUBSETS,
    seeds: Sequence[int] = SEEDS,
    say: Say = print,
) -> bool:
    """Make every run that the ledger does not have yet, one seed after the other.

    Args:
        bench: what the runs share.
        rows, subsets, seeds: what to run.
        say: is told of each run that is done.

    Returns:
        Whether all are there; False where a run was stopped. Started again, it goes on from its
        checkpoint.
    """
    wanted = (
        (row, subset, seed, hash_recipe(recipe_of(row, seed)))
        for seed, subset, row in product(seeds, subsets, rows)
    )
    return make_missing(bench.ledger, wanted, lambda key: bench.run(*key[:3]), _describe, say)


def _describe(entry: dict[str, Any]) -> str:
    return f"average AP literal {100 * entry['scores']['literal']['average']:.2f}"


def score(scenes: Iterable[Scene], parse: Callable[[Any], ParsedPeople]) -> dict[str, Any]:
    """Return AP in both readings, person mask AP and recall of what `parse` makes of scenes."""
    gps = get_scheme("gps")
    parts, masks = LambdaAP(gps.num_ids, readings=READINGS), PersonAP("mask")
    for number, scene in enumerate(scenes):
        result = parse(scene.image)
        parsing = result.parsing
        if "tie" not in scene.annotation.scheme.names:
            tie = parsing == gps.id_of("tie")
            parsing = np.where(tie, gps.id_of("upper clothes"), parsing).astype(np.uint8)
        tally = make_tally(
            f"{number:05d}",
            scene.annotation.parsings,
            (parsing, result.instances),
            [person.score for person in result.people],
            num_ids=gps.num_ids,
        )
        parts.add(tally)
        masks.add(tally)
    found, people = parts.compute(), masks.compute()
    readings = {
        name: {"ap": list(reading.ap), "average": reading.average}
        for name, reading in found.readings.items()
    }
    return readings | {
        "truth_persons": found.truth_persons,
        "predictions": found.predictions,
        "mask_ap": people.average,
        "mask_recall_50": people.recall_at(0.5),
    }
