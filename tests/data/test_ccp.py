from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from peopleparse.data.ccp import CcpDataset
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme
from tests.datasets import write_ccp_folder


@pytest.fixture
def dataset(tmp_path: Path) -> CcpDataset:
    return CcpDataset(write_ccp_folder(tmp_path / "ccp"))


def test_ids_are_those_with_annotation_and_photo(dataset: CcpDataset) -> None:
    assert dataset.parsed_ids == ["0001", "0002", "0003"]
    assert dataset.tagged_ids == ["1005", "1006"]
    dataset.photo_path("0002").unlink()
    assert dataset.parsed_ids == ["0001", "0003"]


def test_photo_and_map_have_one_size_and_rgb_order(dataset: CcpDataset) -> None:
    image, garments = dataset.read_photo("0001"), dataset.read_garments("0001")
    assert image.shape == (240, 160, 3) and image.dtype == np.uint8
    assert garments.shape == (240, 160) and garments.dtype == np.uint8
    ccp = get_scheme("ccp")
    skin = garments == ccp.id_of("skin")
    painted = ccp.palette[ccp.id_of("skin")].astype(int) + 40
    np.testing.assert_allclose(image[skin].mean(axis=0), np.clip(painted, 0, 248), atol=16)


def test_tags_are_garment_names_without_null(dataset: CcpDataset) -> None:
    tags = dataset.read_tags("1005")
    assert tags == ["bag", "hair", "jeans", "shirt", "shoes", "skin"]


@pytest.mark.parametrize("missing", ["photos", "annotations/pixel-level"])
def test_a_folder_without_the_layout(tmp_path: Path, missing: str) -> None:
    for name in {"photos", "annotations/pixel-level"} - {missing}:
        (tmp_path / name).mkdir(parents=True)
    text = f"Clothing Co-Parsing folder must hold {missing}/, got none, at {tmp_path}. Clone"
    with pytest.raises(DataError, match=re.escape(text)):
        CcpDataset(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"no JPEG"])
def test_a_photo_that_cannot_be_read(dataset: CcpDataset, content: bytes | None) -> None:
    path = dataset.photo_path("0001")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"photo must be a readable JPEG, got none, at .*0001\.jpg"):
        dataset.read_photo("0001")


@pytest.mark.parametrize("fault", ["missing", "text", "other variable"])
def test_a_map_that_cannot_be_read(dataset: CcpDataset, fault: str) -> None:
    path = dataset.root / "annotations/pixel-level/0001.mat"
    path.unlink()
    if fault == "text":
        path.write_text("not MATLAB " * 50)
    if fault == "other variable":
        savemat(path, {"ground": np.zeros((2, 2), np.uint8)})
    text = r"annotation must be a MATLAB file with variable 'groundtruth', got .*0001\.mat\. Clone"
    with pytest.raises(DataError, match=text):
        dataset.read_garments("0001")


def test_an_id_that_is_no_garment(dataset: CcpDataset) -> None:
    path = dataset.root / "annotations/pixel-level/0001.mat"
    savemat(path, {"groundtruth": np.full((4, 4), 59, np.uint8)})
    with pytest.raises(DataError, match=r"garment ids must be 0 to 58, got 59, at .*0001\.mat"):
        dataset.read_garments("0001")


def test_tags_that_cannot_be_read(dataset: CcpDataset) -> None:
    with pytest.raises(DataError, match="MATLAB file with variable 'tags', got"):
        dataset.read_tags("0001")


def test_the_published_data(data_root: Path) -> None:
    dataset = CcpDataset(data_root / "ccp")
    assert len(dataset.parsed_ids) == 865 and len(dataset.tagged_ids) == 1094
    for photo_id in dataset.parsed_ids[::300]:
        image, garments = dataset.read_photo(photo_id), dataset.read_garments(photo_id)
        assert image.shape[:2] == garments.shape and garments.any()
    assert "shoes" in {tag for i in dataset.tagged_ids[:10] for tag in dataset.read_tags(i)}


def test_an_empty_map_file(dataset: CcpDataset) -> None:
    (dataset.root / "annotations" / "pixel-level" / "0001.mat").write_bytes(b"")
    with pytest.raises(DataError, match="annotation must be a MATLAB file with variable 'ground"):
        dataset.read_garments("0001")


def test_an_install_without_scipy(dataset: CcpDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(DataError, match="reading 0001.mat must have scipy, got none"):
        dataset.read_garments("0001")
