from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from peopleparse.data import fashionista
from peopleparse.data.fashionista import FashionistaMat, export_fashionista
from peopleparse.data.formats import open_labels
from peopleparse.data.map_check import check_counts, check_maps
from peopleparse.data.map_labels import MapLabels
from peopleparse.data.statistics import measure_dataset
from peopleparse.errors import DataError, InputError
from peopleparse.labels import get_scheme

io_mat = pytest.importorskip("scipy.io")
NAMES = get_scheme("fashionista").names


def _encode(values: np.ndarray, kind: str) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format=kind)
    return np.frombuffer(buffer.getvalue(), np.uint8)[None]


def _truth(index: int) -> dict[str, Any]:
    """Four superpixels; each is a label of its own."""
    superpixels = np.repeat(np.array([[1, 2], [3, 4]], np.uint8), 3 + index, axis=1)
    labels = np.array([1, 56, 55, 7 + index], np.uint8)[:, None]
    names = np.empty((1, len(NAMES)), object)
    names[0] = NAMES
    height, width = superpixels.shape
    return {
        "index": float(index),
        "url": "",
        "image": _encode(np.zeros((height, width, 3), np.uint8), "JPEG"),
        "pose": {"point": np.zeros((14, 2))},
        "annotation": {
            "superpixel_map": _encode(superpixels, "PNG"),
            "superpixel_labels": labels,
            "labels": names,
        },
        "id": 100 + index,
    }


def write_mat(
    path: Path, change: Callable[[list[dict[str, Any]]], object] = len, test: Any = ((2,),)
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    truths = [_truth(index) for index in (1, 2, 3)]
    change(truths)
    array = np.empty((1, len(truths)), [(name, object) for name in truths[0]])
    for column, truth in enumerate(truths):
        array[0, column] = tuple(truth.values())
    variables = {"truths": array, "predictions": array, "test_index": np.array(test, float)}
    io_mat.savemat(path, variables, do_compression=True)
    return path


def test_the_file(tmp_path: Path) -> None:
    path = write_mat(tmp_path / "fashionista_v0.2.1.mat")
    for place in (path, tmp_path):
        source = open_labels(place)
        assert isinstance(source, FashionistaMat)
        assert (source.format, source.scheme.name) == ("fashionista", "fashionista")
        assert source.ids == ("0001", "0002", "0003")
        assert source.splits == {"train": ("0001", "0003"), "test": ("0002",)}
        assert source.names_of("0001") == ["fashionista_v0.2.1.mat"]
        assert source.names_of("x") == []
        assert check_maps(source) == []
    parsing = source.read("0002").parsing
    assert parsing is not None
    assert parsing.tolist() == [[0] * 5 + [55] * 5, [54] * 5 + [8] * 5]
    assert measure_dataset(source).part_images["skin"] == 3
    hashed = source.files_of("0001")
    assert len(hashed) == 2 and hashed != source.files_of("0002")


def test_export_is_what_the_file_says(tmp_path: Path) -> None:
    mat = open_labels(write_mat(tmp_path / "fashionista.mat"))
    assert isinstance(mat, FashionistaMat)
    out = export_fashionista(mat, tmp_path / "out")
    source = open_labels(out)
    assert isinstance(source, MapLabels) and not isinstance(source, FashionistaMat)
    assert (source.format, source.ids, source.splits) == ("fashionista", mat.ids, mat.splits)
    assert check_maps(source) == []
    for image_id in mat.ids:
        np.testing.assert_array_equal(source.read(image_id).parsing, mat.read(image_id).parsing)
        assert source.read_photo(image_id) == mat.read_photo(image_id)
    with pytest.raises(InputError, match="output must be a new folder, got one there, at .*out. N"):
        export_fashionista(mat, out)


def test_published_counts(tmp_path: Path) -> None:
    source = open_labels(write_mat(tmp_path / "fashionista.mat"))
    assert isinstance(source, FashionistaMat)
    with pytest.raises(DataError, match="Fashionista must have 456 images in split 'train', got 2"):
        check_counts(source)
    source.splits = {"train": ("x",) * 456, "test": ("x",) * 229}
    check_counts(source)


def _edit(name: str, value: Any) -> Callable[[list[dict[str, Any]]], object]:
    return lambda truths: truths[0]["annotation"].update({name: value})


def _swap(truths: list[dict[str, Any]]) -> None:
    names = truths[0]["annotation"]["labels"]
    names[0, [1, 2]] = names[0, [2, 1]]


FAULTS = {
    "superpixels must be 1 to 3, got 1 to 4, at truth 0001 of ": _edit(
        "superpixel_labels", np.ones((3, 1))
    ),
    "superpixel_labels must be 1 to 56, got 1 to 57, at ": _edit(
        "superpixel_labels", np.array([1, 57, 1, 1])
    ),
    "label map must be a PNG file, got 1 bytes": _edit("superpixel_map", np.uint8([[1]])),
    "labels must be the 56 names of scheme 'fashionista', got 2 names, at ": _edit(
        "labels", np.array(["null", "tights"], object)
    ),
    "labels must be the 56 names of scheme 'fashionista', got 'shorts' for 'tights', at ": _swap,
    "annotation must have superpixel_map, superpixel_labels and labels, got '": (
        lambda truths: truths[0].update(annotation={"labels": 1})
    ),
}


@pytest.mark.parametrize("start", FAULTS)
def test_a_broken_truth_costs_itself_alone(tmp_path: Path, start: str) -> None:
    source = open_labels(write_mat(tmp_path / "fashionista.mat", FAULTS[start]))
    faults = source.faults_of("0001")
    assert faults and faults[0].startswith(start), faults
    assert source.faults_of("0002") == []
    assert isinstance(source, FashionistaMat)
    with pytest.raises(DataError):
        export_fashionista(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "fashionista.mat"
    path.write_bytes(b"no MATLAB file")
    with pytest.raises(DataError, match="must be a readable MATLAB file up to version 7, got"):
        open_labels(path)
    io_mat.savemat(path, {"truths": np.zeros(1)})
    with pytest.raises(DataError, match="must hold truths and test_index, got no test_index, at"):
        open_labels(path)
    with pytest.raises(DataError, match="test_index must be of 1 to 3, got 2.0 to 4.0, at"):
        open_labels(write_mat(path, test=[2, 4]))
    with pytest.raises(DataError, match="truths must have an index each, got 2 for 3, at"):
        open_labels(write_mat(path, lambda truths: truths[0].update(index=2.0)))
    with pytest.raises(DataError, match="truths must have an index each, got '.*', at"):
        open_labels(write_mat(path, lambda truths: truths[0].update(index="one")))


def test_without_scipy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_mat(tmp_path / "fashionista.mat")
    monkeypatch.setattr(fashionista, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match="MATLAB files must be read with scipy, got none installed"
    ):
        open_labels(path)
