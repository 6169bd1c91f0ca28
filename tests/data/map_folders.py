"""Three-image copies of the data sets of label maps, in their true layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.label_folders import write_lines, write_png

IDS = ("2008_000008", "2500_97", "dataset10k_12")
SPLITS = ("train", "val", "test")


def make_maps(num_ids: int, ids: tuple[str, ...] = IDS, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {i: rng.integers(0, num_ids, (6, 5 + n), dtype=np.uint8) for n, i in enumerate(ids)}


def write_photo(path: Path, size: tuple[int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size[1], size[0]), (90, 80, 70)).save(path)
    return path


def write_set(
    root: Path, maps: dict[str, np.ndarray], map_folder: str, photo_folder: str
) -> dict[str, np.ndarray]:
    for image_id, parsing in maps.items():
        write_png(root / map_folder / f"{image_id}.png", parsing)
        write_photo(root / photo_folder / f"{image_id}.jpg", parsing.shape)
    return maps


def write_atr(root: Path) -> dict[str, np.ndarray]:
    maps = make_maps(18)
    write_set(root, maps, "humanparsing/SegmentationClassAug", "humanparsing/JPEGImages")
    for split, image_id in zip(SPLITS, maps, strict=True):
        write_lines(root / f"{split}_id.txt", [image_id])
    return maps


def write_pascal(root: Path, owners: bool = False) -> dict[str, np.ndarray]:
    maps = make_maps(7)
    inner = "pascal_person_part"
    write_set(root, maps, f"{inner}/pascal_person_part_gt", "VOCdevkit/VOC2010/JPEGImages")
    for split, ids in (("train", IDS[:2]), ("val", IDS[2:])):
        lines = [f"/JPEGImages/{i}.jpg /pascal_person_part_gt/{i}.png" for i in ids]
        write_lines(root / inner / "pascal_person_part_trainval_list" / f"{split}.txt", lines)
    # VOC's own lists have the same names and are of other images.
    write_lines(root / "VOCdevkit/VOC2010/ImageSets/Segmentation/train.txt", ["2007_000032"])
    for image_id, parsing in maps.items() if owners else ():
        numbers = np.where(parsing > 0, 4, 0).astype(np.uint8)
        numbers[:, :2][parsing[:, :2] > 0] = 9
        write_png(root / inner / "Human_ids" / f"{image_id}.png", numbers)
    return maps


def write_lip_set(root: Path) -> dict[str, np.ndarray]:
    """As its three archives unpack: each into a folder of its own name, which is inside another."""
    train, val, bare = "77_471474", "100034_483681", "100_10"
    maps = make_maps(20, (train, val))
    for split, image_id in (("train", train), ("val", val)):
        write_set(
            root,
            {image_id: maps[image_id]},
            f"TrainVal_parsing_annotations/TrainVal_parsing_annotations/{split}_segmentations",
            f"TrainVal_images/TrainVal_images/{split}_images",
        )
        write_lines(root / "TrainVal_images" / f"{split}_id.txt", [image_id])
    write_photo(root / "Testing_images/Testing_images/testing_images" / f"{bare}.jpg", (5, 4))
    write_lines(root / "Testing_images" / "test_id.txt", [bare])
    return maps
