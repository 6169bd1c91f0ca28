from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from peopleparse.errors import SchemeError
from peopleparse.labels import LossReport, get_scheme, get_translation, translate

TABLES = [
    ("ccp", "gps"),
    ("lip", "gps"),
    ("gps", "lip"),
    ("cihp", "gps"),
    ("gps", "cihp"),
    ("mhp-v1", "gps"),
    ("gps", "mhp-v1"),
    ("mhp-v2", "gps"),
    ("gps", "mhp-v2"),
    ("atr", "gps"),
    ("gps", "atr"),
    ("fashionista", "gps"),
]
every_table = pytest.mark.parametrize(("source", "target"), TABLES)


def _maps(num_ids: int) -> st.SearchStrategy[np.ndarray]:
    ids = st.integers(0, num_ids - 1) | st.just(255)
    return hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=ids)


@every_table
def test_every_source_label_has_a_row(source: str, target: str) -> None:
    table = get_translation(source, target)
    assert sorted(table.targets) == list(get_scheme(source).ids)
    assert set(table.targets.values()) <= {*get_scheme(target).ids, 255}
    assert table.targets[0] == 0


@every_table
def test_lookup_ignores_what_the_source_does_not_have(source: str, target: str) -> None:
    lookup = get_translation(source, target).lookup()
    assert lookup.shape == (256,) and lookup.dtype == np.uint8
    assert (lookup[get_scheme(source).num_ids :] == 255).all()


def test_ccp_groups_are_what_the_label_alone_cannot_tell() -> None:
    table = get_translation("ccp", "gps")
    groups: dict[str, list[str]] = {}
    for source_id, group in table.groups.items():
        groups.setdefault(group, []).append(table.source.names[source_id])
        assert table.targets[source_id] == 255
    assert groups == {
        "skin": ["skin"],
        "leg": ["stockings", "tights"],
        "arm": ["gloves"],
        "around": ["accessories", "bracelet", "earrings", "necklace", "ring", "watch"],
        "shoe": [
            "boots", "clogs", "flats", "heels", "loafers", "pumps", "sandals", "shoes", "sneakers",
            "wedges",
        ],
    }  # fmt: skip


def test_fashionista_becomes_what_ccp_becomes() -> None:
    """Both are garments of street photos, and every label of the one is a label of the other."""
    ccp, own = get_translation("ccp", "gps"), get_translation("fashionista", "gps")
    for source_id, target_id in own.targets.items():
        twin = ccp.source.id_of(own.source.names[source_id])
        assert (ccp.targets[twin], ccp.groups.get(twin)) == (target_id, own.groups.get(source_id))


def test_atr_to_gps_and_back_changes_nothing() -> None:
    atr = np.append(np.arange(18, dtype=np.uint8), np.uint8(255))[None]
    gps, report = translate(atr, "atr", "gps")
    np.testing.assert_array_equal(gps, atr)
    assert report == LossReport(19, 19, {}, {}, {})
    np.testing.assert_array_equal(translate(gps, "gps", "atr")[0], atr)
    assert get_translation("atr", "gps").never_made() == ["socks", "tie"]
    back, lost = translate(np.array([[18, 19]], np.uint8), "gps", "atr")
    assert back.tolist() == [[255, 4]]
    assert lost == LossReport(2, 0, {"tie": 1}, {}, {"socks": 1})


def test_parts_of_pascal_are_of_no_garment() -> None:
    with pytest.raises(SchemeError, match="got pascal-person-part to gps. Go through gps where"):
        get_translation("pascal-person-part", "gps")


def test_never_made_and_merged() -> None:
    assert get_translation("lip", "gps").never_made() == ["belt", "bag", "tie"]
    assert get_translation("gps", "lip").never_made() == ["glove", "coat", "jumpsuits"]
    assert get_translation("lip", "gps").merged() == {
        "upper clothes": ["upper-clothes", "coat"],
        "dress": ["dress", "jumpsuits"],
    }
    assert get_translation("gps", "lip").merged() == {
        "background": ["background", "bag"],
        "upper-clothes": ["upper clothes", "belt", "tie"],
    }


