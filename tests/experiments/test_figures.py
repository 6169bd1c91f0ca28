from __future__ import annotations

import copy

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch  # noqa: E402

from peopleparse.errors import InputError  # noqa: E402
from peopleparse.experiments import figure_6, figure_7, figure_8, figure_failures  # noqa: E402
from peopleparse.experiments.figure_inputs import find_fates, in_truth_labels  # noqa: E402
from peopleparse.experiments.figure_people import find_photo_people  # noqa: E402
from peopleparse.experiments.figures import (  # noqa: E402
    draw_failures,
    draw_figure_6,
    draw_figure_7,
    draw_figure_8,
)
from peopleparse.inference.pipeline import Options, parse_image  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.metrics.failures import Fates  # noqa: E402
from peopleparse.models.gpsnet import GPSNet  # noqa: E402
from peopleparse.structures import Annotation, ParsedPeople  # noqa: E402
from peopleparse.training.export import as_engine  # noqa: E402
from tests.fakes import FakeEngine, draw_people, see_labels  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402

GPS, OUTDOOR = get_scheme("gps"), get_scheme("gps-outdoor")
BOXES = [(40, 40, 90, 200), (200, 60, 240, 220)]
SMALL = 128  # long side at which the toy network sees its photos
# Figures show whoever the detector finds; a result shows who is likely enough.
EVERYONE = Options(threshold=0, least_heat=0.2)


@pytest.fixture(scope="module")
def model() -> GPSNet:
    return make_model()


def _photo(boxes: list[tuple[int, int, int, int]] = BOXES) -> np.ndarray:
    return draw_people((256, 512), boxes)


def _truth(boxes: list[tuple[int, int, int, int]] = BOXES, name: str = "photo") -> Annotation:
    maps = [see_labels(_photo([box])) for box in boxes]
    parsings = np.stack(maps) if maps else np.zeros((0, 256, 512), np.uint8)
    return Annotation(parsings, GPS, name)


def _result(truth: Annotation, scores: list[float] | None = None) -> ParsedPeople:
    parsing, instances, _ = truth.flatten()
    return ParsedPeople.from_maps(parsing, instances, scores)


def _noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (96, 128, 3), np.uint8)


def _has(picture: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((picture == color).all(axis=2).any())


def test_boxes_and_padding_by_hand() -> None:
    found = find_photo_people(FakeEngine(), _photo([(100, 50, 160, 250)]), None, None)
    assert found.size == found.seen == (256, 512)
    # Detected (100, 50, 160, 250), a twentieth of each side wider; the face's centre is (130, 85).
    assert found.boxes.round(3).tolist() == [[97, 40, 163, 260]]
    assert found.faces.tolist() == [[100, 70, 160, 100]]
    # Above the face 45 = 0.2 * 225, so 180 below it; across it is in the middle already.
    assert found.adjusted((0.5, 0.2)).round(3).tolist() == [[97, 40, 163, 265]]


def test_a_photo_is_seen_at_the_long_side_asked_for() -> None:
    found = find_photo_people(FakeEngine(), _photo(), None, 256)
    assert found.size == (128, 256)
    assert found.scale(_photo()).tolist() == [2, 2, 2, 2]


def test_figure_6_shows_each_photo_before_and_after() -> None:
    one = draw_figure_6(FakeEngine(), [_photo()])
    two = draw_figure_6(FakeEngine(), [_photo(), _photo(BOXES[:1])])
    assert one.shape[1] == two.shape[1] == 8 + 2 * 648
    assert one.dtype == np.uint8 and two.shape[0] > one.shape[0]
    assert np.array_equal(one, draw_figure_6(FakeEngine(), [_photo()]))
    for number in (1, 2):
        color = figure_6.person_color(number)
        assert _has(one[:, :652], color) and _has(one[:, 652:], color)


def test_figure_6_of_a_model_is_that_of_its_engine(model: GPSNet) -> None:
    options = Options(max_people=4)
    figure = draw_figure_6(model, [_noise()], options=options, long_side=SMALL)
    same = draw_figure_6(as_engine(model), [_noise()], options=options, long_side=SMALL)
    assert np.array_equal(figure, same)


def test_figure_6_of_a_photo_without_persons() -> None:
    figure = draw_figure_6(FakeEngine(), [np.full((64, 96, 3), 255, np.uint8)])
    assert figure.shape[1] == 1304


def test_distance_of_faces_from_the_anchor_by_hand() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 9, 9]], np.float32)
    faces = np.array([[4, 1, 6, 3], [7, 5, 9, 7], [0, 0, 0, 0]], np.float32)
    has_face = np.array([True, True, False])
    people = figure_6._People(boxes, boxes, faces, has_face, [0, 1])
    text = figure_6._describe(boxes, people, (0.5, 0.2))
    # The second lies at (.8, .6): .3 and .4 off, so .5; the first at its place; the third has none.
    assert text == "persons: 3, with a face: 2, mean distance from the cross: 0.25"
    none = figure_6._People(boxes, boxes, faces, has_face & False, [])
    assert figure_6._describe(boxes, none, (0.5, 0.2)) == "persons: 3, with a face: 0"


