"""Group photos composed from single-person photos, with exact truth.

A scene is a background, a ground plane seen from eye height, and people put on it from far to
near: each is a cutout, scaled, turned a little, mirrored or not, matched in colour, and pasted with
a soft seam. Whoever stands in front hides the others; the frame cuts people off. The truth is what
is still visible of each. Scene i of a seed is always the same scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.bystanders import Bystanders
from peopleparse.data.people import Portrait, rarity_weights, street_corner
from peopleparse.data.scene_blend import blend_person, light_unevenly
from peopleparse.data.scene_life import PLAIN, Life
from peopleparse.data.scene_occluders import draw_thing, put_thing
from peopleparse.data.scene_places import Place, draw_cut_places, draw_places
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation, mask_box
from peopleparse.transforms import jitter_color, match_color, warp_image, warp_labels


@dataclass(frozen=True)
class ScenePreset:
    """What kind of group photos to compose.

    Attributes:
        name: "indoor" or "outdoor", the paper's two sub-data sets.
        mean_persons: mean of the number of people aimed at; 1 to 10 a scene.
        drawn: how many more are put in, because some end up hidden behind the others.
        closeness: share of scenes in which people stand so near that the frame cuts their legs off.
        crowding: distance between neighbours, in body widths, at the densest and at the loosest.
        tie: whether `tie` is a label here.
        empty: share of scenes with nobody in them.
        head_missed: share of people whose head is above the frame.
        tallest: height of the nearest people, low and high, in frame heights (full-body scenes).
        far: share of people who stand far off, down to `smallest` pixels tall.
        smallest: height in pixels below which nobody is put into a scene.
    """

    name: str
    mean_persons: float
    drawn: float
    closeness: float
    crowding: tuple[float, float]
    tie: bool = True
    empty: float = 0.0
    head_missed: float = 0.03
    tallest: tuple[float, float] = (0.3, 0.95)
    far: float = 0.08
    smallest: float = 40.0


OUTDOOR = ScenePreset("outdoor", 3.54, drawn=1.035, closeness=0.2, crowding=(0.8, 2.0), tie=False)
INDOOR = ScenePreset("indoor", 5.23, drawn=1.027, closeness=0.45, crowding=(0.55, 1.4), far=0.04)
PRESETS = {preset.name: preset for preset in (INDOOR, OUTDOOR)}
LEAST_VISIBLE = 0.12  # of a person's pixels; below that nobody could name the parts


@dataclass(frozen=True)
class Placed:
    """What the frame left of a person, before anyone stood in front.

    Attributes:
        whole: (256,) pixels that each label would have in an endless frame, not rounded.
        in_frame: (256,) int64, how many of them the frame holds.
        mirrored: whether the person is seen in a mirror, left and right swapped.
        order: place in the order in which the scene was put together; a later person is in front.
    """

    whole: NDArray[np.float64]
    in_frame: NDArray[np.int64]
    mirrored: bool
    order: int = 0


@dataclass(frozen=True)
class Scene:
    """A composed photo and its truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        annotation: N person-level GPS maps, left to right.
        photo_ids: source photo of each person, in the same order.
        truncated, occluded: per person, cut by the frame, partly behind someone.
        placed: how each person was put in; what of `in_frame` is not in the annotation is hidden.
        ignored: (H, W) bool, neither person nor background; as 255 in every map, if there is one.
    """

    image: NDArray[np.uint8]
    annotation: Annotation
    photo_ids: tuple[str, ...]
    truncated: tuple[bool, ...]
    occluded: tuple[bool, ...]
    placed: tuple[Placed, ...] = field(default=(), repr=False)
    ignored: NDArray[np.bool_] | None = field(default=None, repr=False)


class SceneMaker:
    """Compose scenes from a fixed set of people and backgrounds.

    Args:
        portraits: people of one split.
        backgrounds: photos without people, of the same split.
        weights: how often to draw each portrait; rare labels more often where not given.
        bystanders: of the portraits' photos, by id; a strip of street that shows them is ignored
            where it does.
    """

    def __init__(
        self,
        portraits: Sequence[Portrait],
        backgrounds: Sequence[NDArray[np.uint8]],
        weights: NDArray[np.float64] | None = None,
        bystanders: Mapping[str, Bystanders] | None = None,
    ) -> None:
        self.bystanders = bystanders or {}
        self.portraits, self.backgrounds = list(portraits), list(backgrounds)
        self.weights = rarity_weights(portraits) if weights is None else weights
        self._cutouts: dict[int, list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]] = {}

    def make(
        self,
        seed: Sequence[int],
        preset: ScenePreset,
        width: int = 640,
        height: int = 480,
        life: Life = PLAIN,
    ) -> Scene:
        """Compose one scene.

        Args:
            seed: numbers that name the scene, e.g. (seed of the set, index).
            preset: kind of scene.
            width, height: frame in pixels.
            life: what else may happen in it.
        """
        rng = np.random.default_rng(list(seed))
        cuts, things, pasting = life.draw(seed)
        image, unknown = self._make_background(rng, width, height)
        owners, parsing = np.zeros((height, width), np.int16), np.zeros((height, width), np.uint8)
        owners[unknown] = -1
        places = [] if rng.random() < preset.empty else draw_places(rng, preset, width, height)
        if cuts and places:
            places = draw_cut_places(cuts, width, height, preset.smallest)
        placed, sources, light = list[Placed](), list[int](), rng.uniform(0, 0.6)
        mean, spread = _color_of(image)
        for place in places:
            which = int(rng.choice(len(self.portraits), p=self.weights))
            window, cutout, labels, put = self._warp(which, place, rng, width, height)
            mask = labels > 0
            sources.append(which)
            placed.append(replace(put, order=len(placed)))
            if not mask.any():
                continue
            cutout = jitter_color(cutout, rng, 0.2 if pasting else 0.35)
            seam = rng.uniform(0.5, 1.0)
            if pasting:
                blend_person(image[window], cutout, mask, pasting)
            else:
                _paste(image[window], match_color(cutout, mask, mean, spread, light), mask, seam)
            owners[window][mask], parsing[window][mask] = len(sources), labels[mask]
        if things:
            self._put_things(things, places, image, owners, parsing)
        image = _finish(light_unevenly(image, pasting) if pasting else image, rng)
        return _make_truth(
            image,
            owners,
            parsing,
            [self.portraits[i].photo_id for i in sources],
            [int(put.in_frame[1:].sum()) for put in placed],
            preset,
            placed,
        )

    def _put_things(
        self,
        rng: np.random.Generator,
        places: Sequence[Place],
        image: NDArray[np.uint8],
        owners: NDArray[np.int16],
        parsing: NDArray[np.uint8],
    ) -> None:
        """Lay one to three things over the people, in place."""
        columns, size = [place.x for place in places], (image.shape[0], image.shape[1])
        for _ in range(int(rng.choice(3, p=(0.6, 0.3, 0.1))) + 1):
            thing = draw_thing(rng, size, columns, self.backgrounds, self.portraits)
            put_thing(thing, image, owners, parsing)

    def _make_background(
        self, rng: np.random.Generator, width: int, height: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return a picture, and where it shows people whom nobody annotated."""
        if rng.random() < 0.35:
            portrait = self.portraits[int(rng.integers(len(self.portraits)))]
            photo, seen = street_corner(portrait), self.bystanders.get(portrait.photo_id)
            if photo.shape[1] > 100 and seen is not None:
                corner = street_corner(replace(portrait, image=seen.mask.astype(np.uint8)))
                both = self._crop(np.dstack([photo, corner]), rng, width, height, 1.0)
                return np.ascontiguousarray(both[..., :3]), both[..., 3] > 0
            if photo.shape[1] > 100:
                return self._crop(photo, rng, width, height, 1.0), _nowhere(width, height)
        photo = self.backgrounds[int(rng.integers(len(self.backgrounds)))]
        picture = jitter_color(self._crop(photo, rng, width, height, 0.5), rng, 0.8)
        return picture, _nowhere(width, height)

    def _crop(
        self,
        photo: NDArray[np.uint8],
        rng: np.random.Generator,
        width: int,
        height: int,
        smallest: float,
    ) -> NDArray[np.uint8]:
        """Cut a random window of the frame's shape out of a photo; maybe mirror it."""
        fit = min(photo.shape[1] / width, photo.shape[0] / height)
        scale = fit * rng.uniform(smallest, 1)
        w, h = max(1, int(width * scale)), max(1, int(height * scale))
        x, y = rng.integers(photo.shape[1] - w + 1), rng.integers(photo.shape[0] - h + 1)
        window = photo[y : y + h, x : x + w]
        window = window[:, ::-1] if rng.random() < 0.5 else window
        method = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
        sized = cv2.resize(np.ascontiguousarray(window), (width, height), interpolation=method)
        return sized.astype(np.uint8)

    def _cutout(self, which: int) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Return the person at full, half, quarter and eighth size, cut close."""
        if which not in self._cutouts:
            portrait = self.portraits[which]
            x1, y1, x2, y2 = (int(v) for v in portrait.box)
            levels = []
            # Mean shrinking for the picture; labels are read from the full size later.
            picture: NDArray[np.uint8] = portrait.image[y1:y2, x1:x2]
            for _ in range(4):
                levels.append((np.ascontiguousarray(picture), portrait.parsing[y1:y2, x1:x2]))
                half = (max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2))
                shrunk = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
                picture = shrunk.astype(np.uint8)
            self._cutouts[which] = levels
        return self._cutouts[which]

    def _warp(
        self, which: int, place: Place, rng: np.random.Generator, width: int, height: int
    ) -> tuple[tuple[slice, slice], NDArray[np.uint8], NDArray[np.uint8], Placed]:
        """Put one person at a place of the frame: window, picture and labels inside the window."""
        levels = self._cutout(which)
        full_h, full_w = levels[0][1].shape
        scale = place.height / full_h
        level = int(np.clip(np.floor(np.log2(1 / max(scale, 1e-6)) + 0.3), 0, 3))
        picture, labels = levels[level]
        matrix = _placing_matrix(rng, place, full_w, full_h, scale)
        (x1, y1), (x2, y2) = _window(matrix, full_w, full_h, width, height)
        matrix[:, 2] -= (x1, y1)
        shrunk = matrix.copy()
        shrunk[:, :2] *= (full_w / picture.shape[1], full_h / picture.shape[0])
        size = (x2 - x1, y2 - y1)
        image, parsing = warp_image(picture, shrunk, *size), warp_labels(labels, matrix, *size)
        whole = np.bincount(labels.ravel(), minlength=256) * abs(np.linalg.det(matrix[:, :2]))
        mirrored = bool(matrix[0, 0] < 0)
        if mirrored:
            flip = get_scheme("gps").flip_table()
            parsing, whole = flip[parsing], whole[flip]
        put = Placed(whole, np.bincount(parsing.ravel(), minlength=256), mirrored)
        return (slice(y1, y2), slice(x1, x2)), image, parsing, put


def _nowhere(width: int, height: int) -> NDArray[np.bool_]:
    return np.zeros((height, width), bool)


def _placing_matrix(
    rng: np.random.Generator, place: Place, full_w: int, full_h: int, scale: float
) -> NDArray[np.float64]:
    """Return the (2, 3) matrix from cutout to frame: scale, slight turn, maybe mirrored."""
    angle = np.deg2rad(rng.normal(0, 4))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    widen = scale * np.exp(rng.normal(0, 0.06))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * widen, scale])
    feet_from = np.array([full_w / 2, float(full_h)])
    offset = np.array([place.x, place.feet]) - linear @ feet_from
    return np.concatenate([linear, offset[:, None]], axis=1)


def _window(
    matrix: NDArray[np.float64], full_w: int, full_h: int, width: int, height: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the corners of the part of the frame that a warped cutout can reach, with a margin."""
    corners = np.array([[0, full_w, 0, full_w], [0, 0, full_h, full_h], [1, 1, 1, 1]])
    reached, frame = matrix @ corners, np.array([width, height])
    low = np.clip(np.floor(reached.min(axis=1)).astype(int) - 3, 0, frame - 1)
    high = np.clip(np.ceil(reached.max(axis=1)).astype(int) + 3, low + 1, frame)
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))


