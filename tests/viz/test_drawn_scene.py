from __future__ import annotations

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.viz import draw_scene


def test_the_same_seed_draws_the_same_scene() -> None:
    a, b, c = draw_scene(seed=1), draw_scene(seed=1), draw_scene(seed=2)
    assert np.array_equal(a.parsing, b.parsing) and np.array_equal(a.instances, b.instances)
    assert a.image is not None and b.image is not None
    assert np.array_equal(a.image, b.image)
    assert not np.array_equal(a.parsing, c.parsing)


@pytest.mark.parametrize("count", range(13))
def test_everybody_is_there(count: int) -> None:
    result = draw_scene(count, (120, 400), seed=count)
    assert len(result) == count
    assert result.image is not None and result.image.shape == (120, 400, 3)
    centres = [person.box[0] + person.box[2] for person in result.people]
    assert centres == sorted(centres)


def test_every_gps_label_is_drawn_somewhere() -> None:
    seen = set().union(*(np.unique(draw_scene(6, seed=s).parsing).tolist() for s in range(3)))
    assert seen == set(range(20))


def test_a_persons_left_is_on_our_right() -> None:
    for person in draw_scene(4, seed=5).people:
        left, right = person.parts.get("left shoe"), person.parts.get("right shoe")
        if left and right:
            assert left.box[0] > right.box[0]


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="count must be from 0 to 12, got 13"):
        draw_scene(13)
    with pytest.raises(InputError, match="size must be at least 1 x 1"):
        draw_scene(1, (0, 9))
