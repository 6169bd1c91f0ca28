"""Fake data sets in their true on-disk layout, small enough to make in every test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.data.gps import write_annotation
from peopleparse.data.gps_record import scheme_of
from peopleparse.labels import Scheme, get_scheme
from peopleparse.structures import Annotation

Ids = NDArray[np.uint8]
# What each drawn region is called in a scheme: (region, its CCP label, its GPS label).
_REGIONS = (
    ("bag", "bag", "bag"),
    ("left leg", "jeans", "pants"),
    ("right leg", "jeans", "pants"),
    ("left arm", "skin", "left arm"),
    ("right arm", "skin", "right arm"),
    ("trunk", "shirt", "upper clothes"),
    ("left calf", "skin", "left leg"),
    ("right calf", "skin", "right leg"),
    ("left shoe", "shoes", "left shoe"),
    ("right shoe", "shoes", "right shoe"),
    ("hair", "hair", "hair"),
    ("face", "skin", "face"),
)
# Shares of the person's height, x from the body axis: x1, y1, x2, y2. Facing the camera, so the
# person's left is on the image's right.
_BOXES = {
    "hair": (-0.065, 0.00, 0.065, 0.06),
    "face": (-0.045, 0.05, 0.045, 0.16),
    "trunk": (-0.10, 0.17, 0.10, 0.50),
    "left arm": (0.11, 0.18, 0.15, 0.52),
    "right arm": (-0.15, 0.18, -0.11, 0.52),
    "left leg": (0.01, 0.50, 0.09, 0.74),
    "right leg": (-0.09, 0.50, -0.01, 0.74),
    "left calf": (0.02, 0.74, 0.08, 0.93),
    "right calf": (-0.08, 0.74, -0.02, 0.93),
    "left shoe": (0.02, 0.93, 0.10, 1.00),
    "right shoe": (-0.10, 0.93, -0.02, 1.00),
    "bag": (0.13, 0.45, 0.21, 0.60),
}


def draw_person(
    size: tuple[int, int], x: float, top: float, height: float, scheme: Scheme
) -> NDArray[np.uint8]:
    """Return an upright person who faces the camera, (H, W) ids of scheme ccp or gps."""
    parsing = np.zeros(size, np.uint8)
    for region, ccp_name, gps_name in _REGIONS:
        x1, y1, x2, y2 = _BOXES[region]
        columns = _span(x + x1 * height, x + x2 * height, size[1])
        rows = _span(top + y1 * height, top + y2 * height, size[0])
        parsing[rows, columns] = scheme.id_of(ccp_name if scheme.name == "ccp" else gps_name)
    return parsing


def _span(start: float, stop: float, limit: int) -> slice:
    first, last = round(start), max(round(stop), round(start) + 1)
    return slice(min(max(first, 0), limit), min(max(last, 0), limit))


def paint(parsing: Ids, scheme: Scheme, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a photo of a label map, (H, W, 3) uint8: its colours with some noise."""
    noise = rng.integers(-12, 13, (*parsing.shape, 3))
    return np.clip(scheme.palette[parsing].astype(np.int64) + 40 + noise, 0, 255).astype(np.uint8)


def write_ccp_folder(
    folder: Path, parsed: int = 3, tagged: int = 2, size: tuple[int, int] = (240, 160)
) -> Path:
    """Write a Clothing Co-Parsing folder of drawn people and return it.

    Ids are 0001 and on for photos with a garment map, 1005 and on for those with tags only.
    """
    from scipy.io import savemat

    rng, scheme = np.random.default_rng(0), get_scheme("ccp")
    for name in ("photos", "annotations/pixel-level", "annotations/image-level"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    names = np.empty((1, 59), dtype=object)
    names[0] = scheme.names
    savemat(folder / "label_list.mat", {"label_list": names})
    for number in range(parsed + tagged):
        garments = draw_person(
            size,
            x=size[1] * rng.uniform(0.4, 0.6),
            top=size[0] * rng.uniform(0.04, 0.1),
            height=size[0] * rng.uniform(0.8, 0.88),
            scheme=scheme,
        )
        photo_id = f"{number + 1:04d}" if number < parsed else f"{number - parsed + 1005:04d}"
        photo = Image.fromarray(paint(garments, scheme, rng))
        photo.save(folder / "photos" / f"{photo_id}.jpg", quality=95)
        if number < parsed:
            path = folder / "annotations" / "pixel-level" / f"{photo_id}.mat"
            savemat(path, {"groundtruth": garments})
        else:
            tags = np.unique(garments).astype(np.uint8)[None]
            savemat(folder / "annotations" / "image-level" / f"{photo_id}.mat", {"tags": tags})
    return folder


def draw_group(
    image_id: str = "0001",
    count: int = 3,
    size: tuple[int, int] = (96, 160),
    subset: str | None = "indoor",
    overlap: bool = False,
) -> Annotation:
    """Return persons side by side, left to right; with `overlap` neighbours share pixels."""
    scheme = scheme_of(subset)
    step = size[1] / (count + 1)
    height = min(size[0] * 0.9, step / 0.40)
    if overlap:
        step = height * 0.25
    drawn = [draw_person(size, step * (n + 1), 2, height, scheme) for n in range(count)]
    return Annotation(
        np.stack(drawn) if drawn else np.zeros((0, *size), np.uint8), scheme, image_id
    )


def write_gps_folder(folder: Path, overlap: bool = False) -> Path:
    """Write a GPS folder of five images and return it.

    Ids, persons, subset, split: a 3 indoor train; b 2 outdoor train; c 1 indoor val;
    d 0 outdoor val; e 4 indoor train.
    """
    rng = np.random.default_rng(0)
    for image_id, count, subset, split in (
        ("a", 3, "indoor", "train"),
        ("b", 2, "outdoor", "train"),
        ("c", 1, "indoor", "val"),
        ("d", 0, "outdoor", "val"),
        ("e", 4, "indoor", "train"),
    ):
        group = draw_group(image_id, count, subset=subset, overlap=overlap)
        image = paint(group.flatten()[0], group.scheme, rng)
        write_annotation(folder, group, image, subset, split)
    return folder
