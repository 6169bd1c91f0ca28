"""A group drawn with simple shapes, whose truth is known at every pixel.

For demonstrations and tests: a picture of people that needs no photo and no model.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import get_scheme
from peopleparse.structures import ParsedPeople

_FINER = 4  # drawn this much larger and reduced, for smooth edges
_SKIN = ((255, 219, 186), (234, 184, 146), (198, 140, 98), (141, 89, 58), (92, 60, 44))
_HAIR = ((43, 30, 26), (98, 60, 34), (201, 160, 91), (150, 150, 155), (120, 44, 28))
_CLOTH = (
    (200, 60, 60),
    (52, 101, 164),
    (242, 236, 222),
    (60, 130, 90),
    (230, 170, 60),
    (90, 70, 120),
)
_LEGS = ((40, 48, 72), (88, 80, 70), (60, 60, 66), (110, 126, 150))


def draw_scene(count: int = 5, size: tuple[int, int] = (480, 640), seed: int = 0) -> ParsedPeople:
    """Draw a group of people and return it with its exact truth.

    Args:
        count: persons, 0 to 12.
        size: (H, W) of the picture.
        seed: the same seed gives the same group.

    Raises:
        InputError: `count` is out of range or `size` is not positive.
    """
    if not 0 <= count <= 12:
        raise InputError(f"count must be from 0 to 12, got {count}. Draw several scenes for more.")
    if min(size) < 1:
        raise InputError(f"size must be at least 1 x 1, got {size}. Give height and width.")
    rng = np.random.default_rng(seed)
    height, width = size[0] * _FINER, size[1] * _FINER
    image = _draw_ground(height, width)
    parsing, instances = np.zeros((2, height, width), np.uint8)
    for index, place in enumerate(_places(count, rng), 1):
        figure = _Figure(image, parsing, instances, index)
        figure.stand(width * place[0], height * place[1], min(height, width) * place[2])
        _dress(figure, rng)
    small: Any = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    middle = np.s_[_FINER // 2 :: _FINER, _FINER // 2 :: _FINER]
    return ParsedPeople.from_maps(
        parsing[middle].copy(), instances[middle].astype(np.uint16), image=small, source="drawn.png"
    )


def _draw_ground(height: int, width: int) -> NDArray[np.uint8]:
    horizon = int(height * 0.62)
    top, low = np.array([150, 190, 225], np.float32), np.array([236, 240, 238], np.float32)
    steps = np.linspace(0, 1, horizon, dtype=np.float32)[:, None]
    image = np.empty((height, width, 3), np.uint8)
    image[:horizon] = (top * (1 - steps) + low * steps)[:, None]
    steps = np.linspace(0, 1, height - horizon, dtype=np.float32)[:, None]
    near, far = np.array([112, 148, 92], np.float32), np.array([172, 194, 140], np.float32)
    image[horizon:] = (far * (1 - steps) + near * steps)[:, None]
    cv2.ellipse(
        image, (width // 4, horizon), (width // 3, height // 9), 0, 180, 360, (150, 178, 150), -1
    )
    cv2.ellipse(
        image,
        (width * 4 // 5, horizon),
        (width // 3, height // 7),
        0,
        180,
        360,
        (164, 190, 158),
        -1,
    )
    return image


def _places(count: int, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Return (x, y of the feet, height) a person as shares of the picture, the farthest first."""
    gap = 1 / max(count, 1)
    places = []
    for n in range(count):
        x = (n + 0.5 + rng.uniform(-0.15, 0.15)) * gap
        y = rng.uniform(0.86, 0.97)
        places.append((x, y, (y - 0.12) * rng.uniform(0.9, 1.02)))
    return sorted(places, key=lambda place: place[1])


class _Figure:
    """Draws shapes of one person into a picture, its label map and its person map at once."""

    def __init__(
        self,
        image: NDArray[np.uint8],
        parsing: NDArray[np.uint8],
        instances: NDArray[np.uint8],
        index: int,
    ) -> None:
        self.image, self.parsing, self.instances = image, parsing, instances
        self.index, self.scheme = index, get_scheme("gps")
        self.x = self.y = 0.0
        self.unit = 1.0

    def stand(self, x: float, y: float, tall: float) -> None:
        """Put the feet at (x, y); shapes are then given in shares of the height, y upwards."""
        self.x, self.y, self.unit = x, y, tall

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round(self.x + x * self.unit), round(self.y - y * self.unit)

    def _targets(self, part: str, color: tuple[int, int, int]) -> list[tuple[Any, Any]]:
        label = self.scheme.id_of(part)
        return [(self.image, color), (self.parsing, label), (self.instances, self.index)]

    def shape(self, part: str, color: tuple[int, int, int], *corners: tuple[float, float]) -> None:
        """Fill a polygon."""
        points = np.array([self._at(*corner) for corner in corners])
        for target, value in self._targets(part, color):
            cv2.fillPoly(target, [points], value)

    def limb(
        self, part: str, color: tuple[int, int, int], wide: float, *joints: tuple[float, float]
    ) -> None:
        """Draw a line with round ends through joints."""
        points = np.array([self._at(*joint) for joint in joints])
        thick = max(1, round(wide * self.unit))
        for target, value in self._targets(part, color):
            cv2.polylines(target, [points], False, value, thick)

    def oval(
        self,
        part: str,
        color: tuple[int, int, int],
        center: tuple[float, float],
        radii: tuple[float, float],
        arc: tuple[int, int] = (0, 360),
    ) -> None:
        """Fill an ellipse or a slice of one (degrees clockwise from the right)."""
        axes = tuple(max(1, round(r * self.unit)) for r in radii)
        for target, value in self._targets(part, color):
            cv2.ellipse(target, self._at(*center), axes, 0, *arc, value, -1)


