"""Entries of a ledger, made by hand."""

from __future__ import annotations

from peopleparse.experiments import lip_rows
from peopleparse.experiments.gps_rows import recipe_of
from peopleparse.experiments.runs import hash_recipe


def entry(row, seed, literal, strict=None, subset="indoor"):
    """Return an entry whose AP at .1, .2 and so on are 1, 2 and so on hundredths below average."""
    scores = {
        name: {"ap": [value - 0.01 * n for n in range(1, 10)], "average": value}
        for name, value in (("literal", literal), ("strict", literal if strict is None else strict))
    }
    people = {"truth_persons": 40, "predictions": 50, "mask_ap": 0.5, "mask_recall_50": 0.75}
    return {
        "row": row,
        "subset": subset,
        "seed": seed,
        "recipe": hash_recipe(recipe_of(row, seed)),
        "scores": scores | people,
        "test_images": 250,
        "test_sha256": "ab" * 32,
        "train_seconds": 600.0,
        "score_seconds": 120.0,
        "processor": "x86_64",
    }


def lip_scores(iou, swapped=0.5, faulty=10.0, views=4):
    """Return the scores of one set: mean IoU, and all else in a fixed distance from it."""
    return {
        "views": views,
        "overall_accuracy": iou + 0.25,
        "mean_accuracy": iou + 0.125,
        "mean_iou": iou,
        "iou": [iou, *([None] * 18), iou / 2],
        "left_right": {"all": swapped, "shoe": swapped / 2, "leg": None, "arm": 0.0},
        "judged": views,
        "faulty_per_hundred": faulty,
        "faults_per_hundred": {"floating_limb": faulty},
        "truth_faulty_per_hundred": 1.5,
    }


def lip_entry(row, seed, iou, swapped=0.5, faulty=10.0, stress=None):
    """Return an entry of the LIP experiment; under stress the same unless `stress` is given."""
    hard = lip_scores(iou if stress is None else stress, swapped, faulty, 9)
    empty = lip_scores(0.0, views=0) | {"mean_iou": None, "faulty_per_hundred": None}
    empty |= {"left_right": {"all": None, "shoe": None, "leg": None, "arm": None}}
    return {
        "row": row,
        "subset": "val",
        "seed": seed,
        "recipe": hash_recipe(lip_rows.recipe_of(row, seed)),
        "scores": {
            "plain": lip_scores(iou, swapped, faulty),
            "mirrored": hard,
            "back view": empty,
            "stress": hard,
        },
        "test_people": 109,
        "test_sha256": "cd" * 32,
        "train_seconds": 90.0,
        "score_seconds": 30.0,
        "processor": "x86_64",
    }