def test_the_largest_with_a_face_are_cut_out_left_to_right() -> None:
    sides = np.array([3, 9, 1, 8, 7, 6, 5, 4], np.float32)
    boxes = np.stack([sides * 0, sides * 0, sides, sides], axis=1)
    has_face = np.array([True] * 7 + [False])
    assert figure_6._choose(boxes, has_face) == [0, 1, 3, 4, 5, 6]
    assert figure_6._choose(boxes[:0], has_face[:0]) == []


def test_fused_parsing_is_the_result_of_the_pipeline(model: GPSNet) -> None:
    image, engine = _noise(), as_engine(model)
    engine.long_sides = {"normal": SMALL}
    found = figure_7.parse_branches(model, image, None, SMALL)
    result = parse_image(engine, image, EVERYONE)
    assert len(result) > 0
    assert np.array_equal(found.fused_parsing, result.parsing)
    made = ParsedPeople.from_maps(found.fused_parsing, found.fused_instances)
    assert np.array_equal(made.instances, result.instances)


@pytest.mark.parametrize("adjust", [True, False])
def test_local_parsing_is_what_the_network_without_fusion_gives(adjust: bool) -> None:
    model, image = make_model(adjust=adjust), _noise(1)
    found = figure_7.parse_branches(model, image, None, SMALL)
    alone = copy.deepcopy(model)
    alone.fuse = False
    engine = as_engine(alone)
    engine.long_sides = {"normal": SMALL}
    result = parse_image(engine, image, EVERYONE)
    assert np.array_equal(found.local_parsing, result.parsing)
    assert (found.local_parsing != found.fused_parsing).any()


def test_global_parsing_is_the_largest_logit_of_the_whole_photo(model: GPSNet) -> None:
    image = _noise()  # as large as the network sees it: nothing is scaled
    found = figure_7.parse_branches(model, image, None, SMALL)
    with torch.inference_mode():
        logits = model.trunk(torch.from_numpy(image)[None].permute(0, 3, 1, 2).float())[
            "global_logits"
        ]
        whole = torch.nn.functional.interpolate(logits, (96, 128), mode="bilinear")
    assert np.array_equal(found.global_parsing, whole[0].argmax(dim=0).numpy())


def test_maps_have_the_size_of_the_photo(model: GPSNet) -> None:
    image = np.random.default_rng(2).integers(0, 256, (75, 210, 3), np.uint8)
    found = figure_7.parse_branches(model, image, None, SMALL)
    assert {array.shape for array in vars(found).values()} == {(75, 210)}


def test_figure_7_has_five_columns_and_is_the_same_each_time(model: GPSNet) -> None:
    image = _noise()
    parsings = np.zeros((1, 96, 128), np.uint8)
    parsings[0, 20:60, 30:60] = 4
    truth = Annotation(parsings, OUTDOOR, "noise")
    figure = draw_figure_7(model, [image], [truth], long_side=SMALL)
    assert figure.shape[1] == 8 + 5 * 328
    assert np.array_equal(figure, draw_figure_7(model, [image], [truth], long_side=SMALL))
    assert (figure[40:270, 8 + 4 * 328 : -8] == GPS.labels[4].color).all(axis=2).any()
    close = draw_figure_7(model, [image], [truth], persons=True, long_side=SMALL)
    assert close.shape[1] == 8 + 5 * 208


def test_the_window_of_the_largest_person() -> None:
    rows, columns = figure_7._largest_person(_truth())
    # Box (40, 40, 90, 200), 8 % wider on each side.
    assert (rows.start, rows.stop, columns.start, columns.stop) == (27, 213, 36, 94)
    assert figure_7._largest_person(_truth([])) == np.s_[:, :]


def test_mean_iou_by_hand() -> None:
    truth, found = np.array([[0, 4, 4, 255]], np.uint8), np.array([[0, 4, 0, 6]], np.uint8)
    assert figure_7._mean_iou(truth, found) == 0.5  # background 1/2, upper clothes 1/2


def test_figure_8_has_a_column_a_method() -> None:
    truth = _truth()
    methods = {"right": lambda image: _result(truth), "blind": lambda image: _result(_truth([]))}
    figure = draw_figure_8(methods, [_photo()], [truth])
    assert figure.shape[1] == 8 + 4 * 328
    shirt = (figure == GPS.labels[4].color).all(axis=2)[:210]
    seen = [bool(shirt[:, 8 + 328 * n : 328 * (n + 1)].any()) for n in range(4)]
    assert seen == [False, True, True, False]
    assert np.array_equal(figure, draw_figure_8(methods, [_photo()], [truth]))


def test_counts_below_a_method() -> None:
    truth = _truth()
    assert figure_8._describe(truth, _result(truth)) == "found 2 of 2, good parts 2, surplus 0"
    other = _result(_truth([BOXES[0], (400, 40, 450, 200)]))
    assert figure_8._describe(truth, other) == "found 1 of 2, good parts 1, surplus 1"
    parsing, instances, _ = truth.flatten()
    naked = ParsedPeople.from_maps(np.where(instances > 0, 14, 0).astype(np.uint8), instances)
    assert figure_8._describe(truth, naked) == "found 2 of 2, good parts 0, surplus 0"


