"""From the options of a command to a loaded network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.engines import build_any_engine

if TYPE_CHECKING:
    from peopleparse.inference.parser import Parser


def parser_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `Parser`, plain values all."""
    from peopleparse.inference.onnx_engine import DEFAULT_MODEL

    names = ("detail", "threshold", "threads", "scales", "flip")
    chosen = {name: options[name] for name in names}
    chosen["model"] = options["model"] or DEFAULT_MODEL
    defaults = {"engine": "onnxruntime", "precision": "auto", "tiles": 1, "reject": 0}
    for name, default in defaults.items():
        if options[name] != default:
            chosen[name] = options[name]
    return chosen


def build_parser(options: dict[str, Any]) -> Parser:
    """Load the network; say which engine it is where one was asked for."""
    from peopleparse import inference

    chosen = parser_options(options)
    asked = "engine" in chosen or "precision" in chosen
    if chosen.get("engine") == "torch":
        words = (chosen["model"], chosen["threads"], options["precision"])
        chosen["engine"] = build_any_engine("torch", *words)
        chosen.pop("precision", None)  # is the engine's now
    parser = inference.Parser(chosen.pop("model"), **chosen)
    if asked:
        click.echo(f"Engine: {parser.engine.description}.", err=True)
    return parser
