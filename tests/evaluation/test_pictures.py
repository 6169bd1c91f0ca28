"""Pictures of the worst images: whatever is missing is left out, nothing stops."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.image_labels import ImageLabels, RegionMap
from peopleparse.errors import DataError, InputError
from peopleparse.evaluation.pairs import flat_labels
from peopleparse.evaluation.pictures import draw_images
from peopleparse.evaluation.report_worst import draw_worst
from tests.evaluation.fakes import SCHEME, FakeSource, label_map

TRUTH = np.stack([label_map("1120", "1100"), label_map("0003", "0033")])
FOUND = np.stack([label_map("1120", "1122"), label_map("0004", "0044")])
FLAT = label_map("1123", "1133")


def make(persons, **options):
    return FakeSource({"a": ImageLabels(persons, **options)})


def same(first, second):
    return np.array_equal(first, second)


def test_truth_and_prediction_over_the_photo(tmp_path):
    photo = np.random.default_rng(0).integers(0, 255, (2, 4, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "a.png")
    found = draw_images(make(TRUTH), make(FOUND, scores=np.array([0.5, 0.9])), ["a"], tmp_path)
    assert same(found[0], draw_worst(FLAT, label_map("1124", "1144"), photo, SCHEME))


@pytest.mark.parametrize("size", [None, (3, 4, 3)])
def test_without_a_photo_of_the_size_there_are_labels_alone(tmp_path, size):
    if size:
        Image.fromarray(np.zeros(size, np.uint8)).save(tmp_path / "a.png")
    found = draw_images(make(TRUTH), make(TRUTH), ["a"], tmp_path)
    assert same(found[0], draw_worst(FLAT, FLAT, None, SCHEME))


@pytest.mark.parametrize("prediction", ["missing", "broken", "small"])
def test_what_cannot_be_compared_is_drawn_as_background(prediction):
    small = make(TRUTH[:, :1])
    source = {"missing": FakeSource({}, broken={"a"}), "broken": small.but(broken={"a"})}
    found = draw_images(make(TRUTH), source.get(prediction, small), ["a"])
    assert same(found[0], draw_worst(FLAT, FLAT * 0, None, SCHEME))


def test_truth_must_be_readable():
    with pytest.raises(DataError, match="label PNG must be readable"):
        draw_images(make(TRUTH).but(broken={"a"}), make(FOUND), ["a"])


def test_labels_of_the_whole_image_in_every_form():
    pair = (FLAT, np.array([[1, 1, 1, 2], [1, 1, 2, 2]], np.uint16))
    regions = RegionMap(label_map("1123", "1133"), np.array([1, 2, 3]), None)
    for labels in (
        ImageLabels(TRUTH),
        ImageLabels(pair),
        ImageLabels(None, parsing=FLAT),
        ImageLabels(None, regions=regions),
    ):
        assert same(flat_labels(labels, SCHEME), FLAT)
    with pytest.raises(InputError, match="labels must hold a map, got none. Read them from a"):
        flat_labels(ImageLabels(None), SCHEME)
