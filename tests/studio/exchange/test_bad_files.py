"""Files of strangers: each fault is refused in a sentence, and nothing is unpacked or run."""

from __future__ import annotations

import base64
import io
import json
import stat
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from peopleparse.errors import DataError, InputError
from peopleparse.studio.exchange import files as exchange_files
from peopleparse.studio.exchange.export import export_photos
from peopleparse.studio.exchange.files import ExchangeFiles, parse_xml, place_photo, to_json
from peopleparse.studio.exchange.formats import FORMATS
from peopleparse.studio.exchange.incoming import sort_sheets
from peopleparse.studio.exchange.people import POLYGONS, SKIPPED, draw_polygon
from peopleparse.studio.exchange.sheets import OVERWRITTEN, SheetPerson
from peopleparse.studio.exchange.source import PhotoSource
from tests.studio.exchange.scenes import SCHEME

SIZE = (6, 8)
HAT, HAIR = SCHEME.names[1], SCHEME.names[2]
Change = Callable[[Any], None]


def make_scene() -> PhotoSource:
    """Two persons: a hat of two pixels, hair of four."""
    labels = np.zeros((2, *SIZE), np.uint8)
    labels[0, 1, 1:3] = 1
    labels[1, 2:4, 5:7] = 2
    persons: list[dict[str, Any]] = [{"uid": "a", "occluded": True}, {"uid": "b"}]
    return PhotoSource("p", "p.png", None, labels, persons, {"sha256": "ab"})


def export(format: str, out: Path, layout: str = "copies") -> Path:
    scene = make_scene()
    export_photos(["p"], lambda _: scene, SCHEME, format, out, layout)
    return out


def read(
    format: str, path: Path, losses: Counter[str] | None = None, size: tuple[int, int] = SIZE
) -> dict[int, SheetPerson]:
    sheets = FORMATS[format].find_sheets(ExchangeFiles(path), SCHEME)
    (photo,), unknown = sort_sheets(sheets, {"p": None})
    assert unknown == []
    return photo.load(size, "ab", Counter() if losses is None else losses)


def change_json(path: Path, change: Change) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def set_at(*keys: Any, value: Any) -> Change:
    """Set a value deep in a JSON."""

    def change(data: Any) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = value

    return change


COCO, TASKS, ITEMS = "annotations/instances_default.json", "tasks.json", "annotations/default.json"
RESULT = (0, "annotations", 0, "result", 0)
LABELME = "p_02_01.json"
SHAPE = ("shapes", 0)


