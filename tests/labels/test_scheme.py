from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from peopleparse.errors import SchemeError
from peopleparse.labels import get_scheme, scheme_names, scheme_title

GPS = [
    "background", "hat", "hair", "sunglasses", "upper clothes", "skirt", "pants", "dress", "belt",
    "left shoe", "right shoe", "face", "left leg", "right leg", "left arm", "right arm", "bag",
    "scarf", "socks", "tie",
]  # fmt: skip
LIP = [
    "background", "hat", "hair", "glove", "sunglasses", "upper-clothes", "dress", "coat", "socks",
    "pants", "jumpsuits", "scarf", "skirt", "face", "left-arm", "right-arm", "left-leg",
    "right-leg", "left-shoe", "right-shoe",
]  # fmt: skip
CCP = [
    "null", "accessories", "bag", "belt", "blazer", "blouse", "bodysuit", "boots", "bra",
    "bracelet", "cape", "cardigan", "clogs", "coat", "dress", "earrings", "flats", "glasses",
    "gloves", "hair", "hat", "heels", "hoodie", "intimate", "jacket", "jeans", "jumper",
    "leggings", "loafers", "necklace", "panties", "pants", "pumps", "purse", "ring", "romper",
    "sandals", "scarf", "shirt", "shoes", "shorts", "skin", "skirt", "sneakers", "socks",
    "stockings", "suit", "sunglasses", "sweater", "sweatshirt", "swimwear", "t-shirt", "tie",
    "tights", "top", "vest", "wallet", "watch", "wedges",
]  # fmt: skip

CIHP = [name if i != 10 else "torso-skin" for i, name in enumerate(LIP)]
MHP_V1 = [*GPS[:18], "torso skin"]
MHP_V2 = [
    "background", "cap/hat", "helmet", "face", "hair", "left-arm", "right-arm", "left-hand",
    "right-hand", "protector", "bikini/bra", "jacket/windbreaker/hoodie", "t-shirt", "polo-shirt",
    "sweater", "singlet", "torso-skin", "pants", "shorts/swim-shorts", "skirt", "stockings",
    "socks", "left-boot", "right-boot", "left-shoe", "right-shoe", "left-highheel",
    "right-highheel", "left-sandal", "right-sandal", "left-leg", "right-leg", "left-foot",
    "right-foot", "coat", "dress", "robe", "jumpsuit", "other-full-body-clothes", "headwear",
    "backpack", "ball", "bats", "belt", "bottle", "carrybag", "cases", "sunglasses", "eyewear",
    "glove", "scarf", "umbrella", "wallet/purse", "watch", "wristband", "tie", "other-accessary",
    "other-upper-body-clothes", "other-lower-body-clothes",
]  # fmt: skip

ATR = [
    "background", "hat", "hair", "sunglasses", "upper-clothes", "skirt", "pants", "dress", "belt",
    "left-shoe", "right-shoe", "face", "left-leg", "right-leg", "left-arm", "right-arm", "bag",
    "scarf",
]  # fmt: skip
FASHIONISTA = [
    "null", "tights", "shorts", "blazer", "t-shirt", "bag", "shoes", "coat", "skirt", "purse",
    "boots", "blouse", "jacket", "bra", "dress", "pants", "sweater", "shirt", "jeans", "leggings",
    "scarf", "hat", "top", "cardigan", "accessories", "vest", "sunglasses", "belt", "socks",
    "glasses", "intimate", "stockings", "necklace", "cape", "jumper", "sweatshirt", "suit",
    "bracelet", "heels", "wedges", "ring", "flats", "tie", "romper", "sandals", "earrings",
    "gloves", "sneakers", "clogs", "watch", "pumps", "wallet", "bodysuit", "loafers", "hair",
    "skin",
]  # fmt: skip
PASCAL = [
    "background", "head", "torso", "upper-arms", "lower-arms", "upper-legs", "lower-legs",
]  # fmt: skip

