"""What is likely wrong: one case of each kind, with its place, and a good photo without any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peopleparse.data.gps import annotation_folder
from peopleparse.data.png import write_label_png
from peopleparse.labels import get_scheme
from peopleparse.studio.annotation_store import AnnotationStore
from peopleparse.studio.lint import MAX_EACH, Remark, lint_persons, lint_photo
from peopleparse.studio.person_list import put_persons
from peopleparse.studio.person_masks import make_cutout
from tests.studio.projects import again, count, make_project, paint, person_at


@pytest.fixture
def store(tmp_path: Path) -> AnnotationStore:
    return make_project(tmp_path).store


def save(store: AnnotationStore, *maps: Any, done: bool = True) -> list[str]:
    uids = count(store, *[(6 + 18 * n, 15) for n in range(len(maps))])
    for uid, labels in zip(uids, maps, strict=True):
        store.save_labels("one", uid, labels, 0, "Ann")
        if done and labels.any():
            store.set_status("one", uid, "done")
    return uids


def find(store: AnnotationStore, code: str) -> list[Remark]:
    return [remark for remark in lint_photo(store, "one") if remark.code == code]


def test_good_persons_have_no_remark(store: AnnotationStore) -> None:
    save(store, person_at(4), person_at(22), person_at(40))
    assert lint_photo(store, "one") == []


def test_holes_and_islands(store: AnnotationStore) -> None:
    labels = person_at(4)
    labels[20:22, 6:9] = 0  # a hole
    labels[12, 5] = 6  # a speck inside: there is no other part of its kind, but it touches
    labels[30, 12] = 0
    labels[2, 2] = 4  # a speck away from the body
    labels[24, 6:8] = 11  # a speck of face on the clothes
    labels[35:39, 30:36] = 18  # a piece of its own, large enough
    (uid,) = save(store, labels)
    (hole,) = find(store, "hole")
    assert (hole.uid, hole.severity, hole.box) == (uid, "warning", (6, 20, 9, 22))
    assert hole.sentence == "Person 1 has a hole of 6 pixels."
    islands = find(store, "island")
    assert {(r.sentence, r.box) for r in islands} == {
        ("Person 1 has a speck of 2 pixels of face.", (6, 24, 8, 25)),
        ("Person 1 has a speck of 1 pixel of upper clothes.", (2, 2, 3, 3)),
    }


def test_an_open_bay_and_a_hole_that_touches_by_a_corner(store: AnnotationStore) -> None:
    labels = person_at(4)
    labels[15:17, 10:12] = 0  # open to the right
    save(store, labels)
    assert find(store, "hole") == []
    labels[15:17, 12:14] = 4
    labels[14, 12] = labels[17, 12] = 4  # now closed by a piece that hangs on corners
    uid = store.photo("one")["persons"][0]["uid"]
    store.save_labels("one", uid, labels, 1)
    assert [r.box for r in find(store, "hole")] == [(10, 15, 12, 17)]


def test_many_specks_are_summed_up(store: AnnotationStore) -> None:
    labels = person_at(4)
    labels[2:38:3, 20:50:3] = 4
    save(store, labels)
    islands = find(store, "island")
    assert len(islands) == MAX_EACH + 1
    assert islands[-1].sentence == "Person 1 has 110 more specks of 110 pixels in all."


def test_empty_face_and_click(store: AnnotationStore) -> None:
    first, second, third = save(store, paint(), paint((22, 4, 30, 30, 4)), person_at(22))
    assert [(r.uid, r.severity, r.sentence) for r in find(store, "empty")] == [
        (first, "warning", "Person 1 has no labelled pixel yet.")
    ]
    assert [r.uid for r in find(store, "face")] == [second]
    assert [(r.uid, r.box) for r in find(store, "click")] == [(third, (22, 4, 30, 30))]


def test_unfinished_persons_are_not_told_what_is_missing(store: AnnotationStore) -> None:
    save(store, paint((20, 4, 30, 30, 4)), done=False)
    assert lint_photo(store, "one") == []


def test_order_by_what_is_painted(store: AnnotationStore) -> None:
    _, right = save(store, person_at(40), person_at(4))
    (remark,) = find(store, "order")
    assert remark.uid == right and remark.box == (4, 4, 12, 30)
    assert "Person 2 stands left of person 1" in remark.sentence


def test_overlap_is_an_error_unless_it_is_allowed(store: AnnotationStore) -> None:
    _, second = save(store, person_at(4), person_at(9, 6))
    first = lint_photo(store, "one")[0]
    assert (first.code, first.severity, first.uid) == ("overlap", "error", second)
    assert first.box == (9, 4, 12, 30)
    assert first.sentence.startswith("Persons 1 and 2 share 78 pixels: give each to one")
    put_persons(store, "one", 1, again(store.photo("one")), allow_overlap=True)
    assert [(r.severity, r.sentence) for r in find(store, "overlap")] == [
        ("warning", "Persons 1 and 2 share 78 pixels.")
    ]


def draw_person() -> Any:
    """Return a person who faces the camera: their right is on the picture's left."""
    return paint(
        (26, 1, 34, 9, 11), (24, 9, 36, 23, 4), (19, 10, 24, 22, 15), (36, 10, 41, 22, 14),
        (25, 23, 30, 34, 13), (30, 23, 35, 34, 12), (25, 34, 30, 38, 10), (30, 34, 35, 38, 9),
    )  # fmt: skip