def test_translation_of_one_pixel_of_each_lip_label() -> None:
    lip = np.arange(20, dtype=np.uint8)[None]
    gps, report = translate(lip, "lip", "gps")
    expected = [0, 1, 2, 255, 3, 4, 7, 4, 18, 6, 7, 17, 5, 11, 14, 15, 12, 13, 9, 10]
    assert gps.tolist() == [expected]
    assert report == LossReport(
        pixels=20,
        kept=15,
        merged={"upper-clothes": 1, "dress": 1, "coat": 1, "jumpsuits": 1},
        dropped={},
        unknown={"glove": 1},
    )


def test_lip_to_gps_and_back_says_what_did_not_come_back() -> None:
    lip = np.arange(20, dtype=np.uint8)[None]
    gps, there = translate(lip, "lip", "gps")
    back, again = translate(gps, "gps", "lip")
    changed = {get_scheme("lip").names[i] for i in np.flatnonzero(lip[0] != back[0])}
    assert changed == {"glove", "coat", "jumpsuits"}
    # Every label that came back as another had been named on the way there.
    assert changed <= {*there.merged, *there.unknown}
    assert again.dropped == {} and again.unknown == {}


def test_a_bag_is_dropped_and_a_tie_merged_on_the_way_to_lip() -> None:
    _, report = translate(np.array([[16, 16, 19, 0, 255]], np.uint8), "gps", "lip")
    assert report == LossReport(5, 2, {"tie": 1}, {"bag": 2}, {})
    assert str(report) == "kept 2 of 5 pixels\nmerged: tie 1\ndropped: bag 2"


@every_table
@given(data=st.data())
def test_reports_add_up_to_all_pixels(source: str, target: str, data: st.DataObject) -> None:
    parsing = data.draw(_maps(get_scheme(source).num_ids))
    made, report = translate(parsing, source, target)
    lost = [sum(kind.values()) for kind in (report.merged, report.dropped, report.unknown)]
    assert report.kept + sum(lost) == report.pixels == parsing.size
    assert made.shape == parsing.shape and made.dtype == np.uint8
    assert (made[parsing == 255] == 255).all()
    assert ((made == 255) & (parsing != 255)).sum() == sum(report.unknown.values())
    assert ((made == 0) & (parsing != 0)).sum() == sum(report.dropped.values())


@given(parsing=_maps(20))
def test_translation_and_mirroring_go_in_any_order(parsing: np.ndarray) -> None:
    gps, lip = get_scheme("gps").flip_table(), get_scheme("lip").flip_table()
    first = translate(lip[parsing], "lip", "gps")[0]
    np.testing.assert_array_equal(first, gps[translate(parsing, "lip", "gps")[0]])


def test_no_table_joins_the_two() -> None:
    with pytest.raises(
        SchemeError,
        match=r"must be one of ccp to gps, lip to gps, gps to lip, .*, got ccp to lip. Go",
    ):
        get_translation("ccp", "lip")


def test_translation_of_an_unknown_scheme() -> None:
    with pytest.raises(SchemeError, match="scheme must be a known name, got 'lp'"):
        get_translation("lp", "gps")


def test_an_id_outside_the_source_scheme() -> None:
    with pytest.raises(
        SchemeError, match=r"label ids must be ids of scheme 'lip', got \[20, 59\]. Check which"
    ):
        translate(np.array([[0, 20, 59, 255]], np.uint8), "lip", "gps")


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_a_map_of_another_type(dtype: type) -> None:
    with pytest.raises(SchemeError, match="label map must be uint8, got (int64|float32). Read it"):
        translate(np.zeros((2, 2), dtype), "lip", "gps")