def _dress(figure: _Figure, rng: np.random.Generator) -> None:
    skin, hair = _pick(rng, _SKIN), _pick(rng, _HAIR)
    top, low = _pick(rng, _CLOTH), _pick(rng, _LEGS)
    style = ("pants", "dress", "pants", "skirt")[figure.index % 4]
    _draw_legs(figure, style, skin, low)
    if figure.index % 3 == 1:
        figure.oval("hair", hair, (0, 0.90), (0.075, 0.13))  # long hair falls behind the body
    _draw_body(figure, style, skin, top, low, float(rng.uniform(0.02, 0.10)))
    _draw_head(figure, skin, hair)
    if figure.index % 5 == 2:
        figure.shape("bag", (120, 84, 50), (0.12, 0.50), (0.25, 0.50), (0.27, 0.36), (0.10, 0.36))
        figure.limb("bag", (120, 84, 50), 0.014, (0.14, 0.50), (0.185, 0.57), (0.23, 0.50))


def _pick(
    rng: np.random.Generator, colors: tuple[tuple[int, int, int], ...]
) -> tuple[int, int, int]:
    return colors[int(rng.integers(len(colors)))]


def _draw_legs(
    figure: _Figure, style: str, skin: tuple[int, int, int], low: tuple[int, int, int]
) -> None:
    for side, sign in (("right", -1), ("left", 1)):  # the person's left is on our right
        hip, knee, foot = (0.05 * sign, 0.48), (0.06 * sign, 0.27), (0.065 * sign, 0.06)
        part, color = ("pants", low) if style == "pants" else (f"{side} leg", skin)
        figure.limb(part, color, 0.085 if style == "pants" else 0.065, hip, knee, foot)
        if figure.index % 2:
            figure.limb("socks", (240, 240, 240), 0.06, (0.065 * sign, 0.10), foot)
        figure.oval(f"{side} shoe", (54, 38, 34), (0.075 * sign, 0.025), (0.055, 0.03))


def _draw_body(
    figure: _Figure,
    style: str,
    skin: tuple[int, int, int],
    top: tuple[int, int, int],
    low: tuple[int, int, int],
    bend: float,
) -> None:
    cloth = "dress" if style == "dress" else "upper clothes"
    for side, sign in (("right", -1), ("left", 1)):
        shoulder, elbow = (0.115 * sign, 0.775), (0.165 * sign, 0.63)
        hand = ((0.165 - bend) * sign, 0.50 + bend / 2)
        figure.limb(f"{side} arm", skin, 0.045, elbow, hand)
        figure.limb(cloth, _darker(top), 0.062, shoulder, elbow)
    if style == "skirt":
        figure.shape("skirt", low, (-0.09, 0.54), (0.09, 0.54), (0.15, 0.32), (-0.15, 0.32))
    hem = (0.16, 0.30) if style == "dress" else (0.09, 0.47 if style == "pants" else 0.53)
    figure.shape(
        cloth, top, (-0.06, 0.82), (0.06, 0.82), (0.125, 0.79), (0.09, 0.56),
        hem, (-hem[0], hem[1]), (-0.09, 0.56), (-0.125, 0.79),
    )  # fmt: skip
    if style == "pants":
        figure.shape(
            "belt", (70, 46, 30), (-0.09, 0.49), (0.09, 0.49), (0.09, 0.465), (-0.09, 0.465)
        )
    if figure.index % 4 == 2:
        figure.shape(
            "tie",
            (128, 20, 40),
            (-0.014, 0.81),
            (0.014, 0.81),
            (0.022, 0.62),
            (0, 0.59),
            (-0.022, 0.62),
        )


def _draw_head(figure: _Figure, skin: tuple[int, int, int], hair: tuple[int, int, int]) -> None:
    figure.shape("face", skin, (-0.025, 0.88), (0.025, 0.88), (0.035, 0.805), (-0.035, 0.805))
    figure.oval("hair", hair, (0, 0.935), (0.068, 0.072))
    figure.oval("face", skin, (0, 0.912), (0.055, 0.068))
    for x in (-0.022, 0.022):
        figure.oval("face", (40, 30, 30), (x, 0.92), (0.006, 0.008))
    figure.oval("face", (176, 70, 70), (0, 0.882), (0.022, 0.013), (0, 180))
    figure.oval("hair", hair, (0, 0.945), (0.062, 0.055), (180, 360))
    if figure.index % 4 == 3:
        figure.oval("hat", (70, 60, 90), (0, 0.955), (0.075, 0.07), (180, 360))
        figure.shape(
            "hat", (70, 60, 90), (-0.105, 0.965), (0.105, 0.965), (0.105, 0.947), (-0.105, 0.947)
        )
    if figure.index % 4 == 1:
        figure.oval("sunglasses", (24, 24, 28), (-0.024, 0.925), (0.02, 0.014))
        figure.oval("sunglasses", (24, 24, 28), (0.024, 0.925), (0.02, 0.014))
    if figure.index % 5 == 0:
        figure.limb("scarf", (230, 90, 70), 0.04, (-0.05, 0.815), (0.05, 0.815), (0.055, 0.72))


def _darker(color: tuple[int, int, int]) -> tuple[int, int, int]:
    return (color[0] * 9 // 10, color[1] * 9 // 10, color[2] * 9 // 10)
