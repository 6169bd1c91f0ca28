"""A network that knows what is worn gives the same logits, moved by label."""

from __future__ import annotations

import numpy as np

from peopleparse.inference.pipeline import Options, parse_image
from peopleparse.training.tagged_engine import TaggedEngine
from tests.fakes import FakeEngine, draw_people


def test_labels_are_moved_and_nothing_else() -> None:
    plain, added = FakeEngine(), np.zeros(20, np.float32)
    added[6] = -1e4
    knowing = TaggedEngine(plain, added)
    assert (knowing.name, knowing.scheme, knowing.stride) == ("fake", "gps", 16)
    assert knowing.long_sides == plain.long_sides
    photo = draw_people((160, 160), [(40, 20, 100, 150)])
    trunk = knowing.trunk(photo)
    boxes, none = np.array([[40, 20, 100, 150]], np.float32), np.zeros(1, bool)
    before, after = (e.rois(trunk, boxes, boxes, none) for e in (plain, knowing))
    np.testing.assert_array_equal(after[:, :6], before[:, :6])
    assert (after[:, 6] < -9e3).all() and after.dtype == np.float32

    for options in (Options(), Options(scales=(1.0, 1.25), flip=True)):
        seen = parse_image(plain, photo, options).parsing
        told = parse_image(knowing, photo, options).parsing
        assert (seen == 6).any() and not (told == 6).any()
        assert (told[seen == 4] == 4).mean() > 0.9
