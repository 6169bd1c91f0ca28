"""Faults that photos of daily life have: dark and noisy, blurred, tinted, small, compressed.

Each fault has a chance and a range from which its strength is drawn; lengths are shares of the
frame's height. What befalls a photo is what happens on the way from lamp to file, in that order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.transforms.color import cast_light, drain_color, expose, fade

Image = NDArray[np.uint8]
TUNGSTEN = ((0.95, 1.15), (0.8, 0.95), (0.35, 0.75))  # red, green and blue factors
NEON = (0.25, 0.6)  # how far the lamp's colour is from white
DARK = (0.05, 0.5)  # of the light, by its logarithm
BRIGHT = (1.6, 4.0)
NOISE = (4.0, 20.0)  # grey levels
VIGNETTE = (0.25, 0.8)  # of the light that the corners lose
DEFOCUS = (0.003, 0.011)  # radius
SMEAR = (0.012, 0.045)  # length of a motion blur
SMALL = (1.6, 4.0)  # how many times fewer rows
QUALITY = (8, 40)  # of JPEG


def add_faults(image: Image, rng: np.random.Generator) -> Image:
    """Return a photo with at least one fault; its geometry stays.

    Args:
        image: (H, W, 3) uint8 RGB.
        rng: source of chance; the same state gives the same faults.
    """
    befalls = rng.random(len(FAULTS)) < [chance for _, chance in FAULTS]
    if not befalls.any():
        befalls[int(rng.integers(len(FAULTS)))] = True
    for (add, _), happens in zip(FAULTS, befalls.tolist(), strict=True):
        image = add(image, rng) if happens else image
    return image


def _tint(image: Image, rng: np.random.Generator) -> Image:
    if rng.random() < 0.6:
        return cast_light(image, np.array([rng.uniform(*span) for span in TUNGSTEN]))
    turn = rng.uniform(0, 2 * np.pi) + np.arange(3) * 2 * np.pi / 3
    return cast_light(image, 1 + rng.uniform(*NEON) * np.cos(turn))


def _expose(image: Image, rng: np.random.Generator) -> Image:
    """Too dark, with the noise that follows, or in a quarter of the cases too bright."""
    if rng.random() < 0.25:
        return expose(image, _log_uniform(rng, *BRIGHT))
    factor = _log_uniform(rng, *DARK)
    # A camera in a dark room turns its gain up: the noise grows with what is missing.
    least = NOISE[0] + (NOISE[1] - NOISE[0]) * 0.5 * (1 - factor)
    return _shake_grain(expose(image, factor), rng, rng.uniform(least * 0.6, least * 1.3))


def _shade(image: Image, rng: np.random.Generator) -> Image:
    """Darken the corners, or with the same falling-off one side, as beside a window."""
    height, width = image.shape[:2]
    middle = rng.uniform(0.35, 0.65, 2) if rng.random() < 0.7 else rng.uniform(-0.1, 1.1, 2)
    y = (np.linspace(0, 1, 24) - middle[0])[:, None]
    x = (np.linspace(0, 1, 24) - middle[1])[None, :]
    away = (x**2 + y**2) / max((x**2 + y**2).max(), 1e-6)
    kept = (1 - rng.uniform(*VIGNETTE) * away).astype(np.float32)
    kept = cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(image, cv2.merge([kept] * 3), dtype=cv2.CV_8U).astype(np.uint8)


def _blur(image: Image, rng: np.random.Generator) -> Image:
    """Out of focus, or smeared by a hand or by a slow shutter."""
    if rng.random() < 0.5:
        kernel = _disc(max(0.8, image.shape[0] * rng.uniform(*DEFOCUS)))
    else:
        kernel = _line(max(2.0, image.shape[0] * rng.uniform(*SMEAR)), rng.uniform(0, np.pi))
    return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE).astype(np.uint8)


def _grain(image: Image, rng: np.random.Generator) -> Image:
    return _shake_grain(image, rng, rng.uniform(*NOISE))


def _wash_out(image: Image, rng: np.random.Generator) -> Image:
    """Fade, as an old print, or with haze in front of the lens."""
    black = rng.uniform(20, 90) + rng.uniform(-20, 20, 3)
    return fade(image, black, rng.uniform(190, 255) + rng.uniform(-25, 15, 3))


def _drain(image: Image, rng: np.random.Generator) -> Image:
    return drain_color(image, np.array([1.08, 1.0, 0.82]) if rng.random() < 0.25 else None)


def _shrink(image: Image, rng: np.random.Generator) -> Image:
    """Lose detail in a smaller file that somebody enlarged again."""
    height, width = image.shape[:2]
    factor = _log_uniform(rng, *SMALL)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    methods = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)
    method = methods[int(rng.choice(3, p=(0.55, 0.35, 0.1)))]
    return cv2.resize(small, (width, height), interpolation=method).astype(np.uint8)


def _compress(image: Image, rng: np.random.Generator) -> Image:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(QUALITY[0], QUALITY[1] + 1))]
    coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1]
    read = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return cv2.cvtColor(read, cv2.COLOR_BGR2RGB).astype(np.uint8)


FAULTS: tuple[tuple[Callable[[Image, np.random.Generator], Image], float], ...] = (
    (_tint, 0.25),
    (_expose, 0.3),
    (_shade, 0.15),
    (_blur, 0.2),
    (_grain, 0.12),
    (_shrink, 0.15),
    (_wash_out, 0.08),
    (_drain, 0.07),
    (_compress, 0.25),
)


def _shake_grain(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Add noise of brightness, pixel by pixel, and of colour, in blotches."""
    height, width = image.shape[:2]
    side = 512 + 256 * math.ceil(max(height, width) / 256)
    fine, blotches = _noise(side)
    y, x = rng.integers(0, (side - height, side - width))
    v, u = rng.integers(0, (side - height, side - width))
    light = cv2.merge([fine[y : y + height, x : x + width]] * 3)
    color = blotches[v : v + height, u : u + width]
    noise = cv2.addWeighted(light, strength, color, strength * rng.uniform(0.3, 0.9), 0)
    return cv2.add(image, noise, dtype=cv2.CV_8U).astype(np.uint8)


@lru_cache(maxsize=2)
def _noise(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return noise to cut windows from: drawing it anew would cost more than composing a scene."""
    rng = np.random.default_rng(0)
    fine = rng.standard_normal((side, side), np.float32)
    coarse = cv2.GaussianBlur(rng.standard_normal((side, side, 3), np.float32), (0, 0), 1.3)
    return fine, (coarse / coarse.std()).astype(np.float32)


def _disc(radius: float) -> NDArray[np.float32]:
    reach = math.ceil(radius)
    away = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    kernel = np.clip(radius + 0.5 - away, 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def _line(length: float, angle: float) -> NDArray[np.float32]:
    side = 2 * math.ceil(length / 2) + 1
    along = np.array([math.cos(angle), math.sin(angle)]) * (length - 1) / 2
    ends = [np.round((side // 2 + sign * along) * 16).astype(int).tolist() for sign in (-1, 1)]
    kernel = np.zeros((side, side), np.uint8)
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, shift=4)
    return (kernel / kernel.sum(dtype=np.float64)).astype(np.float32)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