def png(array: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.array(array, np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


FAULTS: list[tuple[str, str, Change, str]] = [
    ("coco", COCO, set_at("images", value=3), "must hold 'images', a list of mappings"),
    ("coco", COCO, set_at("categories", 0, "name", value="hatt"), "got 'hatt', .*mean 'hat'"),
    ("coco", COCO, set_at("images", 0, "height", value=7), "masks must be 8 x 6 like their photo"),
    ("coco", COCO, set_at("images", 0, "sha256", value="cd"), "photo must be the one that was"),
    ("coco", COCO, set_at("images", 0, "persons", 0, "index", value=0), "have an index from 1"),
    ("coco", COCO, set_at("images", 0, "persons", 0, "uid", value="a\nb"), "uid must be a line"),
    ("coco", COCO, set_at("images", 0, "persons", 0, "status", value=[]), "status must be one of"),
    ("coco", COCO, set_at("images", 0, "persons", 0, "seconds", value=-1), "seconds must be a nu"),
    ("coco", COCO, set_at("images", 0, "persons", 0, "click_xy", value="12"), "must be x and y"),
    ("coco", COCO, set_at("images", 0, "persons", 0, "revision", value=True), "a whole number"),
    ("coco", COCO, set_at("images", 0, "persons", 0, "occluded", value=2), "must be true or fal"),
    ("coco", COCO, set_at("annotations", 0, "image_id", value=9), "be one of the file's images"),
    (
        *("coco", COCO, set_at("annotations", 0, "segmentation", "size", value=[8, 6])),
        r"segmentation must have size \[6, 8\]",
    ),
    (
        *("coco", COCO, set_at("annotations", 0, "segmentation", value=[[0, 0, 1e9, 0, 5, 5]])),
        "polygon must have three points and more, near its photo of 8 x 6",
    ),
    ("label-studio", TASKS, set_at(0, value=[]), "task must have data, got"),
    ("label-studio", TASKS, set_at(0, "annotations", value=1), "annotations of a task must be a"),
    ("label-studio", TASKS, set_at(*RESULT, "original_width", value=9), "of 8 x 6, got 9 x 6, at"),
    ("label-studio", TASKS, set_at(*RESULT, "image_rotation", value=90), "turned by 90, at reg"),
    ("label-studio", TASKS, set_at(*RESULT, "value", "brushlabels", value=[]), "have one label"),
    ("label-studio", TASKS, set_at(*RESULT, "value", "brushlabels", value=["x"]), "got 'x'"),
    ("label-studio", TASKS, set_at(*RESULT, "value", "rle", value=[1, 2]), "fewer bytes than"),
    ("label-studio", TASKS, set_at(0, "data", "persons", value=[3]), "must have an index from 1"),
    ("labelme", LABELME, set_at(*SHAPE, "label", value="Hat"), "got 'Hat', .*mean 'hat'"),
    ("labelme", LABELME, set_at(*SHAPE, "mask", value="?"), "mask must be a PNG in base64, got"),
    ("labelme", LABELME, set_at(*SHAPE, "mask", value=None), "mask must be a PNG in base64, got"),
    ("labelme", LABELME, set_at(*SHAPE, "mask", value=png([[1]])), "mask must be 2 x 1 like its b"),
    (
        *("labelme", LABELME, set_at(*SHAPE, "mask", value=png([[[1, 1, 1]] * 2]))),
        "in grey, got 2 x 1",
    ),
    ("labelme", LABELME, set_at(*SHAPE, "points", value=[[7, 1], [8, 1]]), "on its photo of 8 x 6"),
    ("labelme", LABELME, set_at(*SHAPE, "points", value=["x"]), "points of a shape must be a list"),
    ("labelme", LABELME, set_at("imageWidth", value=9), "masks must be 8 x 6 like their photo"),
    ("datumaro", ITEMS, set_at("categories", value={}), "categories must list the labels"),
    ("datumaro", ITEMS, set_at("items", 0, value=7), "item must be a mapping with annotations"),
    ("datumaro", ITEMS, set_at("items", 0, "annotations", 0, "label_id", value=99), "got '99'"),
    (
        *("datumaro", ITEMS, set_at("items", 0, "annotations", 0, "rle", "counts", value="0")),
        "run lengths must be whole numbers that sum to 48",
    ),
    ("datumaro", ITEMS, set_at("items", 0, "image", "size", value=[1, 1]), "masks must be 8 x 6"),
]


@pytest.mark.parametrize(("format", "name", "change", "text"), FAULTS)
def test_broken_values(tmp_path: Path, format: str, name: str, change: Change, text: str) -> None:
    out = export(format, tmp_path / "out")
    change_json(out / name, change)
    with pytest.raises(DataError, match=text) as caught:
        read(format, out)
    assert len(str(caught.value)) < 600


XML_FAULTS = [
    ('label="hat"', 'label="hatt"', "got 'hatt', .*mean 'hat'"),
    ('rle="0, 2"', 'rle="0, 3"', r"run lengths must sum to 2 pixels \(2 x 1\), got 3"),
    ('rle="0, 2"', 'rle="0; 2"', "rle must be whole numbers with commas, got '0; 2'"),
    ('left="1"', 'left="7"', r"mask must lie on its photo of 8 x 6, got 2 x 1 at \(7, 1\)"),
    ('left="1"', 'left="-1"', "left must be a whole number, got '-1'"),
    ('width="2"', 'width="0"', "mask must lie on its photo"),
    ('width="8"', 'width="9"', "masks must be 8 x 6 like their photo, got 9 x 6"),
    ('width="8"', 'width="eight"', "width must be a whole number, got 'eight'"),
    ("<version>", "<track/><version>", "got tracks of a video"),
    ("annotations>", "labels>", "must hold an annotations.xml with images, got none"),
    ("</annotations>", "", "labels must be XML, got 'no element found"),
    ('name="n_persons">2', 'name="n_persons">{', "n_persons must be a value as it was exported"),
    ('name="n_persons">2', 'name="n_persons">-2', "n_persons must be a whole number from 0"),
    ("<annotations>", "<!DOCTYPE a><annotations>", "XML must be without DOCTYPE and entities"),
    (
        "<annotations>",
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>',
        "XML must be without DOCTYPE and entities",
    ),
    ("<version>1.1", f"<version>{'<a>' * 40}{'</a>' * 40}", "XML must nest at most 32 elements"),
    ("<version>1.1", "<version>&x;", "labels must be XML, got 'undefined entity"),
]


@pytest.mark.parametrize(("old", "new", "text"), XML_FAULTS)
def test_broken_xml(tmp_path: Path, old: str, new: str, text: str) -> None:
    path = export("cvat", tmp_path / "out") / "annotations.xml"
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))
    with pytest.raises(DataError, match=text):
        read("cvat", path)


