"""Results as pictures that a browser reads without loss: label, person and confidence a pixel.

A layer is (H, W, 3) uint8: label id, person number 1 to 255 (0 nobody), confidence (255 where it
is not known). Persons who share pixels lie in different layers: person k is in the first layer in
which none of the person's pixels is taken.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.errors import DataError, InputError
from peopleparse.structures import ParsedPeople

MAX_PERSONS = 255
LABEL, PERSON, CONFIDENCE = 0, 1, 2
Layer = NDArray[np.uint8]


def make_layers(
    persons: NDArray[np.uint8] | ParsedPeople, confidence: NDArray[np.uint8] | None = None
) -> list[Layer]:
    """Return the layers of a photo, at least one.

    Args:
        persons: (N, H, W) label maps, one a person, everyone else background; or a result, whose
            pixels without a person keep their label.
        confidence: (H, W), 255 for certain; None takes that of the result, if it has one.

    Raises:
        InputError: there are more than 255 persons, or a shape or type is wrong.
    """
    if isinstance(persons, ParsedPeople):
        check_count(int(persons.instances.max(initial=0)))
        known = persons.confidence if confidence is None else confidence
        layer = _empty(persons.size, known)
        layer[..., LABEL], layer[..., PERSON] = persons.parsing, persons.instances
        return [layer]
    if persons.ndim != 3 or persons.dtype != np.uint8:
        raise InputError(
            f"persons must be (N, H, W) uint8, got {persons.shape} {persons.dtype}. "
            "Stack one label map a person."
        )
    check_count(len(persons))
    layers: list[Layer] = []
    for number, labels in enumerate(persons, 1):
        own = labels > 0
        free = [layer for layer in layers if not layer[own, PERSON].any()]
        if not free:
            free = [_empty(labels.shape, confidence)]
            layers += free
        layer = free[0]
        layer[own, LABEL], layer[own, PERSON] = labels[own], number
    return layers or [_empty(persons.shape[1:], confidence)]


def decode_layers(layers: Sequence[Layer], count: int | None = None) -> NDArray[np.uint8]:
    """Return the label maps of the persons in layers, (N, H, W) uint8.

    Args:
        count: persons in all; None takes the greatest number, so that persons without a pixel at
            the end are not seen.
    """
    if count is None:
        count = max(int(layer[..., PERSON].max(initial=0)) for layer in layers)
    persons = np.zeros((count, *layers[0].shape[:2]), np.uint8)
    for layer in layers:
        ys, xs = np.nonzero(layer[..., PERSON])
        persons[layer[ys, xs, PERSON].astype(np.intp) - 1, ys, xs] = layer[ys, xs, LABEL]
    return persons


def encode_layer(layer: Layer) -> bytes:
    """Return a layer as 8-bit RGB PNG, without gamma or colour chunks that could shift a value.

    Raises:
        InputError: there is no pixel.
    """
    if layer.size == 0:
        raise InputError(f"layer must have pixels, got {layer.shape}. Give a photo's size.")
    _, data = cv2.imencode(".png", layer[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()


def decode_layer(data: bytes) -> Layer:
    """Return the layer of a PNG that `encode_layer` made.

    Raises:
        DataError: it is none.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode == "RGB":
                return np.array(image)
            kind = image.mode
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        kind = f"'{error}'"
    raise DataError(f"layer must be an 8-bit RGB PNG, got {kind}. Fetch it again.")


def check_count(count: int) -> None:
    """Check that as many persons can be told apart in a layer.

    Raises:
        InputError: they are too many.
    """
    if count > MAX_PERSONS:
        raise InputError(
            f"a photo must have at most {MAX_PERSONS} persons to be shown, got {count}. "
            "Cut it into several."
        )


def _empty(size: tuple[int, ...], confidence: NDArray[np.uint8] | None) -> Layer:
    if confidence is not None and (confidence.shape != size or confidence.dtype != np.uint8):
        raise InputError(
            f"confidence must be {tuple(size)} uint8 like the persons, got {confidence.shape} "
            f"{confidence.dtype}. Make both from the same photo."
        )
    layer = np.zeros((*size, 3), np.uint8)
    layer[..., CONFIDENCE] = 255 if confidence is None else confidence
    return layer
