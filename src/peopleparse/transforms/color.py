"""Colour changes for training and for composed scenes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def match_color(
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    mean: NDArray[np.float32],
    spread: NDArray[np.float32],
    strength: float,
) -> NDArray[np.uint8]:
    """Move a cutout's colours part of the way towards those of the place it is put into.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, the pixels that count.
        mean, spread: (3,) float32 colour mean and standard deviation of the place.
        strength: 0 leaves the cutout as it is, 1 matches it fully.

    Returns:
        (H, W, 3) uint8.
    """
    pixels = image[mask].astype(np.float32)
    if len(pixels) == 0 or strength == 0:
        return image
    own_mean, own_spread = pixels.mean(axis=0), pixels.std(axis=0) + 1.0
    gain = 1 + strength * (np.clip(spread / own_spread, 0.6, 1.6) - 1)
    shift = own_mean + strength * (mean - own_mean)
    table = (np.arange(256, dtype=np.float32)[:, None] - own_mean) * gain + shift
    return _apply_table(image, table)


def jitter_color(
    image: NDArray[np.uint8], rng: np.random.Generator, strength: float = 1.0
) -> NDArray[np.uint8]:
    """Change brightness, contrast, gamma, saturation and colour cast at random.

    Args:
        image: (H, W, 3) uint8 RGB.
        rng: source of chance.
        strength: 0 changes nothing, 1 is strong.
    """
    draw = rng.uniform(-1, 1, 7) * strength
    gamma, contrast, brightness = 2 ** (0.5 * draw[0]), 1 + 0.3 * draw[1], 30 * draw[2]
    ramp = (np.linspace(0, 1, 256) ** gamma)[:, None] * 255
    cast = 1 + 0.1 * draw[3:6]
    image = _apply_table(image, (ramp - 128) * contrast * cast + 128 + brightness)
    if abs(draw[6]) < 0.2 * strength:
        return image
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    keep = 1 + 0.5 * draw[6]
    return cv2.addWeighted(image, keep, grey, 1 - keep, 0).astype(np.uint8)


def _apply_table(image: NDArray[np.uint8], table: NDArray[np.floating]) -> NDArray[np.uint8]:
    levels = np.clip(np.round(table), 0, 255).astype(np.uint8)[None]  # (1, 256, 3)
    return cv2.LUT(image, levels).astype(np.uint8)


def expose(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Multiply the light that fell on an image: below 1 dark, above 1 with burnt-out places.

    Args:
        image: (H, W, 3) uint8 RGB, taken to have gamma 2.2.
        factor: of the light, before gamma.
    """
    return _apply_table(image, np.linspace(0, 255, 256)[:, None] * np.ones(3) * factor ** (1 / 2.2))


def cast_light(image: NDArray[np.uint8], color: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Light an image by a lamp of a colour, (3,) factors of the values; 1, 1, 1 is daylight."""
    return _apply_table(image, np.arange(256)[:, None] * color)


def fade(
    image: NDArray[np.uint8], black: NDArray[np.floating], white: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Map black and white to the colours, (3,) each, that they have on an old print or in haze."""
    share = np.linspace(0, 1, 256)[:, None]
    return _apply_table(image, black + share * (white - black))


def drain_color(
    image: NDArray[np.uint8], tone: NDArray[np.floating] | None = None
) -> NDArray[np.uint8]:
    """Return a greyscale photo, still (H, W, 3), toned by a colour where one is given, (3,)."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return grey.astype(np.uint8) if tone is None else cast_light(grey.astype(np.uint8), tone)


def harmonise(
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    mean: NDArray[np.float32],
    spread: NDArray[np.float32],
    light: float,
    tint: float,
) -> NDArray[np.uint8]:
    """Light a cutout as the place it is put into, without painting it in that place's colours.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, the pixels that count.
        mean, spread: (3,) float32 colour mean and standard deviation of the place.
        light: share of the difference in brightness and contrast to make up for, 0 to 1.
        tint: share of the difference in colour to make up for, 0 to 1.
    """
    pixels = image[mask].astype(np.float32)
    if len(pixels) == 0:
        return image
    own, contrast = pixels.mean(axis=0), pixels.mean(axis=1).std() + 1.0
    grey, wanted = own.mean(), mean.mean()
    gain = 1 + light * (np.clip(spread.mean() / contrast, 0.7, 1.3) - 1)
    shift = np.clip(light * (wanted - grey), -50, 40) + tint * ((mean - wanted) - (own - grey))
    return _apply_table(image, (np.arange(256)[:, None] - grey) * gain + grey + shift)