# The grouping of the LIP paper's released code: label id to joint number, 0 for none.
LIP_JOINTS = [0, 1, 1, 0, 1, 2, 0, 2, 0, 3, 0, 2, 3, 1, 4, 5, 6, 7, 8, 9]
JOINT_NAMES = [
    "", "head", "upper body", "lower body", "left arm", "right arm", "left leg", "right leg",
    "left shoe", "right shoe",
]  # fmt: skip

every_scheme = pytest.mark.parametrize("name", scheme_names())


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("gps", GPS),
        ("gps-outdoor", [*GPS[:19], ""]),
        ("lip", LIP),
        ("ccp", CCP),
        ("cihp", CIHP),
        ("mhp-v1", MHP_V1),
        ("mhp-v2", MHP_V2),
        ("atr", ATR),
        ("fashionista", FASHIONISTA),
        ("pascal-person-part", PASCAL),
    ],
)
def test_names_by_id(name: str, names: list[str]) -> None:
    scheme = get_scheme(name)
    assert list(scheme.names) == names
    assert scheme.num_ids == len(names)
    assert scheme.ids == tuple(i for i, label in enumerate(names) if label)
    assert all(scheme.id_of(label) == i for i, label in enumerate(names) if label)


def test_outdoors_is_indoors_without_tie() -> None:
    assert get_scheme("gps-outdoor").labels == get_scheme("gps").labels[:19]


def test_scheme_names() -> None:
    first = ("gps", "gps-outdoor", "lip", "ccp", "cihp", "mhp-v1", "mhp-v2")
    assert scheme_names() == (*first, "atr", "fashionista", "pascal-person-part")


def test_scheme_titles() -> None:
    titles = {name: scheme_title(name) for name in scheme_names()}
    assert titles["gps-outdoor"] == "Group People Segmentation, Outdoor"
    assert titles["pascal-person-part"] == "PASCAL-Person-Part"
    assert all(titles.values()) and len(set(titles.values())) == len(titles)
    assert scheme_title("ids:7") == ""


@every_scheme
def test_colours_are_distinct(name: str) -> None:
    scheme = get_scheme(name)
    colors = [label.color for label in scheme.labels]
    assert len(set(colors)) == len(colors)
    assert colors[0] == (0, 0, 0)
    assert (255, 255, 255) not in colors  # white is for ignored pixels


@pytest.mark.parametrize("name", ["gps", "lip", "cihp", "mhp-v1", "mhp-v2", "atr"])
def test_colours_are_far_enough_apart_to_tell(name: str) -> None:
    colors = np.array([label.color for label in get_scheme(name).labels])
    for a, b in combinations(range(len(colors)), 2):
        assert np.abs(colors[a] - colors[b]).sum() >= 40, (a, b)


@every_scheme
def test_palette(name: str) -> None:
    scheme = get_scheme(name)
    palette = scheme.palette
    assert palette.shape == (256, 3) and palette.dtype == np.uint8
    assert [tuple(palette[label.id]) for label in scheme.labels] == [
        label.color for label in scheme.labels
    ]
    assert palette[255].tolist() == [255, 255, 255]
    assert not palette[scheme.num_ids : 255].any()


@every_scheme
def test_kinds(name: str) -> None:
    labels = get_scheme(name).labels
    assert [label.id for label in labels if label.kind == "background"] == [0]
    clothing = {"clothing"} if name != "pascal-person-part" else set()
    assert {label.kind for label in labels} == {"background", "body"} | clothing


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("gps", {9: 10, 12: 13, 14: 15}),
        ("gps-outdoor", {9: 10, 12: 13, 14: 15}),
        ("lip", {14: 15, 16: 17, 18: 19}),
        ("cihp", {14: 15, 16: 17, 18: 19}),
        ("mhp-v1", {9: 10, 12: 13, 14: 15}),
        ("mhp-v2", {5: 6, 7: 8} | {left: left + 1 for left in range(22, 33, 2)}),
        ("atr", {9: 10, 12: 13, 14: 15}),
        ("fashionista", {}),
        ("pascal-person-part", {}),
    ],
)
def test_flip_swaps_the_sides_and_nothing_else(name: str, pairs: dict[int, int]) -> None:
    expected = np.arange(256)
    for left, right in pairs.items():
        expected[left], expected[right] = right, left
    table = get_scheme(name).flip_table()
    assert table.dtype == np.uint8
    np.testing.assert_array_equal(table, expected)
    np.testing.assert_array_equal(table[table], np.arange(256))  # twice is not at all


