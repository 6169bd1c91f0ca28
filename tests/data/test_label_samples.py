from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.formats import open_labels
from peopleparse.data.label_samples import choose_samples, read_sample
from peopleparse.errors import DataError
from tests.data.label_folders import make_scenes, write_cihp_truth, write_lip, write_mhp_persons
from tests.datasets import write_gps_folder


def test_samples_stand_at_even_distances() -> None:
    assert choose_samples("abcdefghij", 5) == ["b", "d", "f", "h", "j"]
    assert choose_samples("abc", 8) == ["a", "b", "c"]
    assert choose_samples("abc", 0) == choose_samples("", 3) == []


def test_a_gps_sample_has_its_photo(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    result = read_sample(open_labels(tmp_path), "a")
    assert (len(result), result.size, result.source) == (3, (96, 160), "a")
    assert result.image is not None and result.image.shape == (96, 160, 3)


@pytest.mark.parametrize("broken", [b"no picture", None])
def test_a_broken_or_missing_photo_is_left_out(tmp_path: Path, broken: bytes | None) -> None:
    write_gps_folder(tmp_path)
    photo = tmp_path / "images" / "a.jpg"
    photo.unlink()
    if broken is not None:
        photo.write_bytes(broken)
    assert read_sample(open_labels(tmp_path), "a").image is None


def _save(path: Path, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 9, np.uint8)).save(path)


def test_a_photo_beside_the_labels_is_found_by_its_name(tmp_path: Path) -> None:
    scenes = make_scenes(20, (2, 1))
    write_cihp_truth(tmp_path, scenes)
    size = scenes["0001"].parsing.shape
    _save(tmp_path / "Images" / "0001.png", size)
    _save(tmp_path / "Images" / "0002.jpg", (1, 1))  # of another size
    source = open_labels(tmp_path)
    assert read_sample(source, "0001").image is not None
    assert read_sample(source, "0002").image is None


def test_label_maps_have_no_people(tmp_path: Path) -> None:
    scenes = make_scenes(20, (2,))
    result = read_sample(open_labels(write_lip(tmp_path, scenes)), "0001")
    assert len(result) == 0 and np.array_equal(result.parsing, scenes["0001"].parsing)


def test_a_scheme_without_names_can_be_drawn(tmp_path: Path) -> None:
    write_mhp_persons(tmp_path, make_scenes(9, (2,)), "annotations")
    source = open_labels(tmp_path, scheme="ids:9", format="mhp-v1")
    assert read_sample(source, "0001").parsing.max() > 0


def test_broken_labels_are_told(tmp_path: Path) -> None:
    write_lip(tmp_path, make_scenes(20, (2,)))
    (tmp_path / "0001.png").write_bytes(b"x")
    with pytest.raises(DataError, match="0001.png"):
        read_sample(open_labels(tmp_path), "0001")
