"""Fine-tune a network on a GPS folder of about twenty photos, in minutes on a processor.

    peopleparse train --finetune base --data MY_GPS_FOLDER --out MY_MODEL

Every layer learns, at a low rate and for few steps. What comes out lies between the weights at the
start and their mean over the last steps: most of the gain, and less forgotten. What scores lower on
the held-out photos than the start is not kept.

Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (weights between start and end).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from peopleparse.data.files import write_file
from peopleparse.data.gps import GpsDataset
from peopleparse.data.scenes import Scene
from peopleparse.errors import InputError
from peopleparse.inference.passport import SHORT_NAMES, Passport, find_passport, read_passport
from peopleparse.models.gpsnet import GPSNet
from peopleparse.training.export import export_model
from peopleparse.training.folder_batches import FolderBatches, read_photos
from peopleparse.training.folder_plan import FolderPlan, plan_folder
from peopleparse.training.from_export import load_exported
from peopleparse.training.loop import CHECKPOINT, train
from peopleparse.training.recipe import Phase, Recipe, change_recipe
from peopleparse.training.tasks import task_of
from peopleparse.training.validate import SceneScores

STEPS = 150
MOVE = 0.6  # share of the way from the start to the end at which the weights are taken
RUN = "run"  # folder below `out`: checkpoint, ledger, and what is being fine-tuned
_CHECKPOINT_EVERY = 25


@dataclass(frozen=True)
class FinetuneReport:
    """What fine-tuning did.

    Attributes:
        data, sha256: name of the folder, and the hash of its pixels and label maps.
        photos, held_out, left_out: how many were learnt from, scored on, and not used.
        people: persons in the photos learnt from and scored on.
        unseen: names of the labels that the folder never shows.
        start: name of the network that was fine-tuned.
        steps, seconds: of training; seconds also of scoring and export, since the last start.
        before, after: scores on the held-out photos, see `score_folder`.
        kept: "end", or "start" where there was no gain.
        passport: path of the exported network's.
    """

    data: str
    sha256: str
    photos: int
    held_out: int
    left_out: int
    people: int
    unseen: tuple[str, ...]
    start: str
    steps: int
    seconds: float
    before: dict[str, Any]
    after: dict[str, Any]
    kept: str
    passport: Path

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the place of anything."""
        values = asdict(self) | {"unseen": list(self.unseen)}
        return {name: value for name, value in values.items() if name != "passport"}

    def __str__(self) -> str:
        """Say what was learnt from, the scores before and after, and where the network is."""
        rows = [
            f"{name:24}{_percent(before)} -> {_percent(after)}"
            for name, before, after in (
                ("part mean IoU", self.before["part_mean_iou"], self.after["part_mean_iou"]),
                *(
                    (f"average AP, {n}", v, self.after["average_ap"][n])
                    for n, v in self.before["average_ap"].items()
                ),
                (
                    "persons found at IoU .5",
                    *(s["mask_recall_50"] for s in (self.before, self.after)),
                ),
            )
        ]
        better = f"Kept the fine-tuned network ({self.steps} steps)."
        same = "No gain: kept the network as it was at the start. Try more photos or more steps."
        return "\n".join(
            [
                f"Learnt from {self.photos} photos, scored on {self.held_out} others:",
                *rows,
                better if self.kept == "end" else same,
                f"peopleparse parse PHOTO --model {self.passport.parent}",
            ]
        )


def finetune(
    folder: str | Path,
    out: str | Path,
    start: str | Path = "base",
    steps: int = STEPS,
    val_share: float = 0.2,
    settings: tuple[str, ...] = (),
    workers: int = 1,
    report: Callable[[int, dict[str, float]], None] = lambda step, values: None,
) -> FinetuneReport:
    """Fine-tune a network on a GPS folder and export it; stopped, it goes on when called again.

    Args:
        folder: the photos, in the form of docs/data_format.md.
        out: folder of the exported network, and of the checkpoint in `run/` below it.
        start: "base" for the shipped network, name of another, or path of an export.
        steps: training steps.
        val_share: share of the photos to score on; see `plan_folder`.
        settings: `key=value` changes of the recipe.
        workers: processes that prepare batches.
        report: called after each step with the parts of its loss.

    Raises:
        DataError: see `plan_folder`.
        InputError: see `plan_folder`; or steps, `out` or a setting cannot be used, or `out` holds
            another fine-tuning.
        ModelError: the network to start from is missing, broken, in int8 or of another version.
        KeyboardInterrupt: it was asked to stop; the text says how to go on.
    """
    began, folder, out = time.monotonic(), Path(folder), Path(out)
    if steps < 1:
        raise InputError(f"steps must be 1 or more, got {steps}. Leave it out for {STEPS}.")
    passport = read_passport(find_passport(start))
    model = load_exported(passport)
    init = SHORT_NAMES.get(str(start), str(start))
    recipe = change_recipe(make_recipe(passport, init, steps), settings)
    plan = plan_folder(folder, val_share)
    run = out / RUN
    _check_run(run, plan, passport, recipe)
    before = score_folder(model, plan.folder, plan.val)
    batches = FolderBatches(recipe, read_photos(folder, plan.train))
    trainer = train(recipe, folder, run, None, _CHECKPOINT_EVERY, workers, report, batches)
    if trainer.step < recipe.steps:
        raise KeyboardInterrupt(
            f"Stopped after step {trainer.step} of {recipe.steps}. Checkpoint: {run / CHECKPOINT}. "
            "Start the same command again to go on."
        )
    tuned = move_weights(load_exported(passport), trainer.average, MOVE)
    after = score_folder(tuned, plan.folder, plan.val)
    kept = "end" if _value(after) > _value(before) else "start"
    scores = {"photos": len(plan.val), "before": before, "after": after, "kept": kept}
    fields = _passport_fields(plan, passport, recipe) | {"scores": scores}
    written = export_model(tuned if kept == "end" else model, out, out.resolve().name, fields)
    return FinetuneReport(
        plan.folder.resolve().name,
        plan.sha256,
        len(plan.train),
        len(plan.val),
        len(plan.left_out),
        plan.people,
        tuple(plan.unseen()),
        passport.name,
        recipe.steps,
        round(time.monotonic() - began, 1),
        before,
        after,
        kept,
        written,
    )