def test_entities_are_not_expanded_in_any_encoding() -> None:
    bomb = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    with pytest.raises(DataError, match="without DOCTYPE"):
        parse_xml(bomb.encode("utf-16"), "here")
    with pytest.raises(DataError, match="labels must be XML, got"):
        parse_xml(b'<?xml version="1.0" encoding="no-such"?><a/>', "here")


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "gps"])
def test_all_on_one_sheet_must_name_their_person(tmp_path: Path, format: str) -> None:
    out = export(format, tmp_path / "out", "together")
    for path in [*out.rglob("*.json"), *out.rglob("*.xml")]:
        if path.name in ("exchange-report.json", "labels.json"):
            continue
        text = path.read_text()
        for old in ('"person":2', '"person_id":2', '"instance_id":2', '"group_id": 2'):
            text = text.replace(old, old[:-1] + '"?"')
        text = text.replace(
            'name="person">2</attribute>\n    </mask>', 'name="person">?</attribute></mask>'
        )
        path.write_text(text)
    with pytest.raises(DataError, match=r"mask must name its person by a number from 1, got '\?'"):
        read(format, out)


@pytest.mark.parametrize("format", list(FORMATS))
def test_nothing_of_that_format(tmp_path: Path, format: str) -> None:
    (tmp_path / "other.txt").write_text("?")
    with pytest.raises(DataError, match="must hold .* got none, at"):
        FORMATS[format].find_sheets(ExchangeFiles(tmp_path), SCHEME)


def test_no_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match="labels must be JSON, got"):
        FORMATS["coco"].find_sheets(ExchangeFiles(tmp_path), SCHEME)
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(DataError, match="labels must be JSON of a sensible depth"):
        FORMATS["coco"].find_sheets(ExchangeFiles(tmp_path), SCHEME)


def test_polygons_and_other_shapes_are_counted(tmp_path: Path) -> None:
    out = export("labelme", tmp_path / "out")
    square = {"label": HAIR, "points": [[0, 0], [4, 0], [4, 4], [0, 4]], "shape_type": "polygon"}
    point = {"label": HAIR, "points": [[1, 1]], "shape_type": "point"}
    change_json(out / LABELME, lambda data: data["shapes"].extend([square, point]))
    losses = Counter[str]()
    person = read("labelme", out, losses)[1]
    assert (losses[POLYGONS], losses[SKIPPED], losses[OVERWRITTEN]) == (1, 1, 2)
    assert (person.labels[:4, :4] == 2).all() and person.labels.sum() == 32


def test_cvat_polygons_and_order(tmp_path: Path) -> None:
    """What has the higher z wins, wherever it stands."""
    path = export("cvat", tmp_path / "out") / "annotations.xml"
    polygon = f'<polygon label="{HAIR}" points="0,0;4,0;4,4;0,4" z_order="-1"/><box/>'
    text = path.read_text().replace("</mask>\n  </image>", f"</mask>{polygon}</image>", 1)
    path.write_text(text)
    losses = Counter[str]()
    person = read("cvat", path, losses)[1]
    assert (losses[POLYGONS], losses[SKIPPED], losses[OVERWRITTEN]) == (1, 1, 2)
    assert person.labels[1, 1:3].tolist() == [1, 1] and person.labels[0, 0] == 2
    assert person.facts["occluded"] is True


def test_cvat_without_tags_takes_occluded_of_masks(tmp_path: Path) -> None:
    path = export("cvat", tmp_path / "out") / "annotations.xml"
    root = parse_xml(path.read_bytes(), "here")
    for image in root.iter("image"):
        for tag in image.findall("tag"):
            image.remove(tag)
    path.write_bytes(ElementTree.tostring(root))
    persons = read("cvat", path)
    assert [persons[n].facts for n in (1, 2)] == [{"occluded": True}, {"occluded": False}]


