"""What is written is read by each format's own library, and what that library writes is read here.

The libraries are large; a test is skipped where its library is not installed.
"""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from peopleparse.errors import DataError
from peopleparse.studio.exchange.export import count_different, export_photos
from peopleparse.studio.exchange.files import ExchangeFiles, parse_xml
from peopleparse.studio.exchange.formats import FORMATS
from peopleparse.studio.exchange.incoming import sort_sheets
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.source import PhotoSource
from tests.studio.exchange.scenes import SCHEME
from tests.studio.exchange.test_round_trip import draw_scenes, with_photos

NAMES = PartNames(SCHEME)
Scenes = Mapping[str, PhotoSource]
Maps = dict[str, NDArray[np.uint8]]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    return with_photos(draw_scenes(range(30)), tmp_path_factory.mktemp("photos"))


def export(scenes: Scenes, format: str, out: Path, layout: str = "copies") -> Path:
    export_photos(list(scenes), scenes.__getitem__, SCHEME, format, out, layout)
    return out


def expect_copies(scenes: Scenes) -> Maps:
    """The label map of each copy by its name."""
    found: Maps = {}
    for scene in scenes.values():
        count = len(scene.labels)
        for index, labels in enumerate(scene.labels, 1):
            found[f"{scene.image_id}_{count:02d}_{index:02d}"] = labels
        if not count:
            found[f"{scene.image_id}_00_00"] = np.zeros(scene.labels.shape[1:], np.uint8)
    return found


def check_maps(found: Maps, expected: Maps) -> None:
    assert sorted(found) == sorted(expected)
    assert sum(int((found[name] != expected[name]).sum()) for name in expected) == 0


