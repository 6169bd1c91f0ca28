"""Text on pictures, in the font that comes with Pillow: the same on every machine."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from peopleparse.viz.palette import blend, text_color

_FINER = 4  # tags are drawn this much larger and then reduced, for smooth round ends


@lru_cache(maxsize=32)
def load_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font at a size in pixels."""
    return ImageFont.load_default(max(size, 1))


def text_width(text: str, size: int) -> int:
    """Return how many pixels wide a line of text is."""
    return int(np.ceil(load_font(size).getlength(text)))


def shorten(text: str, size: int, width: int) -> str:
    """Return the text, cut with "..." where it would be wider than `width` pixels."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}...", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}..."


def draw_text(
    picture: NDArray[np.uint8], text: str, x: int, y: int, size: int, color: tuple[int, int, int]
) -> None:
    """Write a line of text into a (H, W, 3) picture, its middle height at y, in place."""
    canvas = Image.new("L", (text_width(text, size) + 2, 2 * size))
    # Aligned by capital letters and not by each text's own ink, so that a row stands on one line.
    ImageDraw.Draw(canvas).text((0, size), text, 255, load_font(size), anchor="lm")
    paste(picture, color, _to_alpha(canvas), x, y - size)


def _to_alpha(canvas: Image.Image) -> NDArray[np.float32]:
    return (np.asarray(canvas) / 255).astype(np.float32)


def paste(
    picture: NDArray[np.uint8],
    color: NDArray[np.uint8] | tuple[int, int, int],
    alpha: NDArray[np.float32],
    left: int,
    top: int,
) -> None:
    """Blend a colour or patch into a picture at (left, top), in place; what sticks out is cut."""
    height, width = picture.shape[:2]
    y1, x1 = max(top, 0), max(left, 0)
    y2, x2 = min(top + alpha.shape[0], height), min(left + alpha.shape[1], width)
    if y1 >= y2 or x1 >= x2:
        return
    inner = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
    above = color if isinstance(color, tuple) else color[inner]
    picture[y1:y2, x1:x2] = blend(picture[y1:y2, x1:x2], above, alpha[inner])


@lru_cache(maxsize=128)
def make_tag(
    text: str, size: int, color: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a small round-ended tag with a number on it: (h, w, 3) colours and (h, w) alpha.

    Neither may be written to: they are kept for the next photo.
    """
    height = int(size * 1.5) | 1
    width = max(height, text_width(text, size) + int(size * 0.9))
    fine = (width * _FINER, height * _FINER)
    ink, shape = text_color(color), Image.new("L", fine)
    rim = max(1, round(size / 12)) * _FINER
    picture = Image.new("RGB", fine, (17, 17, 17))
    outer = (0, 0, fine[0] - 1, fine[1] - 1)
    ImageDraw.Draw(shape).rounded_rectangle(outer, fine[1] / 2, 255)
    draw = ImageDraw.Draw(picture)
    for inset, fill in ((rim, (255, 255, 255)), (2 * rim, color)):
        box = (inset, inset, fine[0] - 1 - inset, fine[1] - 1 - inset)
        draw.rounded_rectangle(box, fine[1] / 2 - inset, fill)
    draw.text((fine[0] / 2, fine[1] / 2), text, ink, load_font(size * _FINER), anchor="mm")
    small = picture.resize((width, height), Image.Resampling.BOX)
    alpha = shape.resize((width, height), Image.Resampling.BOX)
    weights = _to_alpha(alpha)
    weights.flags.writeable = False
    return np.asarray(small), weights


def draw_chip(
    picture: NDArray[np.uint8], left: int, top: int, side: int, color: tuple[int, int, int]
) -> None:
    """Draw a square of colour with a thin grey edge into a picture, in place."""
    paste(picture, (120, 120, 120), np.ones((side, side), np.float32), left, top)
    inner = max(side - 2, 1)
    paste(picture, color, np.ones((inner, inner), np.float32), left + 1, top + 1)
