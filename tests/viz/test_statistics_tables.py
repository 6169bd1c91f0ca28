"""Tables of data sets, cell by cell."""

from __future__ import annotations

from peopleparse.data.published_sets import GPS_TABLE, LIP_TABLE
from peopleparse.viz.statistics_tables import (
    overlap_table,
    overview_table,
    part_tables,
    persons_table,
    resolution_table,
    size_table,
    split_table,
)
from tests.viz.statistics_sets import make_hand_set, make_set


def test_table_1() -> None:
    maps = make_set("maps", persons=False, scheme="lip")
    table = overview_table([make_hand_set(), maps], [row.to_dict() for row in GPS_TABLE])
    assert table.head == [
        "Dataset", "# Image", "# Person", "# Category", "Instance", "Persons per image",
    ]  # fmt: skip
    assert table.rows[0] == ["hand", "2", "3", "20", "✓", "1.50 ± 0.50"]
    assert table.rows[1] == ["maps", "2", "–", "20", "✗", "–"]
    assert table.rows[2] == ["PASCAL-Part (published)", "3,533", "–", "7", "✗", "–"]
    assert table.rows[-2] == ["GPS-Indoor (published)", "7,500", "–", "20", "✓", "5.23"]
    assert table.published == 6 and "GPS paper, Table 1" in table.note and "tie" in table.note
    assert "Published" not in overview_table([maps]).note


def test_splits() -> None:
    found = make_hand_set() | {
        "splits": {"train": 1, "extra": 1}, "split_persons": {"train": 2, "extra": 1},
    }  # fmt: skip
    maps = make_set("maps", persons=False)
    table = split_table([found, maps], [row.to_dict() for row in LIP_TABLE])
    assert table.head == [
        "Dataset", "# Training", "# Validation", "# Test", "extra", "no split told", "Categories",
    ]  # fmt: skip
    assert table.rows[0] == ["hand", "2 (1)", "–", "–", "1 (1)", "–", "20"]
    assert table.rows[1] == ["maps", "–", "–", "–", "–", "(2)", "20"]
    assert table.rows[-1] == ["LIP (published)", "30,462", "10,000", "10,000", "–", "–", "20"]


def test_numbers_of_the_figures() -> None:
    assert persons_table([make_hand_set()]).rows == [["1", "1  50.0 %"], ["2", "1  50.0 %"]]
    (table,) = part_tables([make_hand_set(), make_set("out", (2,), "gps-outdoor")])
    assert table.head == ["Part", "hand, persons", "out, persons"]
    assert table.rows[1][:2] == ["hair", "2  66.7 %"]
    assert table.rows[-1] == ["tie", "0  0.0 %", "–"]


def test_sizes_overlaps_and_resolution() -> None:
    maps = make_set("maps", persons=False)
    sizes, overlaps = size_table([make_hand_set(), maps]), overlap_table([make_hand_set(), maps])
    # Heights 100, 50, 100; areas 4,000, 2,000, 4,000 of 20,000: all sides are 32 to 95.
    assert sizes.rows[0] == [
        "hand", "50", "100", "83.3 ± 23.6", "100", "20.0 %", "0.0 %", "100.0 %", "0.0 %",
    ]  # fmt: skip
    assert set(sizes.rows[1][1:]) == {"–"}
    # One pair with an IoU of 1,000 / 5,000; nothing is said of occlusion.
    assert overlaps.rows[0] == [
        "hand", "66.7 %", "0.0 %", "1", "100.0 %", "0.0 %", "–", "–", "1,000",
    ]  # fmt: skip
    assert overlaps.rows[1] == ["maps", "–", "–", "0", "–", "–", "–", "–", "0"]
    said = make_hand_set() | {"occluded": {"-": 1, "yes": 1, "no": 3}}
    assert overlap_table([said]).rows[0][6] == "25.0 %"
    assert resolution_table([make_hand_set()]).rows == [
        ["hand", "200", "200", "200", "100", "100", "100"]
    ]