def test_coco_by_pycocotools(scenes: Scenes, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    out = export(scenes, "coco", tmp_path / "out")
    data = coco.COCO(str(out / "annotations/instances_default.json"))
    found = {}
    for image in data.imgs.values():
        labels = np.zeros((image["height"], image["width"]), np.uint8)
        for row in data.loadAnns(data.getAnnIds(imgIds=image["id"])):
            mask = data.annToMask(row).astype(bool)
            assert mask.sum() == row["area"]
            labels[mask] = row["category_id"]
        found[Path(image["file_name"]).stem] = labels
    check_maps(found, expect_copies(scenes))


def test_coco_of_pycocotools(scenes: Scenes, tmp_path: Path) -> None:
    """Masks that pycocotools encodes are read back exactly."""
    masks = pytest.importorskip("pycocotools.mask")
    out = export(scenes, "coco", tmp_path / "out")
    path = out / "annotations/instances_default.json"
    data = json.loads(path.read_text())
    for row in data["annotations"]:
        encoded = masks.encode(np.asfortranarray(masks.decode(row["segmentation"])))
        row["segmentation"] = {"size": encoded["size"], "counts": encoded["counts"].decode()}
        del row["person_id"], row["instance_id"], row["attributes"]  # the copy's name is enough
    path.write_text(json.dumps(data))
    check_here(scenes, "coco", out)


def check_here(scenes: Scenes, format: str, path: Path) -> None:
    found = FORMATS[format].find_sheets(ExchangeFiles(path), SCHEME)
    photos, unknown = sort_sheets(found, scenes)
    assert not unknown and len(photos) == len(scenes)
    for photo in photos:
        labels = scenes[photo.image_id].labels
        size = (labels.shape[1], labels.shape[2])
        assert count_different(labels, photo.load(size, None, Counter())) == 0


def test_cvat_by_its_sdk(scenes: Scenes, tmp_path: Path) -> None:
    masks = pytest.importorskip("cvat_sdk.masks")
    out = export(scenes, "cvat", tmp_path / "out")
    root = parse_xml((out / "annotations.xml").read_bytes(), "here")
    found = {}
    for image in root.iter("image"):
        width, height = int(image.get("width", "")), int(image.get("height", ""))
        labels = np.zeros((height, width), np.uint8)
        for mask in image.iter("mask"):
            left, top, w, h = (int(mask.get(k, "")) for k in ("left", "top", "width", "height"))
            runs = [int(n) for n in mask.get("rle", "").split(",")]
            points = [*runs, left, top, left + w - 1, top + h - 1]
            decoded = masks.decode_mask(points, image_width=width, image_height=height)
            assert masks.encode_mask(decoded) == points
            labels[decoded] = NAMES.id_of(mask.get("label"), "here")
        found[Path(image.get("name", "")).stem] = labels
    check_maps(found, expect_copies(scenes))


def test_cvat_takes_the_labels(scenes: Scenes, tmp_path: Path) -> None:
    models = pytest.importorskip("cvat_sdk.models")
    out = export(scenes, "cvat", tmp_path / "out")
    for row in json.loads((out / "labels.json").read_text()):
        label = models.PatchedLabelRequest(
            name=row["name"],
            color=row["color"],
            type=row["type"],
            attributes=[models.AttributeRequest(**given) for given in row["attributes"]],
        )
        assert label.name == row["name"]


def test_label_studio_by_its_sdk(scenes: Scenes, tmp_path: Path) -> None:
    brush = pytest.importorskip("label_studio_sdk.converter.brush")
    out = export(scenes, "label-studio", tmp_path / "out")
    found = {}
    for task in json.loads((out / "tasks.json").read_text()):
        size = (task["data"]["height"], task["data"]["width"])
        labels = np.zeros(size, np.uint8)
        for region in task["annotations"][0]["result"]:
            if region["type"] == "brushlabels":
                decoded = brush.decode_rle(region["value"]["rle"]).reshape(*size, 4)
                assert np.isin(decoded, (0, 255)).all()
                labels[decoded[..., 3] > 0] = NAMES.id_of(region["value"]["brushlabels"][0], "x")
        found[task["data"]["sheet"]] = labels
    check_maps(found, expect_copies(scenes))


def test_label_studio_of_its_sdk(scenes: Scenes, tmp_path: Path) -> None:
    """Masks that the SDK encodes, with the names that an upload gets, are read back exactly."""
    brush = pytest.importorskip("label_studio_sdk.converter.brush")
    out = export(scenes, "label-studio", tmp_path / "out")
    tasks = json.loads((out / "tasks.json").read_text())
    for task in tasks:
        name = task["data"]["photo"].rpartition("/")[2]
        task["data"] = {"photo": f"/data/upload/1/0a1b2c3d-{name}"}
        for region in task["annotations"][0]["result"]:
            if region["type"] == "brushlabels":
                values = brush.decode_rle(region["value"]["rle"])
                region["value"]["rle"] = brush.encode_rle(values)
                del region["meta"]
    (out / "tasks.json").write_text(json.dumps(tasks))
    check_here(scenes, "label-studio", out)


@pytest.mark.parametrize("layout", ["copies", "together"])
def test_label_studio_takes_the_interface(scenes: Scenes, tmp_path: Path, layout: str) -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface.interface")
    out = export(scenes, "label-studio", tmp_path / "out", layout)
    config = interface.LabelInterface((out / "config.xml").read_text())
    config.validate()
    tasks = json.loads((out / "tasks.json").read_text())
    assert {control.name for control in config.controls} == {"parts", "sights"}
    regions = [region for task in tasks for region in task["annotations"][0]["result"]]
    faults = [config.validate_region(region, return_errors=True) for region in regions]
    assert regions and [fault for fault in faults if fault] == []


@pytest.mark.parametrize("format", ["datumaro", "cvat", "coco"])
def test_datumaro_reads(scenes: Scenes, tmp_path: Path, format: str) -> None:
    out = export(scenes, format, tmp_path / "out")
    check_maps(read_datumaro(out, format), expect_copies(scenes))


def read_datumaro(path: Path, format: str) -> Maps:
    datumaro = pytest.importorskip("datumaro")
    dataset = datumaro.Dataset.import_from(str(path), format)
    labels_of = dataset.categories()[datumaro.AnnotationType.label]
    found: Maps = {}
    for item in dataset:
        height, width = item.media.size
        labels = np.zeros((height, width), np.uint8)
        for row in item.annotations:
            if row.type == datumaro.AnnotationType.mask:
                labels[np.asarray(row.image, bool)] = NAMES.id_of(labels_of[row.label].name, "x")
        found[item.id] = labels
    return found


@pytest.mark.parametrize("layout", ["copies", "together"])
def test_datumaro_writes_what_it_has_read(scenes: Scenes, tmp_path: Path, layout: str) -> None:
    """Facts in the attributes of items and masks survive Datumaro, too."""
    datumaro = pytest.importorskip("datumaro")
    out = export(scenes, "datumaro", tmp_path / "out", layout)
    dataset = datumaro.Dataset.import_from(str(out), "datumaro")
    dataset.export(str(tmp_path / "again"), "datumaro", save_media=False)
    check_here(scenes, "datumaro", tmp_path / "again")
    sheets = FORMATS["datumaro"].find_sheets(ExchangeFiles(tmp_path / "again"), SCHEME)
    assert {sheet.head.facts["image_id"] for sheet in sheets} == set(scenes)


@pytest.mark.parametrize("format", ["cvat", "coco_instances"])
def test_datumaro_converts_copies(scenes: Scenes, tmp_path: Path, format: str) -> None:
    """Copies find their way through a conversion that keeps no fact but the name."""
    datumaro = pytest.importorskip("datumaro")
    dataset = datumaro.Dataset.import_from(
        str(export(scenes, "datumaro", tmp_path / "out")), "datumaro"
    )
    more = {"save_media": True}
    dataset.export(str(tmp_path / "again"), format, **more)
    ours = {"cvat": "cvat", "coco_instances": "coco"}[format]
    found = FORMATS[ours].find_sheets(ExchangeFiles(tmp_path / "again"), SCHEME)
    photos, unknown = sort_sheets(found, scenes)
    assert not unknown
    by_id = {photo.image_id: photo for photo in photos}
    for name, scene in scenes.items():
        size = (scene.labels.shape[1], scene.labels.shape[2])
        persons = by_id[name].load(size, None, Counter()) if name in by_id else {}
        assert count_different(scene.labels, persons) == 0


def test_labelme_by_its_rules(scenes: Scenes, tmp_path: Path) -> None:
    """LabelMe's own checks of a file, by hand: its package is not one to import."""
    out = export(scenes, "labelme", tmp_path / "out")
    found = {}
    for path in out.glob("*.json"):
        if path.name == "exchange-report.json":
            continue
        data = json.loads(path.read_text())
        with Image.open(path.parent / data["imagePath"]) as photo:
            assert photo.size == (data["imageWidth"], data["imageHeight"])
        assert Path(data["imagePath"]).stem == path.stem and data["imageData"] is None
        labels = np.zeros((data["imageHeight"], data["imageWidth"]), np.uint8)
        for shape in data["shapes"]:
            mask = read_labelme_shape(shape)
            (x1, y1), (x2, y2) = np.asarray(shape["points"]).astype(int)
            window = labels[y1 : y2 + 1, x1 : x2 + 1]
            assert window.shape == mask.shape
            window[mask] = NAMES.id_of(shape["label"], "here")
        found[path.stem] = labels
    check_maps(found, expect_copies(scenes))


def read_labelme_shape(shape: dict[str, Any]) -> NDArray[np.bool_]:
    assert isinstance(shape["label"], str) and shape["shape_type"] == "mask"
    assert shape["points"] and all(
        len(p) == 2 and all(isinstance(v, float) for v in p) for p in shape["points"]
    )
    assert all(isinstance(v, bool) for v in shape["flags"].values())
    assert isinstance(shape["group_id"], int) and isinstance(shape["description"], str)
    with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as image:
        assert image.mode == "L"
        mask: NDArray[np.bool_] = np.array(image).astype(bool)
    return mask


def test_unknown_label_names_the_nearest() -> None:
    with pytest.raises(DataError, match="got 'uper clothes', at here.*mean 'upper clothes'"):
        NAMES.id_of("uper clothes", "here")
