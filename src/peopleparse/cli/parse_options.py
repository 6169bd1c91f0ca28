"""The options of `peopleparse parse`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from peopleparse.cli.views import view_options
from peopleparse.errors import InputError, suggest

_SCHEMES = ("gps", "lip")
# Written out here, for the help must not load an engine.
ENGINES = ("auto", "onnxruntime", "openvino", "torch")
PRECISIONS = ("auto", "f32", "bf16", "int8")
_FORMATS = ("parquet", "webdataset")


def parse_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add arguments and options to the command."""
    for add in reversed(
        (_SOURCES, *_OUTPUT, *LOOK_OPTIONS, view_options, *ENGINE_OPTIONS, *_SHARDS)
    ):
        command = add(command)
    return command


def _split_formats(ctx: click.Context, param: click.Parameter, value: str) -> list[str]:
    from peopleparse.inference.folder import check_formats

    formats = [name.strip() for name in value.split(",") if name.strip()]
    try:
        check_formats(formats)
    except InputError as error:
        raise click.UsageError(str(error), ctx) from error
    if not formats:
        raise click.UsageError("format must be named, got none. Leave --save out.", ctx)
    return formats


def _check_scheme(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value not in _SCHEMES:
        hint = suggest(value, _SCHEMES)
        raise click.UsageError(f"scheme must be a known name, got '{value}'.{hint}", ctx)
    return value


_SOURCES = click.argument("sources", nargs=-1, required=True, metavar="PHOTO|FOLDER|GLOB...")
_OUTPUT = (
    click.option(
        "--out", default="parsed", show_default=True, metavar="DIR",
        help="Where to write; made where missing.",
    ),
    click.option(
        "--save", default="overlay,png,json", show_default=True, metavar="LIST",
        callback=_split_formats, help="What to write, of overlay, png, json, coco.",
    ),
    click.option(
        "--again", is_flag=True,
        help="Do photos again that an earlier run finished; one photo always is.",
    ),
    click.option(
        "--scheme", default="gps", show_default=True, metavar="gps|lip", callback=_check_scheme,
        help="Labels of the result; what translation loses is printed.",
    ),
)  # fmt: skip
LOOK_OPTIONS = (
    click.option(
        "--detail", type=click.Choice(["fast", "normal", "fine"]), default="normal",
        show_default=True, help="Size at which the network sees a photo.",
    ),
    click.option(
        "--threshold", type=click.FloatRange(0, 1), default=0.2, show_default=True,
        help="Lowest score of a person.",
    ),
    click.option(
        "--tiles", type=click.IntRange(min=1), default=1, show_default=True,
        help="Look at N x N overlapping tiles, too: for small people in huge crowds.",
    ),
    click.option(
        "--reject", type=click.FloatRange(0, 1), default=0.0, show_default=True,
        help="Leave out parts whose mean confidence is lower.",
    ),
)  # fmt: skip
ENGINE_OPTIONS = (
    click.option("--model", metavar="NAME|FOLDER", help="A network of your own."),
    click.option(
        "--engine", type=click.Choice(ENGINES), default="onnxruntime", show_default=True,
        help="What runs the network; auto takes the fastest installed and says which.",
    ),
    click.option(
        "--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True,
        help="Numbers that the engine calculates with.",
    ),
    click.option(
        "--threads", type=click.IntRange(min=1), help="Processor threads; all by default."
    ),
)  # fmt: skip
_SHARDS = (
    click.option(
        "--shards", type=click.Choice(_FORMATS),
        help="Write results as shards, many photos a file, instead of files a photo.",
    ),
    click.option(
        "--shard-size", type=click.IntRange(min=1), default=1000, show_default=True,
        help="Photos a shard.",
    ),
    click.option(
        "--ray", metavar="ADDRESS",
        help="Work on Ray, into shards: local, auto, host:port or ray://host:port.",
    ),
    click.option(
        "--ray-workers", type=click.IntRange(min=1),
        help="Ray workers; as many as there are cores by default.",
    ),
)  # fmt: skip
