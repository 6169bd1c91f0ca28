"""The challenge's factors on people who were drawn with them."""

from __future__ import annotations

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.evaluation.challenge import TAGS, Tags, tag_people
from peopleparse.labels import get_scheme
from tests.evaluation.challenge_people import CROPS, make_covered, make_cropped

GPS = get_scheme("gps")


def named(*rows: str) -> np.ndarray:
    """A map of rows of one label each, 8 pixels wide."""
    ids = [[GPS.id_of(name) if name != "." else 0] * 8 for name in rows]
    return np.array(ids, np.uint8)


@pytest.mark.parametrize("scheme", ["gps", "lip", "mhp-v2"])
@pytest.mark.parametrize("crop", list(CROPS))
def test_the_frame_is_told(crop: str, scheme: str) -> None:
    rng, right, count = np.random.default_rng(3), 0, 40
    for _ in range(count):
        known = make_cropped(crop, get_scheme(scheme), rng)
        right += tag_people(known.parsings, get_scheme(scheme)) == known.tags
    assert right >= 0.95 * count


@pytest.mark.parametrize("scheme", ["gps", "lip"])
def test_who_is_behind_is_told(scheme: str) -> None:
    rng, right, count = np.random.default_rng(4), 0, 40
    for _ in range(count):
        known = make_covered(get_scheme(scheme), rng)
        found = tag_people(known.parsings, get_scheme(scheme))
        right += [t.occluded for t in found] == [t.occluded for t in known.tags]
    assert right >= 0.95 * count


def test_small_cases_by_hand() -> None:
    whole = named("hair", "face", "upper clothes", "pants", "left shoe", ".")
    back = named("hair", "hair", "upper clothes", "pants", ".", ".")
    shirt = named(".", ".", "upper clothes", ".", ".", ".")
    nobody = np.zeros_like(whole)
    # One after the other, so that they do not touch.
    found = [tag_people(one[None], GPS)[0] for one in (whole, back, shirt, nobody)]
    assert found == [
        Tags("full body", False, False, "front"),
        Tags("cut above the feet", False, False, "back"),
        Tags("upper body", True, False, "unknown"),
        Tags("neither", True, False, "unknown"),
    ]
    assert found[2].names == {"upper body", "head missed"}
    assert found[1].names == {"back view"} and found[0].names <= set(TAGS)
    assert Tags("lower body", True, True, "front").names == {
        "occlusion", "lower body", "head missed",
    }  # fmt: skip
    assert tag_people(np.zeros((0, 4, 4), np.uint8), GPS) == []


def test_without_a_head_the_sides_tell() -> None:
    arms = np.zeros((20, 20), np.uint8)
    arms[:, 2:5], arms[:, 8:12], arms[:, 15:18] = (
        GPS.id_of("right arm"), GPS.id_of("upper clothes"), GPS.id_of("left arm"),
    )  # fmt: skip
    assert tag_people(arms[None], GPS)[0].view == "front"
    assert tag_people(arms[None, :, ::-1], GPS)[0].view == "back"


def test_a_crumb_and_ignored_pixels_are_no_region() -> None:
    parsing = np.full((100, 100), GPS.id_of("upper clothes"), np.uint8)
    parsing[-1, :10] = GPS.id_of("left shoe")  # 10 of 10,000: under .2 %
    parsing[0] = GPS.ignore_id
    assert tag_people(parsing[None], GPS)[0].body == "upper body"
    parsing[-1, :30] = GPS.id_of("left shoe")
    assert tag_people(parsing[None], GPS)[0].body == "full body"


def test_a_scheme_without_a_body_is_refused() -> None:
    from dataclasses import replace

    few = replace(GPS, labels=tuple(x for x in GPS.labels if x.name in ("background", "hair")))
    with pytest.raises(InputError, match="names must have labels of head, upper and lower body"):
        tag_people(np.zeros((1, 2, 2), np.uint8), few)