def _color_of(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    mean, spread = cv2.meanStdDev(image)
    return mean.ravel().astype(np.float32), spread.ravel().astype(np.float32)


def _paste(
    under: NDArray[np.uint8], cutout: NDArray[np.uint8], mask: NDArray[np.bool_], blur: float
) -> None:
    """Lay a cutout over an image, in place, with a seam softened over about a pixel."""
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), blur)[..., None]
    # A little inward, so that the old surroundings do not shine through.
    alpha = np.clip((alpha - 0.35) / 0.6, 0, 1)
    mixed = under + alpha * (cutout.astype(np.float32) - under)
    under[:] = np.round(mixed).astype(np.uint8)


def _finish(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a camera adds to everything at once: light, blur, noise, JPEG."""
    image = jitter_color(image, rng, 0.5)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3)).astype(np.uint8)
    if rng.random() < 0.3:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(2, 10)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
        coded = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return image


def _make_truth(
    image: NDArray[np.uint8],
    owners: NDArray[np.int16],
    parsing: NDArray[np.uint8],
    photo_ids: list[str],
    full_areas: list[int],
    preset: ScenePreset,
    placed: Sequence[Placed] = (),
) -> Scene:
    gps = get_scheme("gps" if preset.tie else "gps-outdoor")
    if not preset.tie:
        tie, upper = get_scheme("gps").id_of("tie"), gps.id_of("upper clothes")
        parsing = np.where(parsing == tie, upper, parsing).astype(np.uint8)
    ignored = owners.copy()
    found = []
    for index, full_area in enumerate(full_areas, 1):
        mask = owners == index
        box = mask_box(mask & (parsing != gps.ignore_id))  # as `Annotation.boxes`: same order
        if box is None or mask.sum() < LEAST_VISIBLE * full_area or mask.sum() < 60:
            ignored[mask] = -1  # a scrap nobody could name: neither person nor background
            continue
        found.append((float(box[0] + box[2]), index, box, mask))
    found.sort(key=lambda row: row[:2])
    maps = [np.where(mask, parsing, 0).astype(np.uint8) for _, _, _, mask in found]
    shape = owners.shape
    stack = np.stack(maps) if maps else np.zeros((0, *shape), np.uint8)
    stack[:, ignored == -1] = gps.ignore_id
    boxes = [box for _, _, box, _ in found]
    return Scene(
        image,
        Annotation(stack, gps),
        tuple(photo_ids[index - 1] for _, index, _, _ in found),
        tuple(_touches_frame(box, *shape) for box in boxes),
        tuple(int(mask.sum()) < full_areas[i - 1] for _, i, _, mask in found),
        tuple(placed[i - 1] for _, i, _, _ in found) if placed else (),
        ignored == -1,
    )


def _touches_frame(box: NDArray[np.float32], height: int, width: int) -> bool:
    return bool(box[0] <= 0 or box[1] <= 0 or box[2] >= width or box[3] >= height)


def training_preset(preset: ScenePreset) -> ScenePreset:
    """Return a preset with what only training needs: scenes with nobody, more far people."""
    return replace(preset, empty=0.05, far=max(preset.far, 0.1))
