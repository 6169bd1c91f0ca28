"""The LIP paper's comparison on real single people: train, parse, score, plain and under stress."""

from __future__ import annotations

import hashlib
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.people import read_portraits
from peopleparse.experiments.lip_rows import PLAIN, SEEDS, STRESS, SUBSET, recipe_of
from peopleparse.experiments.packed_people import PackedPeople, pack_people
from peopleparse.experiments.person_batches import PersonBatches
from peopleparse.experiments.runs import Say, hash_recipe, make_missing, run_name
from peopleparse.experiments.stress import Views, plain_views, stress_views
from peopleparse.labels import get_scheme
from peopleparse.metrics import AnatomyFaults, ConfusionMatrix
from peopleparse.metrics.left_right import left_right_confusion
from peopleparse.training.loop import train
from peopleparse.training.parser_task import predict_labels

CHECKPOINT_EVERY = 100
_TOGETHER = 8  # views parsed at a time
Parse = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Bench:
    """What all runs share: the people, and the views that are scored.

    Args:
        data: folder with ccp/ and backbones/.
        out: folder of ledger, runs and packed people.
        workers: processes that prepare batches.
    """

    def __init__(self, data: Path, out: Path, workers: int = 1) -> None:
        self.data, self.out, self.workers = data, out, workers
        self.ledger = out / "ledger.jsonl"
        self._views: dict[str, Views] = {}
        self._truth_faults: dict[str, float | None] = {}

    def people(self, split: str) -> PackedPeople:
        """Return the people of a split, from their files where these are there."""
        return pack_people(
            lambda: read_portraits(self.data / "ccp", split), self.out / "people", split
        )

    def views(self) -> dict[str, Views]:
        """Return what is scored: plain, and each kind of stress."""
        if not self._views:
            people = self.people(SUBSET)
            self._views = {PLAIN: plain_views(people), **stress_views(people)}
        return self._views

    def run(self, row: str, subset: str, seed: int) -> dict[str, Any] | None:
        """Train and score one network, from its checkpoint where there is one.

        Returns:
            The entry for the ledger, or None where the run was stopped.
        """
        recipe = recipe_of(row, seed)
        started = time.monotonic()
        trainer = train(
            recipe,
            self.data,
            self.out / "runs" / run_name(subset, row, seed, recipe),
            validate_every=CHECKPOINT_EVERY,
            workers=self.workers,
            batches=PersonBatches(recipe, self.people("train")),  # type: ignore[arg-type]
        )
        if trainer.step < recipe.steps:
            return None
        trained = time.monotonic()
        model: Any = trainer.average
        scores = score_views(self.views(), lambda images: predict_labels(model, images))
        if not self._truth_faults:
            self._truth_faults = count_truth_faults(self.views())
        for name, faults in self._truth_faults.items():
            scores[name]["truth_faulty_per_hundred"] = faults
        return {
            "row": row,
            "subset": subset,
            "seed": seed,
            "recipe": hash_recipe(recipe),
            "structure": asdict(recipe.structure) if recipe.structure else None,
            "steps": recipe.steps,
            "train_seconds": round(trained - started, 1),
            "score_seconds": round(time.monotonic() - trained, 1),
            "processor": platform.machine(),
            "test_people": len(self.views()[PLAIN]),
            "test_sha256": hash_views(self.views()),
            "scores": scores,
        }


def run_missing(
    bench: Bench, rows: Sequence[str], seeds: Sequence[int] = SEEDS, say: Say = print
) -> bool:
    """Make every run that the ledger does not have yet, one seed after the other.

    Args:
        bench: what the runs share.
        rows, seeds: what to run.
        say: is told of each run that is done.

    Returns:
        Whether all are there; False where a run was stopped. Started again, it goes on from its
        checkpoint.
    """
    wanted = (
        (row, SUBSET, seed, hash_recipe(recipe_of(row, seed))) for seed, row in product(seeds, rows)
    )
    return make_missing(bench.ledger, wanted, lambda key: bench.run(*key[:3]), _describe, say)


def _describe(entry: dict[str, Any]) -> str:
    plain, stress = (entry["scores"][name] for name in (PLAIN, STRESS))
    return (
        f"mean IoU {100 * plain['mean_iou']:.2f}, under stress {100 * stress['mean_iou']:.2f}; "
        f"left for right {_percent(plain)} and {_percent(stress)}"
    )


def _percent(scores: Mapping[str, Any]) -> str:
    share = scores["left_right"]["all"]
    return "-" if share is None else f"{100 * share:.2f}"


def score_views(views: Mapping[str, Views], parse: Parse) -> dict[str, dict[str, Any]]:
    """Return the scores of each set of views, and of all that are not plain together as `STRESS`.

    Args:
        views: by name; one of them is `PLAIN`.
        parse: maps images (B, H, W, 3) to labels (B, H, W).
    """
    gps = get_scheme("gps")
    whole = ConfusionMatrix(gps.num_ids), AnatomyFaults(gps)
    scores = {}
    for name, some in views.items():
        found = ConfusionMatrix(gps.num_ids), AnatomyFaults(gps)
        for first in range(0, len(some), _TOGETHER):
            last = min(first + _TOGETHER, len(some))
            labels = parse(np.stack(some.images[first:last]))
            for index in range(first, last):
                found[0].update(some.parsings[index], labels[index - first], some.names[index])
                found[1].update(some.names[index], labels[index - first][None])
        scores[name] = _summary(*found)
        if name != PLAIN:
            whole[0].merge(found[0])
            whole[1].merge(found[1])
    return scores | {STRESS: _summary(*whole)}


def count_truth_faults(views: Mapping[str, Views]) -> dict[str, float | None]:
    """Return how many of a hundred truth persons the auditor finds a fault in: its false alarms."""
    whole = AnatomyFaults(get_scheme("gps"))
    shares = {}
    for name, some in views.items():
        found = AnatomyFaults(get_scheme("gps"))
        for view, parsing in zip(some.names, some.parsings, strict=True):
            found.update(view, parsing[None])
        shares[name] = _plain(found.compute().faulty_per_hundred)
        if name != PLAIN:
            whole.merge(found)
    return shares | {STRESS: _plain(whole.compute().faulty_per_hundred)}


def hash_views(views: Mapping[str, Views]) -> str:
    """Return the hash of names and truth of all views."""
    digest = hashlib.sha256()
    for some in views.values():
        for name, parsing in zip(some.names, some.parsings, strict=True):
            digest.update(name.encode() + np.ascontiguousarray(parsing).tobytes())
    return digest.hexdigest()


def _summary(matrix: ConfusionMatrix, faults: AnatomyFaults) -> dict[str, Any]:
    pixels, anatomy = matrix.compute(), faults.compute()
    return {
        "views": anatomy.images,
        "overall_accuracy": _plain(pixels.overall_accuracy),
        "mean_accuracy": _plain(pixels.mean_accuracy),
        "mean_iou": _plain(pixels.mean_iou),
        "iou": [_plain(value) for value in pixels.iou],
        "left_right": left_right_confusion(matrix.value(), faults.scheme),
        "judged": anatomy.persons - anatomy.unjudged,
        "faulty_per_hundred": _plain(anatomy.faulty_per_hundred),
        "faults_per_hundred": {k: _plain(v) for k, v in anatomy.per_hundred.items()},
    }


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
