"""From the options of a command to a loaded network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from peopleparse.inference.engine import Engine
    from peopleparse.inference.parser import Parser


def parser_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `Parser`, plain values all."""
    from peopleparse.inference.onnx_engine import DEFAULT_MODEL

    names = ("detail", "threshold", "threads", "scales", "flip")
    chosen = {name: options[name] for name in names}
    chosen["model"] = options["model"] or DEFAULT_MODEL
    for name, default in (("engine", "onnxruntime"), ("precision", "auto"), ("tiles", 1)):
        if options[name] != default:
            chosen[name] = options[name]
    return chosen


def build_parser(options: dict[str, Any]) -> Parser:
    """Load the network; say which engine it is where one was asked for."""
    from peopleparse import inference

    chosen = parser_options(options)
    asked = "engine" in chosen or "precision" in chosen
    if chosen.get("engine") == "torch":
        chosen["engine"] = _build_torch(chosen["model"], chosen["threads"], options["precision"])
        chosen.pop("precision", None)  # is the engine's now
    parser = inference.Parser(chosen.pop("model"), **chosen)
    if asked:
        click.echo(f"Engine: {parser.engine.description}.", err=True)
    return parser


def _build_torch(model: str, threads: int | None, precision: str) -> Engine:
    """Load the torch engine: inference alone must not know the training that rebuilds networks."""
    from peopleparse.cli.extras import need_extra
    from peopleparse.inference.engines import build_engine

    need_extra("train", "torch", "torchvision", "onnx")
    from peopleparse.training.from_export import build_torch_engine

    return build_engine("torch", model, threads, precision, build_torch_engine)
