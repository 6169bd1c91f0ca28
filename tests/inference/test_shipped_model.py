"""The model inside the package, on pictures that every development install has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import peopleparse
from peopleparse.inference import OnnxEngine, Options, parse_image
from peopleparse.inference.passport import WEIGHTS_FOLDER
from peopleparse.viz import draw_scene

NAME = "gpsnet_mobilenet_v2"


@pytest.fixture(scope="module")
def engine() -> OnnxEngine:
    return OnnxEngine(NAME)


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    data = pytest.importorskip("skimage.data", reason="pip install 'peopleparse[demo]'")
    return data.astronaut()


def test_the_passport_names_data_licence_recipe_and_scores() -> None:
    passport = json.loads((WEIGHTS_FOLDER / f"{NAME}.json").read_text())
    assert passport["licence"] == "Apache-2.0"
    assert passport["recipe"]["model"] == NAME and passport["scores"]["photos"]
    assert {entry["licence"] for entry in passport["data"]} and passport["starting_weights"]


def test_the_files_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS_FOLDER.iterdir()) < 20e6


def test_a_real_portrait_has_a_person_with_face_and_hair(astronaut: np.ndarray) -> None:
    result = peopleparse.parse(astronaut)
    main = max(result.people, key=lambda person: person.mask.sum())
    assert {"face", "hair", "upper clothes"} <= set(main.parts)
    x, y = main.parts["face"].box.reshape(2, 2).mean(axis=0)
    assert 170 < x < 270 and 60 < y < 180  # where the face is
    assert main.face_box is not None


def test_a_group_is_found_side_by_side(engine: OnnxEngine, astronaut: np.ndarray) -> None:
    both = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    result = parse_image(engine, both)
    centres = [float(person.box[[0, 2]].mean()) for person in result.people]
    assert any(x < 512 for x in centres) and any(x > 512 for x in centres)


def test_results_do_not_depend_on_what_was_parsed_before(engine: OnnxEngine) -> None:
    images = [draw_scene(count=n, seed=n).image for n in (2, 3)]
    first = [parse_image(engine, image) for image in images]
    second = [parse_image(engine, image) for image in reversed(images)][::-1]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.parsing, other.parsing)
        np.testing.assert_array_equal(one.instances, other.instances)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (37, 53), (64, 2000)])
def test_any_size_gives_maps_of_that_size(engine: OnnxEngine, shape: tuple[int, int]) -> None:
    result = parse_image(engine, np.full((*shape, 3), 120, np.uint8), Options(detail="fast"))
    assert result.parsing.shape == shape


def test_people_nobody_trained_on(engine: OnnxEngine, data_root: Path) -> None:
    from peopleparse.data.people import read_portraits
    from peopleparse.metrics import ConfusionMatrix

    matrix = ConfusionMatrix(20)
    for portrait in read_portraits(data_root / "ccp", "val", limit=12):
        matrix.update(portrait.parsing, parse_image(engine, portrait.image).parsing)
    scores = matrix.compute()
    assert scores.mean_iou > 0.4 and scores.overall_accuracy > 0.9


def test_the_int8_network_says_nearly_the_same(astronaut: np.ndarray) -> None:
    exact, quick = (peopleparse.Parser(name)(astronaut) for name in ("base", "base-int8"))
    assert (exact.parsing == quick.parsing).mean() > 0.97
    passport = json.loads((WEIGHTS_FOLDER / f"{NAME}_int8.json").read_text())
    assert passport["precision"] == "int8" and passport["scores"]["photos"]
    shipped = json.loads((WEIGHTS_FOLDER / f"{NAME}.json").read_text())
    assert passport["quantised"]["from"]["sha256"] == shipped["sha256"]
    assert passport["calibration"] == shipped["calibration"]
