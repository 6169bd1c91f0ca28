"""Every format: written in its layout, found, read back; a folder and its archive are equal."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.formats import find_scheme, open_labels, read_ids
from peopleparse.data.image_labels import ImageLabels, size_of
from peopleparse.data.label_source import FileLabels
from peopleparse.errors import DataError, InputError, SchemeError
from peopleparse.metrics.tally import make_tally
from tests.data.label_folders import (
    Scene,
    Scenes,
    make_scenes,
    pack,
    person_maps,
    write_cihp_prediction,
    write_cihp_truth,
    write_coco,
    write_gps,
    write_lines,
    write_lip,
    write_mhp_persons,
    write_mhp_scores,
    write_mhp_submission,
    write_png,
    write_saved,
)

GROUPS = make_scenes()
PEOPLED = make_scenes(counts=(2, 3))  # a PNG a person cannot say that there is nobody


def _v1_scored(folder: Path, scenes: Scenes) -> Path:
    return write_mhp_scores(write_mhp_persons(folder, scenes, "annotations"), scenes)


# format, side, how it is written, scenes; the scheme's name where it is not the format's.
CASES = [
    ("gps", "truth", write_gps, GROUPS),
    ("gps", "prediction", write_gps, GROUPS),
    ("peopleparse", "prediction", write_saved, GROUPS),
    ("lip", "truth", write_lip, GROUPS),
    ("lip", "prediction", write_lip, GROUPS),
    ("cihp", "truth", write_cihp_truth, GROUPS),
    ("cihp", "prediction", write_cihp_prediction, GROUPS),
    ("mhp-v1", "truth", partial(write_mhp_persons, inner="annotations"), PEOPLED),
    ("mhp-v1", "prediction", _v1_scored, PEOPLED),
    ("mhp-v2", "truth", partial(write_mhp_persons, inner="parsing_annos", colors=True), PEOPLED),
    ("mhp-v2", "prediction", write_mhp_submission, GROUPS),
    ("coco", "truth", write_coco, GROUPS),
    ("coco", "prediction", write_coco, GROUPS),
]
SCHEMES = {"peopleparse": "gps", "coco": "lip"}
every_format = pytest.mark.parametrize(
    ("format", "side", "write", "scenes"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
Write = Callable[[Path, Scenes], Path]


def _check_image(labels: ImageLabels, scene: Scene, source: FileLabels) -> None:
    assert size_of(labels) == scene.parsing.shape
    if source.format == "lip":
        assert labels.persons is None and labels.scores is None
    else:
        np.testing.assert_array_equal(person_maps(labels, len(scene.persons)), scene.persons)
    if labels.parsing is not None:
        np.testing.assert_array_equal(labels.parsing, scene.parsing)
    if source.side == "truth" or source.format == "lip":
        assert labels.scores is None
    else:
        assert labels.scores is not None and labels.scores.tolist() == scene.scores.tolist()


def _same(first: ImageLabels, second: ImageLabels) -> None:
    for name in ("persons", "scores", "parsing", "regions"):
        a, b = getattr(first, name), getattr(second, name)
        assert type(a) is type(b)
        if name == "regions" and a is not None:
            a, b = (a.numbers, a.label_ids, a.scores), (b.numbers, b.label_ids, b.scores)
        for x, y in zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]:
            np.testing.assert_array_equal(x, y)


@every_format
def test_round_trip(tmp_path: Path, format: str, side: str, write: Write, scenes: Scenes) -> None:
    path = write(tmp_path / "set", scenes)
    source = open_labels(path, side=side)
    assert (source.format, source.side, source.name) == (format, side, str(path))
    assert source.ids == tuple(sorted(scenes))
    assert source.scheme.name == SCHEMES.get(format, format)
    for image_id, scene in scenes.items():
        assert source.faults_of(image_id) == []
        _check_image(source.read(image_id), scene, source)
        assert Path(source.place_of(image_id)).is_file()
        assert source.files_of(image_id)


@every_format
def test_a_folder_and_its_archive_are_equal(
    tmp_path: Path, format: str, side: str, write: Write, scenes: Scenes
) -> None:
    path = write(tmp_path / "parent" / "set", scenes)
    folder = path if path.is_dir() else path.parent
    first = open_labels(path, side=side)
    assert open_labels(tmp_path / "parent", side=side).ids == first.ids
    for number, inner in enumerate(("", "my results", "a/b")):
        archive = pack(folder, tmp_path / f"{number}.zip", inner)
        second = pickle.loads(pickle.dumps(open_labels(archive, side=side)))
        assert (second.format, second.ids, second.scheme) == (format, first.ids, first.scheme)
        assert second.files.inner == inner
        assert second.name == str(archive)
        for image_id in scenes:
            _same(first.read(image_id), second.read(image_id))
            assert list(first.files_of(image_id).values()) == list(
                second.files_of(image_id).values()
            )


@every_format
def test_perfect_against_itself(
    tmp_path: Path, format: str, side: str, write: Write, scenes: Scenes
) -> None:
    """What a reader gives is what a tally takes."""
    source = open_labels(write(tmp_path / "set", scenes), side=side)
    for image_id, scene in scenes.items():
        labels = source.read(image_id)
        tally = make_tally(
            image_id,
            labels.persons,
            labels.persons,
            labels.scores,
            num_ids=source.scheme.num_ids,
            truth_parsing=labels.parsing,
            parsing=labels.parsing,
        )
        assert tally.confusion.trace() == tally.confusion.sum() == scene.parsing.size
        if labels.persons is not None:
            assert tally.persons().person_iou().diagonal().tolist() == [1.0] * len(scene.persons)


@pytest.mark.parametrize("scheme", ["cihp", "ids:19", "mhp-v2"])
def test_another_scheme_can_be_named(tmp_path: Path, scheme: str) -> None:
    source = open_labels(write_lip(tmp_path, GROUPS), scheme=scheme)
    assert source.scheme.name == scheme and source.read("0001").parsing is not None


def test_lip_folder_of_the_data_set(tmp_path: Path) -> None:
    write_lip(tmp_path / "TrainVal_parsing_annotations" / "val_segmentations", GROUPS)
    write_lip(tmp_path / "TrainVal_parsing_annotations" / "train_segmentations", PEOPLED)
    source = open_labels(tmp_path)
    assert (source.format, source.ids) == ("lip", tuple(GROUPS))


def test_only_the_images_of_a_list(tmp_path: Path) -> None:
    folder = write_lip(tmp_path / "set", GROUPS)
    listed = write_lines(tmp_path / "val_id.txt", ["0003", "val/0001.jpg", ""])
    assert open_labels(folder, ids=listed).ids == ("0001", "0003")
    assert open_labels(folder, ids=["0002"]).ids == ("0002",)
    assert open_labels(folder, side="prediction", ids=["0002", "9"]).ids == ("0002",)
    with pytest.raises(
        DataError, match=r"truth must have every image of the list, got none for \['9'\], at .*set"
    ):
        open_labels(folder, ids=["0002", "9"])
    with pytest.raises(DataError, match=r"got none for \['10', .*'14'\] and 1 more, at"):
        open_labels(folder, ids=[str(n) for n in range(10, 16)])
    with pytest.raises(
        DataError, match="image must be one of the 1 of the truth, got '0001', at .*set. Check the"
    ):
        open_labels(folder, ids=["0002"]).read("0001")


def test_lists_of_images(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa.b\r\nb.PNG\r\n")
    assert read_ids(path) == ["a.b", "b"]
    path.write_text("\n")
    with pytest.raises(InputError, match="list of images must have a line each, got none, at"):
        read_ids(path)
    for wrong in (tmp_path / "no.txt", write_png(tmp_path / "x.png", np.eye(2, dtype=np.uint8))):
        with pytest.raises(InputError, match="list of images must be a text file, got '.+', at"):
            read_ids(wrong)


@pytest.mark.parametrize("name", ["ids:1", "ids:256", "ids:", "ids:two"])
def test_unnamed_schemes_have_a_number(name: str) -> None:
    with pytest.raises(InputError, match=f"must be 'ids:2' to 'ids:255', got '{name}'. Count"):
        find_scheme(name)


def test_unnamed_schemes_have_colours() -> None:
    scheme = find_scheme("ids:255")
    colors = {label.color for label in scheme.labels}
    assert len(colors) == 255 and scheme.labels[0].color == (0, 0, 0)
    with pytest.raises(SchemeError, match="scheme must be a known name, got 'lpi'"):
        find_scheme("lpi")


def test_unknown_format_and_side(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format must be known, got 'lpi'. Did you mean 'lip'"):
        open_labels(tmp_path, "lpi")
    with pytest.raises(InputError, match="side must be known, got 'true'. Did you mean 'truth'"):
        open_labels(tmp_path, side="true")


def test_a_layout_that_is_none(tmp_path: Path) -> None:
    write_lines(tmp_path / "a" / "x.csv", ["1"])
    write_lines(tmp_path / "b" / "y.txt", ["1"])
    with pytest.raises(
        DataError,
        match=r"one of the formats gps, .* coco, got folders \['a', 'b'\] and files that end in "
        r"\['.csv', '.txt'\], at .* Compare with docs/formats.md",
    ):
        open_labels(tmp_path)


def test_the_version_of_mhp_must_be_known(tmp_path: Path) -> None:
    write_mhp_persons(tmp_path, PEOPLED, "")
    with pytest.raises(
        DataError, match="format must be named for MHP files without their folder, got '0001_02_01"
    ):
        open_labels(tmp_path)
    assert open_labels(tmp_path, scheme="mhp-v1").format == "mhp-v1"
    submission = write_mhp_submission(tmp_path / "sub", GROUPS)
    named = open_labels(submission, scheme="mhp-v1", side="prediction")
    assert (named.format, named.scheme.name) == ("mhp-v1", "mhp-v1")
