"""Words of `peopleparse experiment` that several of its commands read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from peopleparse.errors import InputError


def choose_names(text: str, what: str, known: Sequence[str]) -> list[str]:
    """Return names with commas between.

    Raises:
        UsageError: one is not known.
    """
    names = text.split(",")
    for name in names:
        if name not in known:
            raise click.UsageError(
                f"{what} must be names from {', '.join(known)}, got '{name}'. Put commas between."
            )
    return names


def read_numbers(text: str, what: str) -> list[int]:
    """Return whole numbers with commas between.

    Raises:
        UsageError: one is none.
    """
    words: Sequence[str] = text.split(",")
    for word in words:
        if not word.strip().isdecimal():
            raise click.UsageError(
                f"{what} must be whole numbers with commas between, got '{word}'. Write 1,2,3."
            )
    return [int(word) for word in words]


def need_data(data: Path | None) -> Path:
    """Return the data folder.

    Raises:
        UsageError: none was given.
    """
    if data is None:
        raise click.UsageError("--data must be given to train, got none. Name the folder.")
    return data


def check_ledger(path: Path, command: str) -> None:
    """Check that a ledger is there.

    Raises:
        InputError: it is not.
    """
    if not path.is_file():
        raise InputError(
            f"ledger must be a file, got none, at {path}. Take the ledger.jsonl of "
            f"'peopleparse experiment {command}'."
        )


def check_png(out: Path) -> None:
    """Check the name of a picture.

    Raises:
        UsageError: it is no PNG file's.
    """
    if out.suffix.lower() != ".png":
        raise click.UsageError(f"--out must end in .png, got '{out}'. Name a PNG file.")


def need_torch() -> None:
    """Check that the training install is there."""
    from peopleparse.cli.extras import need_extra

    need_extra("train", "torch", "torchvision", "onnx")
