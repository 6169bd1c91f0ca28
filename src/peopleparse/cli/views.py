"""The options of commands that can look at a photo several times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def view_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --scales and --flip to a command."""
    flip = click.option(
        "--flip", is_flag=True, help="Look at each photo mirrored, too, and average."
    )
    scales = click.option(
        "--scales", default="1", show_default=True, metavar="LIST", callback=_read_scales,
        help="Sizes at which to look at each photo, as 0.75,1,1.25; averaged.",
    )  # fmt: skip
    return scales(flip(command))


def view_words(scales: tuple[float, ...], flip: bool) -> str:
    """Return the options as they are typed; nothing for the defaults.

    >>> view_words((1.0, 1.25), True)
    ' --scales 1,1.25 --flip'
    """
    sizes = "" if scales == (1,) else f" --scales {','.join(f'{scale:g}' for scale in scales)}"
    return sizes + (" --flip" if flip else "")


def _read_scales(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, ...]:
    from peopleparse.errors import InputError
    from peopleparse.inference.views import check_scales

    try:
        scales = tuple(float(word) for word in value.split(","))
    except ValueError as error:
        raise click.UsageError(
            f"scales must be numbers with commas between them, got '{value}'. "
            "Write them as 0.75,1,1.25.",
            ctx,
        ) from error
    try:
        check_scales(scales)
    except InputError as error:
        raise click.UsageError(str(error), ctx) from error
    return scales
