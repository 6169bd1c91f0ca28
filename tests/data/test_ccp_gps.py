"""Hand-made maps: 1 pixel is 1/100 of the height; the person's left is on the image's right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.data.ccp import CcpDataset
from peopleparse.data.ccp_gps import convert_garments, looks_away
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme, get_translation
from tests.datasets import draw_person

CCP, GPS = get_scheme("ccp"), get_scheme("gps")
GEOMETRIC = {
    "skin": {"face", "left arm", "right arm", "left leg", "right leg"},
    "shoe": {"left shoe", "right shoe"},
    "leg": {"left leg", "right leg"},
    "arm": {"left arm", "right arm"},
}
Map = np.ndarray


def draw(*boxes: tuple[str, int, int, int, int], person: bool = True) -> Map:
    """Return a map of 120 x 80 with a person of height 100 at (40, 10), and boxes over it.

    A box is garment, x1, y1, x2, y2: x from the body axis, y from the top of the head.
    """
    size = (120, 80)
    garments = draw_person(size, 40, 10, 100, CCP) if person else np.zeros(size, np.uint8)
    for name, x1, y1, x2, y2 in boxes:
        garments[10 + y1 : 10 + y2, 40 + x1 : 40 + x2] = CCP.id_of(name)
    return garments


def label_at(parsing: Map, x: int, y: int) -> str:
    """Return the name of the label at x from the body axis, y from the top of the head."""
    value = int(parsing[10 + y, 40 + x])
    return "ignored" if value == GPS.ignore_id else GPS.names[value]


def names_in(parsing: Map, mask: Map) -> set[str]:
    """Return the names of the labels inside a mask."""
    return {GPS.names[i] for i in np.unique(parsing[mask]) if i != GPS.ignore_id}


@pytest.mark.parametrize("height", [60, 100, 300])
def test_a_drawn_person_gets_the_parts_that_were_drawn(height: int) -> None:
    size = (height + 20, height)
    garments = draw_person(size, height / 2, 10, height, CCP)
    truth = draw_person(size, height / 2, 10, height, GPS)
    assert (convert_garments(garments) == truth).mean() > 0.999


@pytest.mark.parametrize("garment", ["null", "necklace"])
def test_a_map_of_nobody(garment: str) -> None:
    garments = np.zeros((9, 9), np.uint8)
    garments[4] = get_scheme("ccp").id_of(garment)
    text = "garment map must show a person, got background or jewellery only. Leave it out"
    with pytest.raises(DataError, match=text):
        convert_garments(garments)


def test_the_map_given_is_left_as_it_is() -> None:
    garments = draw()
    before = garments.copy()
    convert_garments(garments)
    np.testing.assert_array_equal(garments, before)


def test_shoes_that_touch_are_parted_at_the_axis() -> None:
    parsing = convert_garments(draw(("shoes", -8, 92, 8, 100)))
    assert label_at(parsing, -3, 96) == "right shoe" and label_at(parsing, 3, 96) == "left shoe"


def test_a_lone_leg_takes_the_side_of_the_axis() -> None:
    garments = draw(("null", -20, 74, 20, 101), ("skin", 3, 74, 8, 96))
    assert label_at(convert_garments(garments), 5, 80) == "left leg"
    mirrored = convert_garments(garments[:, ::-1])
    legs = {"left leg", "right leg"}
    assert names_in(mirrored, mirrored > 0) & legs == {"right leg"}


def test_of_two_legs_the_one_further_right_is_left_whatever_the_axis_says() -> None:
    walking = draw(
        ("null", -20, 74, 30, 101),
        *(("skin", 6, 76, 10, 93), ("skin", 14, 76, 18, 93)),
        *(("shoes", -2, 93, 10, 100), ("shoes", 14, 93, 22, 100)),
    )
    parsing = convert_garments(walking)
    assert label_at(parsing, 8, 80) == "right leg" and label_at(parsing, 16, 80) == "left leg"
    assert label_at(parsing, 0, 96) == "right shoe" and label_at(parsing, 18, 96) == "left shoe"


def test_small_pieces_of_a_pair_join_the_nearer_one() -> None:
    straps = draw(("null", -10, 96, -8, 97), ("shoes", 4, 90, 6, 91))
    assert label_at(convert_garments(straps), 5, 90) == "left shoe"


def test_tights_and_stockings_are_legs() -> None:
    parsing = convert_garments(draw(("tights", -9, 74, -2, 93), ("stockings", 2, 74, 9, 93)))
    assert label_at(parsing, -5, 80) == "right leg" and label_at(parsing, 5, 80) == "left leg"


def test_gloves_are_arms() -> None:
    parsing = convert_garments(draw(("gloves", -15, 46, -11, 52), ("gloves", 11, 30, 15, 44)))
    assert label_at(parsing, -13, 49) == "right arm" and label_at(parsing, 13, 35) == "left arm"


def test_a_neck_is_face_also_below_a_collar() -> None:
    parted = draw(("scarf", -6, 15, 6, 18), ("skin", -4, 18, 4, 24))
    parsing = convert_garments(parted)
    assert label_at(parsing, 0, 20) == "face" and label_at(parsing, 0, 16) == "scarf"
    joined = draw(("skin", -3, 10, 3, 24))  # a low neckline, one piece with the face
    assert label_at(convert_garments(joined), 0, 22) == "face"


def test_skin_below_the_neck_is_arm() -> None:
    # Nobody's belly is bare in this rule: the documented failure.
    assert label_at(convert_garments(draw(("skin", 2, 40, 8, 46))), 5, 43) == "left arm"


def test_hands_that_touch_bare_legs_are_parted_at_the_hip() -> None:
    garments = draw(
        ("null", -20, 50, 25, 92),
        *(("skin", -9, 50, -2, 92), ("skin", 2, 50, 9, 92)),
        *(("skin", -15, 45, -8, 53), ("skin", 8, 45, 15, 53)),
    )
    parsing = convert_garments(garments)
    for side, sign in (("left", 1), ("right", -1)):
        assert label_at(parsing, sign * 13, 50) == f"{side} arm"
        assert label_at(parsing, sign * 5, 70) == f"{side} leg"


def test_skin_between_hip_and_knee_alone_is_arm_and_low_skin_is_leg() -> None:
    parsing = convert_garments(draw(("skin", 11, 54, 13, 58), ("skin", 11, 64, 13, 68)))
    assert label_at(parsing, 12, 56) == "left arm" and label_at(parsing, 12, 66) == "left leg"


def test_jewellery_takes_the_label_around_it() -> None:
    parsing = convert_garments(draw(("necklace", -3, 25, 3, 28), ("ring", 4, 60, 6, 62)))
    assert label_at(parsing, 0, 26) == "upper clothes" and label_at(parsing, 5, 61) == "pants"


def test_jewellery_on_skin_is_ignored() -> None:
    # What is around it is settled by geometry later.
    parsing = convert_garments(draw(("watch", 12, 44, 14, 46)))
    assert label_at(parsing, 13, 45) == "ignored" and label_at(parsing, 13, 40) == "left arm"


def test_a_person_cut_off_at_the_hip_keeps_the_whole_face_and_has_no_legs() -> None:
    garments = draw()
    whole = convert_garments(garments)
    for row in (60, 70, 90):
        cut = convert_garments(garments[:row])
        np.testing.assert_array_equal(cut, whole[:row])


def test_hair_without_a_face_is_a_back_and_swaps_sides() -> None:
    garments = draw()
    whole = convert_garments(garments)
    back = garments.copy()
    back[whole == GPS.id_of("face")] = CCP.id_of("hair")
    parsing = convert_garments(back)
    assert looks_away(parsing) and not looks_away(whole)
    assert label_at(parsing, 5, 96) == "right shoe" and label_at(parsing, -13, 40) == "left arm"
    others = (whole != GPS.id_of("face")) & (whole != GPS.id_of("hair"))
    np.testing.assert_array_equal(parsing[others], GPS.flip_table()[whole][others])


def test_sunglasses_count_as_a_face_and_no_hair_as_neither() -> None:
    shaded = draw(("hair", -4, 4, 4, 16), ("sunglasses", -4, 8, 4, 11))
    assert not looks_away(convert_garments(shaded))
    bald = draw(("null", -7, 0, 7, 5))
    assert not looks_away(convert_garments(bald))


def check_groups(garments: Map, parsing: Map) -> None:
    """Check that each pixel's label is one that its garment may become."""
    table = get_translation("ccp", "gps")
    for garment in np.unique(garments).tolist():
        here = garments == garment
        group = table.groups.get(garment)
        if group is None:
            assert names_in(parsing, here) == {GPS.names[table.targets[garment]]}
        elif group != "around":
            assert names_in(parsing, here) <= GEOMETRIC[group]
            assert not (parsing[here] == GPS.ignore_id).any()


boxes = st.tuples(
    st.sampled_from([name for name in CCP.names if name]),
    *(st.integers(0, 39), st.integers(0, 59), st.integers(1, 25), st.integers(1, 35)),
)


@given(st.lists(boxes, min_size=1, max_size=12))
def test_any_map_keeps_to_the_table(drawn: list[tuple[str, int, int, int, int]]) -> None:
    garments = np.zeros((60, 40), np.uint8)
    garments[:3, :3] = CCP.id_of("shirt")  # jewellery alone is nobody
    for name, x, y, width, height in drawn:
        garments[y : y + height, x : x + width] = CCP.id_of(name)
    garments[:3, :3] = CCP.id_of("shirt")
    check_groups(garments, convert_garments(garments))


def test_published_maps_keep_to_the_table(data_root: Path) -> None:
    dataset = CcpDataset(data_root / "ccp")
    for photo_id in dataset.parsed_ids[::120]:
        garments = dataset.read_garments(photo_id)
        check_groups(garments, convert_garments(garments))
