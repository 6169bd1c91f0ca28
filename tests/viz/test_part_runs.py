"""Run lengths of all parts at once, against one part after the other."""

from __future__ import annotations

import numpy as np
import pytest

from peopleparse.structures import ParsedPeople
from peopleparse.viz import draw_scene
from peopleparse.viz.part_runs import encode_ids, encode_parts, encode_people
from peopleparse.viz.regions import part_regions, person_region
from peopleparse.viz.rle import encode_crop


def slow_parts(result: ParsedPeople):
    """Each part cut out and encoded by itself."""
    return [
        (
            person.index,
            [
                (
                    label.name,
                    region.area,
                    region.box,
                    encode_crop(region.crop, region.left, region.top, result.size),
                )
                for label, region in part_regions(result, person)
            ],
        )
        for person in result.people
    ]


def quick_parts(result: ParsedPeople):
    return [
        (person.index, [(label.name, mask.area, mask.box, mask.rle) for label, mask in parts])
        for person, parts in encode_parts(result)
    ]


def noise(size: tuple[int, int], people: int, seed: int) -> ParsedPeople:
    rng = np.random.default_rng(seed)
    parsing = rng.integers(0, 20, size).astype(np.uint8)
    parsing[rng.random(size) < 0.1] = 255
    return ParsedPeople.from_maps(parsing, rng.integers(0, people + 1, size))


@pytest.mark.parametrize("people", [0, 1, 5, 12])
def test_drawn_scenes(people):
    result = draw_scene(people, (120, 160), people)
    assert quick_parts(result) == slow_parts(result)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 5), (40, 30)])
@pytest.mark.parametrize("people", [1, 3, 300])
def test_noise(size, people):
    result = noise(size, people, people)
    assert quick_parts(result) == slow_parts(result)
    whole = encode_people(result)
    assert list(whole) == [person.index for person in result.people]
    for person in result.people:
        region, mask = person_region(result, person), whole[person.index]
        assert (mask.area, mask.box) == (region.area, region.box)
        assert mask.rle == encode_crop(region.crop, region.left, region.top, result.size)


def test_a_mask_that_fills_the_image():
    found = encode_ids(np.full((3, 4), 6, np.int32))
    assert list(found) == [6] and found[6].rle == {"size": [3, 4], "counts": "0<"}
    assert (found[6].area, found[6].box) == (12, [0, 0, 4, 3])


def test_nobody():
    assert encode_ids(np.zeros((3, 4), np.int32)) == {}
