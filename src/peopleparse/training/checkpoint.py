"""Checkpoints that are whole or absent, and from which training goes on exactly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from peopleparse.errors import ModelError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, then give it its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    os.replace(partial, path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are unpickled.

    Raises:
        ModelError: the file is missing or broken.
    """
    if not path.is_file():
        raise ModelError(f"checkpoint must be a file, got none, at {path}. Train one first.")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelError(
            f"checkpoint must be readable by torch, got {type(error).__name__}, at {path}. "
            "Take an earlier one."
        ) from error
    return state
