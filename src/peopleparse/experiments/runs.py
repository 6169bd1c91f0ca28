"""What experiments share: a recipe's hash, and making the runs that a ledger does not have yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from peopleparse.experiments.ledger import Key, add_entry, read_ledger
from peopleparse.training.recipe import Recipe

Say = Callable[[str], None]
Entry = dict[str, Any]


def hash_recipe(recipe: Recipe) -> str:
    """Return the first 16 hex digits of the sha256 of a recipe."""
    text = json.dumps(recipe.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_name(subset: str, row: str, seed: int, recipe: Recipe) -> str:
    """Return the name of a run's folder: another recipe has another one."""
    return f"{subset}-{row}-{seed}-{hash_recipe(recipe)}"


def make_missing(
    ledger: Path,
    wanted: Iterable[Key],
    run: Callable[[Key], Entry | None],
    describe: Callable[[Entry], str],
    say: Say = print,
) -> bool:
    """Make every run that a ledger does not have yet.

    Args:
        ledger: is read before and written after each run.
        wanted: what to run, in this order.
        run: trains and scores; returns the entry, None where it was stopped.
        describe: returns the score of an entry in a few words.
        say: is told of each run that is done.

    Returns:
        Whether all are there; False where a run was stopped. Started again, it goes on from its
        checkpoint.
    """
    for key in wanted:
        row, subset, seed, _ = key
        if key in read_ledger(ledger):
            continue
        entry = run(key)
        if entry is None:
            say(f"stopped: {subset} {row} seed {seed}")
            return False
        add_entry(ledger, entry)
        say(f"{subset} {row} seed {seed}: {describe(entry)}")
    return True
