"""Drawn people of many poses, and faults planted in them; the auditor is measured on both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.labels import Scheme

Ids = NDArray[np.uint8]
Shapes = list[tuple[str, NDArray[np.float64]]]
SIZE = (320, 320)
SCHEMES = ("gps", "lip", "cihp", "mhp-v1", "mhp-v2")
# What a drawn part is called where the scheme does not use the GPS name.
_NAMES = {
    "upper clothes": ("upper-clothes", "t-shirt"),
    **{f"{side} {part}": (f"{side}-{part}",) for side in ("left", "right")
       for part in ("arm", "leg", "shoe")},
}  # fmt: skip


class Person(NamedTuple):
    """A drawn person before it is put into an image.

    Attributes:
        shapes: part and polygon, (K, 2) x and y in heights: x from the body axis, y down from the
            crown; painted in this order.
        back: whether the back is turned to the camera.
    """

    shapes: Shapes
    back: bool


def make_person(rng: np.random.Generator, plain: bool = True) -> Person:
    """Return a person of random build and clothes.

    Args:
        rng: random numbers.
        plain: both arms hang beside the trunk and the legs stand apart; otherwise arms may be
            folded or raised and legs crossed.
    """
    back = bool(rng.random() < 0.25)
    folded, raised, crossed = (not plain and rng.random() < 0.25 for _ in range(3))
    wide = rng.uniform(0.085, 0.115)
    style = rng.choice(["pants", "skirt", "dress"])
    cloth = "dress" if style == "dress" else "upper clothes"
    shapes: Shapes = []
    for sign in (-1, 1):
        side = _side(sign, back)
        hip, ankle = sign * rng.uniform(0.045, 0.055), sign * rng.uniform(0.05, 0.085)
        ankle = -0.6 * ankle if crossed else ankle
        knee = (hip + ankle) / 2 + rng.uniform(-0.008, 0.008)
        leg = "pants" if style == "pants" else f"{side} leg"
        shapes += [(leg, _limb(0.036, (hip, 0.5), (knee, 0.73), (ankle, 0.94)))]
        toe = ankle + sign * rng.uniform(0, 0.015)
        shapes += [(f"{side} shoe", _oval(toe, 0.965, rng.uniform(0.034, 0.042), 0.03))]
        if style == "pants" and rng.random() < 0.5:  # rolled up: bare below the knee
            shapes[-1:-1] = [(f"{side} leg", _limb(0.034, (knee, 0.75), (ankle, 0.93)))]
    bare = rng.random() < 0.5
    front: Shapes = []
    for sign in (-1, 1):
        side, out = _side(sign, back), rng.uniform(0.005, 0.05)
        shoulder = (sign * (wide + 0.02), 0.2)
        elbow = (sign * (wide + 0.045 + out), 0.35)
        hand = (sign * (wide + 0.055 + out + rng.uniform(-0.03, 0.05)), 0.49)
        if folded:
            elbow, hand = (sign * (wide + 0.02), 0.36), (-sign * wide * 0.7, 0.35 + sign * 0.02)
        elif raised and rng.random() < 0.7:
            elbow = (sign * (wide + 0.08), 0.13)
            hand = (sign * (wide + rng.uniform(-0.02, 0.06)), 0.01)
        start = shoulder if bare else elbow
        arm = [(f"{side} arm", _limb(0.02, start, elbow, hand))]
        shapes, front = (shapes, front + arm) if folded else (shapes + arm, front)
        if not bare:
            shapes += [(cloth, _limb(0.026, shoulder, elbow))]
    hem = {"pants": 0.52, "skirt": 0.52, "dress": rng.uniform(0.6, 0.7)}[style]
    if style == "skirt":
        flare, low = wide + 0.03, rng.uniform(0.6, 0.7)
        corners = [(-wide, 0.5), (wide, 0.5), (flare, low), (-flare, low)]
        shapes += [("skirt", np.array(corners))]
    shapes += [(cloth, np.array([(-wide - 0.02, 0.17), (wide + 0.02, 0.17), (wide, hem),
                                 (-wide, hem)]))]  # fmt: skip
    shapes += front
    shapes += [("hair", _oval(0, 0.07, 0.06, 0.07))]
    if not back:
        shapes += [
            ("face", _oval(0, 0.1, 0.042, 0.06)),
            ("face", _limb(0.025, (0, 0.14), (0, 0.17))),
        ]
    else:
        shapes += [("hair", _limb(0.035, (0, 0.12), (0, 0.16)))]
    return Person(shapes, back)


def _side(sign: int, back: bool) -> str:
    return "left" if (sign > 0) != back else "right"


def _limb(radius: float, *joints: tuple[float, float]) -> NDArray[np.float64]:
    """Return the outline of a line of joints, downwards, with square ends."""
    points = np.array(joints)
    ways = np.gradient(points, axis=0)
    normals = np.stack([-ways[:, 1], ways[:, 0]], axis=1)
    normals *= radius / np.maximum(np.hypot(*normals.T), 1e-9)[:, None]
    return np.concatenate([points + normals, (points - normals)[::-1]])


def _oval(x: float, y: float, wide: float, high: float) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + wide * np.cos(turn), y + high * np.sin(turn)], axis=1)


def draw(person: Person, scheme: Scheme, rng: np.random.Generator, cut: bool = True) -> Ids:
    """Put a person into an image at a random place, size and tilt; some are cut by the border."""
    height = rng.uniform(60, 270)
    tilt = np.deg2rad(rng.normal(0, 6))
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    top = rng.uniform(4, SIZE[0] - 4 - height) if height < SIZE[0] - 8 else 4
    if cut and rng.random() < 0.3:
        top += rng.uniform(0, 0.6) * height
    origin = np.array([rng.uniform(0.3, 0.7) * SIZE[1], top])
    return render(person, scheme, lambda points: (points @ turn.T) * height + origin)


def render(
    person: Person,
    scheme: Scheme,
    move: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    size: tuple[int, int] = SIZE,
) -> Ids:
    """Paint a person's shapes, (H, W) label ids."""
    parsing = np.zeros(size, np.uint8)
    for part, outline in person.shapes:
        points = np.round(move(outline) * 16).astype(np.int32)
        cv2.fillPoly(parsing, [points], label_id(part, scheme), shift=4)
    return parsing