@pytest.mark.parametrize(
    "points",
    [None, "x", [1, 2, 3], [0, 0, 1, 1], [0, 0, 1, 1, float("nan"), 2], [0, 0, 99, 0, 1, 1]],
)
def test_polygons_that_are_none(points: Any) -> None:
    with pytest.raises(DataError, match="polygon must have three points and more, near its photo"):
        draw_polygon(points, SIZE, "here")


def test_copies_that_disagree(tmp_path: Path) -> None:
    out = export("labelme", tmp_path / "out")
    (out / "p_02_02.json").rename(out / "p_03_02.json")
    with pytest.raises(DataError, match="agree on the number of its persons, got 2, 3 for 'p'"):
        read("labelme", out)
    (out / "p.json").write_bytes((out / LABELME).read_bytes())
    with pytest.raises(DataError, match="photo must have one sheet, or one copy for each person"):
        read("labelme", out)


def test_more_persons_than_announced(tmp_path: Path) -> None:
    out = export("coco", tmp_path / "out", "together")
    change_json(out / COCO, set_at("images", 0, "n_persons", value=1))
    with pytest.raises(DataError, match=r"persons must be numbered 1 to 1, got \[2\]"):
        read("coco", out)


@pytest.mark.parametrize("name", ["../out.json", "a\\b.json", "c:x.json"])
def test_paths_of_archives(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, "{}")
    with pytest.raises(DataError, match="names in an archive must lie inside it"):
        ExchangeFiles(tmp_path / "a.zip")


def test_links_of_archives(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "secret")
    with pytest.raises(DataError, match="an archive must hold files, got the link 'a.json'"):
        ExchangeFiles(tmp_path / "a.zip")


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b" " * (1 << 23))
        archive.writestr("b.json", b"[]")
    files = ExchangeFiles(tmp_path / "a.zip")
    with pytest.raises(DataError, match="file must have at most 1024 MiB and 200 times its packed"):
        files.read_json("a.json")
    assert files.read_json("b.json") == []
    monkeypatch.setattr(exchange_files, "_MOST_FILES", 1)
    with pytest.raises(DataError, match="archive must hold at most 1 files, got 2"):
        ExchangeFiles(tmp_path / "a.zip")


def test_large_single_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.upload"
    path.write_text("[1, 2, 3]")
    assert ExchangeFiles(path).read_json("a.json") == [1, 2, 3]
    monkeypatch.setattr(exchange_files, "_MOST_BYTES", 4)
    with pytest.raises(DataError, match="got 9 bytes"):
        ExchangeFiles(path).read_json("a.json")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x00\x01"])
def test_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="zip archive"):
        ExchangeFiles(tmp_path / "a.zip")


def test_values_that_are_no_json() -> None:
    with pytest.raises(InputError, match="fields of photos and persons must be JSON values, got"):
        to_json({"a": float("nan")})
    with pytest.raises(InputError, match="fields of photos and persons must be JSON values, got"):
        to_json({"a": Path("b")})


def test_photo_that_cannot_be_copied(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="photo must be a file that can be copied, got 'No such"):
        place_photo(tmp_path / "none.jpg", tmp_path / "copy.jpg")


def test_png_of_gps_with_another_size(tmp_path: Path) -> None:
    scene = make_scene()
    photo = tmp_path / "p.png"
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(photo)
    scene = PhotoSource("p", "p.png", photo, scene.labels, [{}, {}], {"split": "train"})
    export_photos(["p"], lambda _: scene, SCHEME, "gps", tmp_path / "out")
    mask = tmp_path / "out" / "annotations" / "p" / "p_02_01.png"
    Image.fromarray(np.zeros((600, 800), np.uint8)).save(mask)
    sheets = FORMATS["gps"].find_sheets(ExchangeFiles(tmp_path / "out"), SCHEME)
    (photos,), _ = sort_sheets(sheets, {"p": None})
    with pytest.raises(DataError, match="label PNG must be 8 x 6 like its photo, got 800 x 600"):
        photos.load(SIZE, None, Counter())
    mask.write_bytes(b"none")
    with pytest.raises(DataError, match="label PNG must be readable, got"):
        photos.load(SIZE, None, Counter())


def test_facts_that_are_no_mapping(tmp_path: Path) -> None:
    from peopleparse.studio.exchange.facts import check_person_facts, check_photo_facts

    with pytest.raises(DataError, match="facts of a person must be a mapping, got list, at here"):
        check_person_facts([], "here")
    assert check_photo_facts([], "here") == {}
