"""What must hold of the maps of a photo before anything is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Scheme

MAX_PERSON = 65535


def check_maps(
    parsing: NDArray[np.uint8], instances: NDArray[np.integer[Any]], scheme: Scheme
) -> None:
    """Check the shapes, types and values of the two maps of a photo.

    Raises:
        InputError: they are not (H, W) uint8 of the scheme and (H, W) person numbers.
    """
    if parsing.ndim != 2 or parsing.dtype != np.uint8:
        raise InputError(
            f"parsing must be (H, W) uint8, got {parsing.shape} {parsing.dtype}. "
            "Read label PNGs with peopleparse or Pillow, not as colours."
        )
    if instances.shape != parsing.shape:
        raise InputError(
            f"instances must have the shape of parsing {parsing.shape}, got {instances.shape}. "
            "Make both from the same photo."
        )
    whole = np.issubdtype(instances.dtype, np.integer)
    if not whole or instances.min(initial=0) < 0 or instances.max(initial=0) > MAX_PERSON:
        span = f", {instances.min()} to {instances.max()}" if instances.size else ""
        raise InputError(
            f"instances must be whole numbers from 0 to {MAX_PERSON}, "
            f"got {instances.dtype}{span}. Number the persons 1 to N, and background 0."
        )
    check_ids(parsing, scheme, "in parsing")


def check_layers(
    image: NDArray[np.uint8] | None, confidence: NDArray[np.uint8] | None, shape: tuple[int, ...]
) -> None:
    """Check that a photo and a confidence map have the shape of the parsing.

    Raises:
        InputError: one of them has not, or is not uint8.
    """
    for name, layer, expected in (
        ("image", image, (*shape, 3)),
        ("confidence", confidence, shape),
    ):
        if layer is not None and (layer.shape != expected or layer.dtype != np.uint8):
            raise InputError(
                f"{name} must be {expected} uint8 like parsing, got {layer.shape} {layer.dtype}. "
                "Make all of them from the same photo."
            )


def check_ids(parsing: NDArray[np.uint8], scheme: Scheme, place: str) -> None:
    """Check that a map holds labels of a scheme only, or ignored pixels; `place` is for the error.

    Raises:
        InputError: it holds others.
    """
    present = np.zeros(256, bool)
    present[parsing.ravel()] = True  # several times faster than counting
    stray = sorted(set(np.flatnonzero(present).tolist()) - set(scheme.ids) - {scheme.ignore_id})
    if stray:
        raise InputError(
            f"label ids must be ids of scheme '{scheme.name}' or {scheme.ignore_id}, got {stray}, "
            f"{place}. Check which scheme the map was made with."
        )