def test_sides_and_parts_that_float(store: AnnotationStore) -> None:
    labels = draw_person()
    (uid,) = save(store, labels)
    assert [r.code for r in lint_photo(store, "one") if r.code != "click"] == []
    swapped = labels.copy()
    swapped[labels == 9], swapped[labels == 10] = 10, 9
    swapped[12:20, 50:56] = 14  # an arm away from everybody
    store.save_labels("one", uid, swapped, 1)
    codes = {r.code: r for r in lint_photo(store, "one")}
    assert "sides" in codes and "floating" in codes
    assert "shoe" in codes["sides"].sentence and codes["sides"].sentence.startswith("Person 1: ")
    assert codes["floating"].uid == uid


def test_large_photos_are_audited_on_a_coarser_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.kron(np.maximum(draw_person(), paint((50, 12, 56, 20, 14))), np.ones((4, 4), "u1"))
    record = {"image": {"height": 160, "width": 240}, "persons": [{"uid": "p", "index": 7}]}
    cutout = make_cutout(labels, get_scheme("gps"))

    def audit() -> Remark:
        found = lint_persons(record, [labels], [cutout], False)
        return next(remark for remark in found if remark.code == "floating")

    exact = audit()
    assert exact.box == (200, 48, 224, 80) and exact.sentence.startswith("Person 7: left arm away")
    monkeypatch.setattr("peopleparse.studio.lint._AUDIT_PIXELS", 160 * 240 // 9)
    coarse = audit()
    assert coarse.box is not None and np.abs(np.subtract(coarse.box, exact.box)).max() <= 4


def test_files_that_do_not_fit_come_first(store: AnnotationStore) -> None:
    first, second = save(store, person_at(4), person_at(9))
    home = annotation_folder(store.folder, "one")
    (home / "one_02_01.png").unlink()
    remarks = lint_photo(store, "one")
    assert (remarks[0].code, remarks[0].severity) == ("file", "error")
    assert "label PNG must be a file, got none" in remarks[0].sentence
    stray = paint((9, 4, 20, 20, 77))
    write_label_png(home / "one_02_02.png", stray, get_scheme("gps").palette)
    found = [r for r in lint_photo(store, "one") if r.code == "file"]
    assert any("got [77]" in r.sentence and r.uid == second for r in found)
    assert Remark(None, "file", "error", "x").to_dict() == {
        "uid": None, "code": "file", "severity": "error", "sentence": "x", "box": None,
    }  # fmt: skip
