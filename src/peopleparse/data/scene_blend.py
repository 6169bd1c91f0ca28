"""Paste people so that the seam does not give them away: clean rims, one light, shadows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.transforms.color import harmonise

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
_RIM = 0.005  # of the height of the window: so deep reach colours of the old background
_SMALLEST = 24  # pixels: a smaller cutout has no rim to speak of


def blend_person(under: Image, cutout: Image, mask: Mask, rng: np.random.Generator) -> None:
    """Lay a person over an image, in place, in the light of the place and with a shadow.

    Args:
        under: (H, W, 3) uint8 RGB, the part of the frame that the cutout covers; written to.
        cutout: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, the person.
        rng: source of chance.
    """
    mean, spread = (values.ravel().astype(np.float32) for values in cv2.meanStdDev(under))
    cutout = harmonise(cutout, mask, mean, spread, rng.uniform(0, 0.4), rng.uniform(0, 0.4))
    cutout = clean_rim(cutout, mask)
    _throw_shadow(under, mask, rng)
    # In photos, too, the edge's middle lies on the mask's border, and it is about as wide as this.
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), rng.uniform(0.6, 1.0))
    mix(under, cutout, alpha.astype(np.float32))


def clean_rim(cutout: Image, mask: Mask) -> Image:
    """Return a cutout whose rim has the colours of its inside, in place of the old background's."""
    height, width = mask.shape
    depth = int(np.clip(round(_RIM * height), 1, 4))
    if min(height, width) < _SMALLEST:
        return cutout
    inside = cv2.erode(
        mask.astype(np.uint8), np.ones((2 * depth + 1,) * 2, np.uint8), borderValue=1
    )
    side = 4 * depth + 3
    known = cv2.boxFilter(inside.astype(np.float32), -1, (side, side), normalize=False)
    kept = cv2.bitwise_and(cutout, cutout, mask=inside)
    sums = cv2.boxFilter(kept, cv2.CV_32F, (side, side), normalize=False)
    rim = (inside == 0) & (known > 0)
    cleaned = cutout.copy()
    # Half of the old rim stays: hair and fingers have no inside of their own.
    near = sums[rim] / known[rim][:, None]
    cleaned[rim] = np.round(0.5 * near + 0.5 * cutout[rim]).astype(np.uint8)
    return cleaned


def mix(under: Image, over: Image, alpha: NDArray[np.float32]) -> None:
    """Lay an image over another, in place, where (H, W) alpha says so."""
    under[:] = cv2.blendLinear(over, np.ascontiguousarray(under), alpha, 1 - alpha)


def light_unevenly(image: Image, rng: np.random.Generator) -> Image:
    """Return an image under one light from one side: people and place get it alike."""
    height, width = image.shape[:2]
    corners = 1 + rng.uniform(-0.3, 0.12, (2, 2, 1)) + rng.uniform(-0.04, 0.04, (2, 2, 3))
    field = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(image, field, dtype=cv2.CV_8U).astype(np.uint8)


def _throw_shadow(under: Image, mask: Mask, rng: np.random.Generator) -> None:
    """Darken what is close behind a person and, where the feet are seen, the ground around them."""
    height, width = mask.shape
    scale = 4
    size = (max(1, width // scale), max(1, height // scale))
    shrunk = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = shrunk.astype(np.float32)
    reach = max(1.0, height / scale * rng.uniform(0.015, 0.05))
    dark = cv2.GaussianBlur(small, (0, 0), reach) * rng.uniform(0, 0.25)
    move = np.array([[1, 0, rng.normal(0, reach)], [0, 1, rng.uniform(0, reach)]])
    dark = cv2.warpAffine(dark, move, size).astype(np.float32)
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) and rows[-1] < height - 2:
        dark = np.maximum(dark, _under_feet(small, int(rows[-1]) // scale, rng))
    kept = 1 - cv2.resize(dark, (width, height), interpolation=cv2.INTER_LINEAR)
    under[:] = cv2.multiply(under, cv2.merge([kept] * 3), dtype=cv2.CV_8U)


def _under_feet(
    small: NDArray[np.float32], last: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a flat dark ellipse where the lowest pixels of a small mask stand."""
    height, width = small.shape
    dark = np.zeros((height, width), np.float32)
    columns = np.flatnonzero(small[int(last - 0.06 * height) : last + 1].any(axis=0))
    if len(columns) == 0:
        return dark
    middle = (int(columns[0] + columns[-1]) // 2, last)
    axes = (max(1, int((columns[-1] - columns[0]) * 0.7)), max(1, int(0.025 * height)))
    cv2.ellipse(dark, middle, axes, 0, 0, 360, rng.uniform(0.2, 0.5), -1)
    return cv2.GaussianBlur(dark, (0, 0), max(0.8, 0.02 * height)).astype(np.float32)
