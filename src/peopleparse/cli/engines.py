"""Engines by name for commands, torch among them, which inference itself does not know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peopleparse.inference.engine import Engine


def build_any_engine(
    engine: str, model: str | Path, threads: int | None = None, precision: str = "auto"
) -> Engine:
    """Return the engine of a name, see `build_engine`; torch needs the training install.

    Raises:
        InputError: the engine or its precision cannot be had.
        ModelError: the network is missing or damaged.
    """
    from peopleparse.inference.engines import build_engine

    build_torch = None
    if engine == "torch":
        from peopleparse.cli.extras import need_extra

        need_extra("train", "torch", "torchvision", "onnx")
        from peopleparse.training.from_export import build_torch_engine

        build_torch = build_torch_engine
    return build_engine(engine, model, threads, precision, build_torch)