def test_flip_partners_are_named_left_and_right() -> None:
    for name in ("gps", "gps-outdoor", "lip", "cihp", "mhp-v1", "mhp-v2", "atr"):
        scheme = get_scheme(name)
        for label in scheme.labels:
            swapped = label.name.replace("left", "?").replace("right", "left").replace("?", "right")
            assert scheme.names[scheme.flip_table()[label.id]] == swapped


def test_ccp_refuses_to_be_flipped() -> None:
    with pytest.raises(
        SchemeError,
        match=r"scheme must name flip partners to be mirrored, got 'ccp' without any. Translate",
    ):
        get_scheme("ccp").flip_table()


@pytest.mark.parametrize("name", ["lip", "cihp"])
def test_lip_joints_are_the_papers(name: str) -> None:
    joints = [label.joint for label in get_scheme(name).labels]
    assert joints == [JOINT_NAMES[number] for number in LIP_JOINTS]


@pytest.mark.parametrize("name", ["gps", "gps-outdoor", "lip", "cihp", "mhp-v1", "atr"])
def test_nine_joints_in_every_scheme_with_sides(name: str) -> None:
    assert sorted(get_scheme(name).joints) == sorted(JOINT_NAMES[1:])


def test_gps_joints() -> None:
    groups: dict[str, list[str]] = {}
    for label in get_scheme("gps").labels:
        groups.setdefault(label.joint, []).append(label.name)
    assert groups.pop("") == ["background", "dress", "belt", "bag", "socks", "tie"]
    assert groups.pop("head") == ["hat", "hair", "sunglasses", "face"]
    assert groups.pop("upper body") == ["upper clothes", "scarf"]
    assert groups.pop("lower body") == ["skirt", "pants"]
    assert all(names == [joint] for joint, names in groups.items())


def test_atr_is_gps_without_socks_and_tie() -> None:
    for atr, gps in zip(get_scheme("atr").labels, get_scheme("gps").labels, strict=False):
        assert atr.name == gps.name.replace(" ", "-")
        assert (atr.id, atr.flip, atr.joint, atr.color) == (gps.id, gps.flip, gps.joint, gps.color)


def test_pascal_person_part_has_a_joint_a_part() -> None:
    scheme = get_scheme("pascal-person-part")
    assert scheme.joints == tuple(name.replace("-", " ") for name in PASCAL[1:])


@pytest.mark.parametrize("name", ["ccp", "mhp-v2", "fashionista"])
def test_schemes_without_joints(name: str) -> None:
    assert get_scheme(name).joints == ()


def test_an_unknown_scheme_is_named_with_the_nearest() -> None:
    with pytest.raises(
        SchemeError,
        match=r"scheme must be a known name, got 'gsp'. Did you mean 'gps'\? Choices: gps, gps-out",
    ):
        get_scheme("gsp")


def test_an_unknown_label_is_named_with_the_nearest() -> None:
    with pytest.raises(
        SchemeError,
        match=r"label must be one of scheme 'gps', got 'left-arm'. Did you mean 'left arm'\?",
    ):
        get_scheme("gps").id_of("left-arm")


def test_tie_is_no_label_outdoors() -> None:
    with pytest.raises(SchemeError, match="label must be one of scheme 'gps-outdoor', got 'tie'"):
        get_scheme("gps-outdoor").id_of("tie")