def label_id(part: str, scheme: Scheme) -> int:
    """Return the id of a drawn part in a scheme."""
    return next(
        scheme.id_of(name) for name in (part, *_NAMES.get(part, ())) if name in scheme.names
    )


def mirror(parsing: Ids, scheme: Scheme) -> Ids:
    """Return the mirrored person with left and right swapped: right again."""
    return np.ascontiguousarray(scheme.flip_table()[parsing[:, ::-1]])


def _swap(name: str) -> str:
    return {"left": "right", "right": "left"}[name.split()[0]] + name[name.index(" ") :]


def _moved(
    person: Person, chosen: Callable[[str], bool], move: Callable[[NDArray[np.float64]], NDArray]
) -> Person:
    """Return a person with some shapes moved, painted last."""
    kept = [shape for shape in person.shapes if not chosen(shape[0])]
    return Person(kept + [(n, move(o)) for n, o in person.shapes if chosen(n)], person.back)


def _named(person: Person, rename: Callable[[str], str]) -> Person:
    return Person([(rename(name), outline) for name, outline in person.shapes], person.back)


def _put(x: float, y: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda outline: outline - outline.mean(axis=0) + (x, y)


def plant_wrong_side(person: Person, rng: np.random.Generator) -> Person:
    """Swap both arms; of a person who faces the camera sometimes only one is left, and wrong."""
    if not person.back and rng.random() < 0.4:
        arm = str(rng.choice(["left arm", "right arm"]))
        shapes = [shape for shape in person.shapes if shape[0] != _swap(arm)]
        return _named(Person(shapes, False), lambda name: _swap(name) if name == arm else name)
    return _named(person, lambda name: _swap(name) if name.endswith("arm") else name)


def plant_wrong_join(person: Person, rng: np.random.Generator) -> Person:
    """Put a shoe or a bare leg to the head, an arm to a bare leg, or a shoe to the other's leg."""
    names = {name for name, _ in person.shapes}
    side = rng.choice(["left", "right"])
    choices = ["shoe at head"]
    if f"{side} leg" in names:
        choices += ["arm at leg", "swapped shoes"]
    which = rng.choice(choices)
    if which == "shoe at head":
        place = rng.choice([-1, 1]) * rng.uniform(0.07, 0.085), rng.uniform(0.04, 0.07)
        return _moved(person, lambda n: n == f"{side} shoe", _put(*place))
    if which == "swapped shoes":
        return _named(person, lambda n: _swap(n) if n.endswith("shoe") else n)
    x = np.sign(next(o for n, o in person.shapes if n == f"{side} leg")[:, 0].mean())
    arm = _limb(0.02, (x * 0.085, 0.82), (x * 0.15, 0.86), (x * 0.24, rng.uniform(0.8, 0.9)))
    return _moved(person, lambda n: n == f"{side} arm", lambda _: arm)


def plant_twin_parts(person: Person, rng: np.random.Generator) -> Person:
    """Give both shoes, both bare legs or both arms one side."""
    names = {name for name, _ in person.shapes}
    part = rng.choice([p for p in ("shoe", "leg", "arm") if {f"left {p}", f"right {p}"} <= names])
    side = rng.choice(["left", "right"])
    return _named(person, lambda n: f"{side} {part}" if n.endswith(f" {part}") else n)


def plant_floating_limb(person: Person, rng: np.random.Generator) -> Person:
    """Move a limb away from the body, sideways."""
    names = [n for n, _ in person.shapes if n.split()[-1] in ("arm", "shoe", "leg")]
    limb, sign = rng.choice(sorted(set(names))), rng.choice([-1, 1])
    outline = next(o for n, o in person.shapes if n == limb)
    y = outline[:, 1].mean() + rng.uniform(-0.1, 0)
    return _moved(person, lambda n: n == limb, _put(sign * rng.uniform(0.36, 0.45), y))


def plant_two_heads(person: Person, rng: np.random.Generator) -> Person:
    """Draw a second face with hair on the trunk or beside it."""
    x, y = rng.uniform(-0.16, 0.16), rng.uniform(0.33, 0.45)
    hair, face = _oval(x, y, 0.06, 0.065), _oval(x, y + 0.02, 0.042, 0.055)
    second = [("hair", hair)] if person.back else [("hair", hair), ("face", face)]
    return Person(person.shapes + second, person.back)


def plant_legs_above_head(person: Person, rng: np.random.Generator) -> Person:
    """Turn legs and shoes upside down over the head."""
    return _moved(
        person,
        lambda n: n.split()[-1] in ("leg", "shoe", "pants"),
        lambda outline: np.stack([outline[:, 0], 0.5 - outline[:, 1]], axis=1),
    )


PLANTERS = {
    "wrong_side": plant_wrong_side,
    "wrong_join": plant_wrong_join,
    "twin_parts": plant_twin_parts,
    "floating_limb": plant_floating_limb,
    "two_heads": plant_two_heads,
    "legs_above_head": plant_legs_above_head,
}


def _place(
    height: float, origin: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    return points * height + origin


def make_faulty(kind: str, scheme: Scheme, rng: np.random.Generator) -> Ids:
    """Return a person with one planted fault, whole in the image; half of them are mirrored."""
    planted = PLANTERS[kind](make_person(rng), rng)
    rim = np.pad(np.zeros((SIZE[0] - 2, SIZE[1] - 2), bool), 1, constant_values=True)
    parsing = np.ones(SIZE, np.uint8)
    while parsing[rim].any():
        if kind == "legs_above_head":  # what lies above needs room above
            height = rng.uniform(60, 200)
            origin = np.array([rng.uniform(0.35, 0.65) * SIZE[1], 0.5 * height + 6])
            parsing = render(planted, scheme, partial(_place, height, origin))
        else:
            parsing = draw(planted, scheme, rng, cut=False)
    return mirror(parsing, scheme) if rng.random() < 0.5 else parsing


def make_clean(scheme: Scheme, rng: np.random.Generator) -> Ids:
    """Return a person without a fault, maybe cut by the border; half of them are mirrored."""
    parsing = draw(make_person(rng, plain=False), scheme, rng)
    return mirror(parsing, scheme) if rng.random() < 0.5 else parsing


def make_clean_group(scheme: Scheme, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return one to four persons without a fault, those in front hiding others."""
    people = [make_clean(scheme, rng) for _ in range(rng.integers(1, 5))]
    for index in range(len(people) - 1):
        front = np.any(np.stack(people[index + 1 :]) > 0, axis=0)
        people[index] = np.where(front, 0, people[index]).astype(np.uint8)
    return np.stack(people)
