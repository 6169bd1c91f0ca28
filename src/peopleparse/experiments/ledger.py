"""One JSON line a finished run: what was trained, how long it took, what it scored."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from peopleparse.data.files import write_file
from peopleparse.errors import DataError

Key = tuple[str, str, int, str]  # row, subset, seed, hash of the recipe


def read_ledger(path: Path) -> dict[Key, dict[str, Any]]:
    """Return the entries of a ledger by what was run; none where there is no file yet.

    Raises:
        DataError: a line is no entry.
    """
    if not path.is_file():
        return {}
    entries = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            entries[key_of(entry)] = entry
        except (ValueError, LookupError, TypeError) as error:
            raise DataError(
                f"ledger line must be a JSON object with row, subset, seed and recipe, got "
                f"{type(error).__name__} {error}, at {path}:{number}. Remove the line: its run "
                "will be made again."
            ) from error
    return entries


def key_of(entry: dict[str, Any]) -> Key:
    """Return what an entry is of."""
    return entry["row"], entry["subset"], int(entry["seed"]), entry["recipe"]


def add_entry(path: Path, entry: dict[str, Any]) -> None:
    """Add an entry, in place of one of the same run; the file is written whole."""
    entries = read_ledger(path) | {key_of(entry): entry}
    write_file(path, dump(entries.values()).encode())


def dump(entries: Iterable[dict[str, Any]]) -> str:
    """Return the lines of a ledger, sorted by subset, row and seed."""
    ordered = sorted(entries, key=lambda e: (e["subset"], e["row"], e["seed"], e["recipe"]))
    return "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in ordered)
