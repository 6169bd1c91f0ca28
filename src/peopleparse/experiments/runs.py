"""What experiments share: a recipe's hash, and making the runs that a ledger does not have yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peopleparse.experiments.ledger import Key, add_entry, read_ledger
from peopleparse.training.recipe import Recipe

Say = Callable[[str], None]
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Ledger:
    """What a ledger holds of a protocol.

    Attributes:
        entries: one a run of the present recipes.
        others: number of entries of other recipes, which no table counts.
    """

    entries: Sequence[Entry]
    others: int = 0


def hash_recipe(recipe: Recipe) -> str:
    """Return the first 16 hex digits of the sha256 of a recipe."""
    text = json.dumps(recipe.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_name(subset: str, row: str, seed: int, recipe: Recipe) -> str:
    """Return the name of a run's folder: another recipe has another one."""
    return f"{subset}-{row}-{seed}-{hash_recipe(recipe)}"


def read_current(
    path: Path, rows: Collection[str], recipe_of: Callable[[str, int], Recipe]
) -> Ledger:
    """Read the runs of the present recipes from a ledger; none where there is no file.

    Args:
        path: of the ledger.
        rows: names of the rows of the protocol.
        recipe_of: returns the recipe of a row and a seed.

    Raises:
        DataError: a line is no entry.
    """
    found = read_ledger(path)
    current = [
        entry
        for (row, _, seed, recipe), entry in found.items()
        if row in rows and recipe == hash_recipe(recipe_of(row, seed))
    ]
    return Ledger(current, len(found) - len(current))


def make_missing(
    ledger: Path,
    wanted: Iterable[Key],
    run: Callable[[Key], dict[str, Any] | None],
    describe: Callable[[dict[str, Any]], str],
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