def make_recipe(passport: Passport, init: str, steps: int) -> Recipe:
    """Return how to fine-tune a network: low rate, few steps, the size at which users parse."""
    made: dict[str, Any] = dict(passport.fields["recipe"])
    return Recipe(
        model=made["model"],
        adjust=made["adjust"],
        fuse=made["fuse"],
        presence=made.get("presence", False),
        backbone="",
        init=init,
        steps=steps,
        batch=4,
        warmup=10,
        phases=(Phase(1.0, (384, 512), (512, 384)),),
        lr=3e-4,
        weight_decay=0.0,
        average=0.97,
        rois=12,
    )


@torch.no_grad()
def move_weights(start: GPSNet, end: nn.Module, share: float) -> GPSNet:
    """Move the weights of a network a share of the way to those of another, in place; return it."""
    for own, other in zip(start.parameters(), end.parameters(), strict=True):
        own.lerp_(other.to(own.device), share)
    return start


def score_folder(model: nn.Module, folder: Path, ids: tuple[str, ...]) -> dict[str, Any]:
    """Score a model on photos of a GPS folder, through the pipeline that users run.

    Returns:
        part_mean_iou, average_ap (of each reading), mask_recall_50 and part_iou by name; None
        where nothing could be scored.
    """
    dataset, scores, parse = GpsDataset(folder), SceneScores(), task_of(model).parse
    for number, image_id in enumerate(dataset.ids):
        if image_id in ids:
            image, annotation = dataset[number]
            scores.update(image_id, Scene(image, annotation, (), (), ()), parse(model, image))
    found = scores.to_dict()
    names = ("part_mean_iou", "average_ap", "mask_recall_50", "part_iou")
    return {name: found[name] for name in names}


def _value(scores: dict[str, Any]) -> float:
    """Return the one number by which networks are compared: parts found, and whose they are."""
    return ((scores["part_mean_iou"] or 0.0) + (scores["average_ap"]["strict"] or 0.0)) / 2


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f}"


def _check_run(run: Path, plan: FolderPlan, passport: Passport, recipe: Recipe) -> None:
    """Check that a run folder is new or of the same fine-tuning, and note what that is."""
    facts = {
        "data": plan.sha256,
        "photos to score on": list(plan.val),
        "start": sorted(passport.sha256.values()),
        "recipe": recipe.to_dict(),
    }
    facts = json.loads(json.dumps(facts))
    path = run / "finetune.json"
    try:
        if not path.is_file():
            write_file(path, (json.dumps(facts, indent=2) + "\n").encode())
            return
        found = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in facts if found.get(name) != facts[name]]
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(
            f"out must be a folder to write to, new or of the same fine-tuning, got "
            f"{type(error).__name__}, at {path}. Give another."
        ) from error
    if changed:
        raise InputError(
            f"out must be new or of the same fine-tuning, got one with other {changed[0]}, at "
            f"{run.parent}. Give another folder, or the same words as before to go on."
        )


def _passport_fields(plan: FolderPlan, start: Passport, recipe: Recipe) -> dict[str, Any]:
    data = {
        "name": plan.folder.resolve().name,
        "sha256": plan.sha256,
        "used": f"{len(plan.train)} photos to fine-tune on, {len(plan.val)} to choose by",
    }
    before = {"name": start.name, "licence": start.fields.get("licence", "not said")}
    return {
        "data": [*start.fields.get("data", []), data],
        "start": before | {"sha256": dict(start.sha256), "moved": MOVE},
        "recipe": recipe.to_dict(),
        "step": recipe.steps,
    }
