"""A crowd seen in tiles: everyone once, parsed where seen largest, and nothing else changed."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.inference import Options, Parser, parse_image
from peopleparse.inference.detect import box_iou
from peopleparse.inference.engine import LONG_SIDES, Trunk
from peopleparse.inference.tiles import (
    LARGEST_UPSCALE,
    MOST_TILES,
    SMALLEST_SEEN,
    Window,
    merge_tiles,
    smallest_person,
    tile_windows,
)
from tests.fakes import LABELS_OF_A_PERSON, FakeEngine, draw_people

HEIGHT, WIDTH = 600, 800
CROWD = [(x, y, x + 26, y + 62) for y in range(14, 560, 98) for x in range(16, 790, 79)]


class ShortSighted(FakeEngine):
    """Sees nobody who is small in its picture."""

    def __init__(self, least: float = 48) -> None:
        super().__init__()
        self.least, self.people = least, 0
        self.tall: list[float] = []

    def trunk(self, image) -> Trunk:
        trunk = super().trunk(image)
        low = trunk.person_boxes[3] - trunk.person_boxes[1] < self.least
        trunk.person_heat[low] = 0
        return trunk

    def rois(self, trunk, boxes, faces, has_face):
        self.tall.extend((boxes[:, 3] - boxes[:, 1]).tolist())
        return super().rois(trunk, boxes, faces, has_face)


@pytest.fixture(scope="module")
def crowd():
    assert len(CROWD) == 60
    return draw_people((HEIGHT, WIDTH), CROWD)


@pytest.fixture(scope="module")
def parsed(crowd):
    return parse_image(ShortSighted(), crowd, Options("fast", tiles=3))


def assert_same(one, other):
    for name in ("parsing", "instances", "confidence"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert [p.score for p in one.people] == [p.score for p in other.people]


def test_a_crowd_too_small_for_the_whole_photo_is_found_in_tiles(crowd, parsed):
    assert len(parse_image(ShortSighted(), crowd, Options("fast"))) == 0
    assert len(parsed) == 60
    found = np.stack([person.box for person in parsed.people])
    iou = box_iou(np.array(CROWD, np.float32), found)
    assert iou.max(axis=1).min() > 0.85 and len(set(iou.argmax(axis=1).tolist())) == 60
    assert all(set(person.parts) == LABELS_OF_A_PERSON for person in parsed.people)
    assert all(person.face_box is not None for person in parsed.people)


def test_the_same_crowd_gives_the_same_result(crowd, parsed):
    assert_same(parse_image(ShortSighted(), crowd, Options("fast", tiles=3)), parsed)


def test_views_of_tiles_are_averaged_like_views_of_the_photo(crowd):
    few = crowd[:200, :240]
    once = parse_image(ShortSighted(105), few, Options("fast", tiles=3))
    assert len(once) == 6 and len(parse_image(ShortSighted(105), few, Options("fast"))) == 0
    seen = parse_image(ShortSighted(105), few, Options("fast", tiles=3, flip=True))
    assert len(seen) == 6 and (seen.parsing == once.parsing).mean() > 0.96


@pytest.mark.parametrize("ways", [{}, {"flip": True}, {"scales": (0.75, 1.0)}])
def test_one_tile_is_the_photo(crowd, ways):
    photo = crowd[:200, :240]
    one = parse_image(FakeEngine(), photo, Options("fast", **ways))
    assert len(one) == 6
    assert_same(parse_image(FakeEngine(), photo, Options("fast", tiles=1, **ways)), one)


def test_people_large_and_small_are_each_parsed_where_they_are_largest_and_whole():
    boxes = [(60, 40, 330, 580), (700, 400, 726, 462), (600, 60, 640, 160)]
    engine = ShortSighted(40)
    result = parse_image(engine, draw_people((HEIGHT, WIDTH), boxes), Options(tiles=3))
    found = np.stack([person.box for person in result.people])
    assert len(found) == 3 and box_iou(np.array(boxes, "f4"), found).max(axis=1).min() > 0.9
    # With the margin of a tenth, at .64 in the whole photo and at 1.28 in a tile.
    wanted = sorted([540 * 1.1 * 0.64, 100 * 1.1 * 1.28, 62 * 1.1 * 1.28])
    np.testing.assert_allclose(sorted(engine.tall), wanted, rtol=0.05)


@given(st.integers(2, MOST_TILES), st.integers(40, 3000), st.integers(40, 3000))
def test_tiles_cover_the_photo_and_hold_whoever_is_at_most_half_a_tile(tiles, height, width):
    whole, *windows = tile_windows((height, width), tiles)
    assert whole == Window(0, 0, width, height) and len(windows) == tiles**2
    for start, size, length in ((0, 2, width), (1, 3, height)):
        spans = sorted({(w[start], w[start] + w[size]) for w in windows})
        assert spans[0][0] == 0 and spans[-1][1] == length
        side = spans[0][1]
        for (_, end), (begin, _) in itertools.pairwise(spans):
            assert end - begin >= side / 2 - 1.5  # whole pixels


def test_tiny_photos_have_no_tile_twice():
    assert tile_windows((1, 1), 4) == [Window(0, 0, 1, 1)]
    result = parse_image(FakeEngine(), np.full((3, 2, 3), 90, np.uint8), Options(tiles=3))
    assert len(result) == 0 and result.size == (3, 2)


def boxes_of(*rows):
    table = np.array(rows, np.float32).reshape(-1, 5)
    return table[:, :4], table[:, 4]


WINDOWS = [Window(0, 0, 90, 90), Window(0, 0, 60, 90), Window(30, 0, 60, 90)]


def test_merging_by_hand():
    found = [
        boxes_of((10, 10, 20, 40, 0.5), (50, 5, 75, 85, 0.25)),
        # The same person, clearer box; a piece of the second one, cut at 60.
        boxes_of((10, 10, 20, 41, 0.25), (51, 5, 60, 80, 0.75)),
        # Somebody else cut at 30, whom nobody saw whole; somebody at the edge of the photo.
        boxes_of((30, 50, 40, 60, 0.125), (80, 0, 90, 30, 0.875)),
    ]
    boxes, scores, whose = merge_tiles(found, WINDOWS, [1, 1.5, 1.5], 0.6)
    assert boxes.tolist() == [[80, 0, 90, 30], [10, 10, 20, 41], [50, 5, 75, 85], [30, 50, 40, 60]]
    assert scores.tolist() == [0.875, 0.5, 0.25, 0.125] and whose.tolist() == [2, 1, 0, 2]
    assert scores.dtype == boxes.dtype == np.float32


def test_of_two_pieces_of_nobody_whole_the_larger_stays():
    found = [boxes_of(), boxes_of((40, 5, 60, 80, 0.25)), boxes_of((30, 5, 58, 80, 0.75))]
    boxes, _, whose = merge_tiles(found, WINDOWS, [1, 1.5, 1.5], 0.6)
    assert boxes.tolist() == [[30, 5, 58, 80]] and whose.tolist() == [2]
    assert [len(part) for part in merge_tiles([boxes_of()] * 3, WINDOWS, [1, 1, 1], 0.6)] == [0] * 3


@pytest.mark.parametrize("tiles", [0, 9, 1.5])
def test_tiles_that_cannot_be_used(tiles):
    message = f"tiles must be a whole number from 1 to 8, got {tiles}. Leave it out"
    with pytest.raises(InputError, match=message):
        Options(tiles=tiles)


@given(st.floats(2, 900), st.integers(50, 6000), st.integers(50, 6000))
def test_the_smallest_person_is_seen_large_enough_and_nothing_cheaper_would_do(
    pixels, width, height
):
    def seen(detail, tiles):
        window = max(width, height) * (1 if tiles == 1 else 2 / (tiles + 1))
        return pixels * min(LONG_SIDES[detail] / window, LARGEST_UPSCALE)

    def cost(detail, tiles):
        return (1 + (tiles > 1) * tiles**2) * LONG_SIDES[detail] ** 2

    choices = list(itertools.product(LONG_SIDES, range(1, MOST_TILES + 1)))
    enough = [choice for choice in choices if seen(*choice) >= SMALLEST_SEEN]
    best = smallest_person(pixels, width, height)
    if enough:
        assert best in enough and cost(*best) == min(cost(*choice) for choice in enough)
    else:
        assert best == ("fine", MOST_TILES)
    Options(detail=best[0], tiles=best[1])


def test_a_person_without_size_is_refused():
    with pytest.raises(InputError, match="pixels, width and height must be above 0, got 0, 640"):
        smallest_person(0, 640, 480)


def test_one_parser_may_be_called_from_several_threads(crowd):
    parser = Parser(engine=FakeEngine(), detail="fast")
    photos = [crowd[:120, 79 * i : 79 * i + 160] for i in range(6)]
    alone = [parser(photo) for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(parser, photos * 2))
    for one, other in zip(alone * 2, together, strict=True):
        assert_same(one, other)