def test_a_tie_outdoors_is_upper_clothes() -> None:
    labels = np.array([[0, 19, 4, 255]], np.uint8)
    assert in_truth_labels(labels, GPS).tolist() == [[0, 19, 4, 255]]
    assert in_truth_labels(labels, OUTDOOR).tolist() == [[0, 4, 4, 255]]


def test_fates_have_one_name_and_one_tag_a_person() -> None:
    fates = Fates(
        ("bad_parts", "matched", "missed", "dropped"),
        ("split", "right", "right", "duplicate"),
        ((0, 2), (1, 1)),
    )
    assert figure_failures._kinds(fates) == (
        ["bad parts", "matched", "missed", "dropped"],
        ["split", "right", "bad parts", "duplicate"],
    )
    assert figure_failures._tags(fates) == (["1", "2", "3", "4"], ["a", "2", "1", "b"])
    truth, found = figure_failures._kinds(fates)
    orders = figure_failures._ORDER
    assert figure_failures._summary(truth, orders[0]) == "1 matched, 1 bad parts, 1 missed"
    assert figure_failures._summary([], orders[1]) == "nobody"
    assert set(orders[0]) | set(orders[1]) == set(figure_failures.FATE_COLORS)


def test_letters_go_on_after_z() -> None:
    letters = [figure_failures._letters(n) for n in (0, 25, 26, 27, 52, 701, 702)]
    assert letters == ["a", "z", "aa", "ab", "ba", "zz", "aaa"]


def test_failures_are_drawn_in_their_colors() -> None:
    truth = _truth()
    result = _result(_truth([BOXES[0], (400, 40, 450, 200)]))
    fates = find_fates(truth, result)
    assert fates.truth == ("matched", "missed") and fates.prediction == ("right", "background")
    figure = draw_failures([_photo()], [truth], [result])
    assert figure.shape[1] == 8 + 3 * 488
    # A panel is 480 x 240 and lies below the 34 pixels of the captions.
    image, left, right = (figure[34:274, 8 + 488 * n : 488 * (n + 1)] for n in range(3))
    colors = figure_failures.FATE_COLORS
    for name, seen in (("matched", left), ("missed", left), ("right", right)):
        assert _has(seen, colors[name]) and not _has(image, colors[name])
    assert not _has(right, colors["missed"])
    assert np.array_equal(figure, draw_failures([_photo()], [truth], [result]))


def test_failures_of_nobody() -> None:
    empty = _truth([])
    figure = draw_failures([_photo([])], [empty], [_result(empty)])
    assert figure.shape[1] == 8 + 3 * 488


def test_tags_of_persons_at_one_place_lie_beside_each_other() -> None:
    picture = np.full((200, 100, 3), 255, np.uint8)
    mask = np.zeros((200, 100), bool)
    mask[80:150, 40:60] = True
    taken: list[tuple[int, int, int, int]] = []
    for tag in "abcd":
        figure_failures._draw_tag(picture, mask, (200, 0, 0), tag, taken)
    for n, (x1, y1, x2, y2) in enumerate(taken):
        for a1, b1, a2, b2 in taken[:n]:
            assert x1 >= a2 or a1 >= x2 or y1 >= b2 or b1 >= y2


def test_bad_input(model: GPSNet) -> None:
    image, truth = _photo(), _truth()
    with pytest.raises(InputError, match="a figure must have at least one image, got none"):
        draw_figure_6(FakeEngine(), [])
    with pytest.raises(InputError, match=r"image must be \(H, W, 3\) uint8 RGB, got \(5, 5\)"):
        draw_figure_6(FakeEngine(), [np.zeros((5, 5), np.uint8)])
    with pytest.raises(InputError, match="truths must be one an image, got 0 for 1 images"):
        draw_figure_7(model, [image], [])
    with pytest.raises(InputError, match=r"truth must have the size of its image \(9, 9\), got"):
        draw_failures([np.zeros((9, 9, 3), np.uint8)], [truth], [_result(truth)])
    with pytest.raises(InputError, match="model must fuse local with global parsing"):
        draw_figure_7(make_model(fuse=False), [image], [truth])
    with pytest.raises(InputError, match="methods must be one or more, got none"):
        draw_figure_8({}, [image], [truth])
    with pytest.raises(InputError, match="results must be one an image, got 0 for 1 images"):
        draw_failures([image], [truth], [])
    blank = np.zeros((9, 9), np.uint8)
    small = ParsedPeople.from_maps(blank, blank)
    with pytest.raises(InputError, match=r"result must have the size of its truth \(256, 512\)"):
        draw_failures([image], [truth], [small])
    lip = ParsedPeople.from_maps(truth.parsings[0] * 0, truth.parsings[0] * 0, scheme="lip")
    with pytest.raises(InputError, match="result must be in a scheme of GPS, got 'lip'"):
        draw_failures([image], [truth], [lip])
