"""The list of persons: left to right, and everyone keeps their labels whatever is done to it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peopleparse.data.gps import annotation_folder
from peopleparse.data.gps_check import check_dataset
from peopleparse.studio.annotation_store import AnnotationStore
from peopleparse.studio.person_list import put_persons, write_persons
from peopleparse.web.problems import Problem
from tests.studio.projects import (
    HEIGHT,
    WIDTH,
    again,
    count,
    make_project,
    paint,
    person_at,
    snapshot,
)


@pytest.fixture
def store(tmp_path: Path) -> AnnotationStore:
    return make_project(tmp_path).store


def files_of(store: AnnotationStore, photo_id: str = "one") -> list[str]:
    return sorted(path.name for path in annotation_folder(store.folder, photo_id).iterdir())


def test_persons_stand_left_to_right_and_labels_stay_with_them(store: AnnotationStore) -> None:
    uids = count(store, (40, 5), (10, 5), (10, 2))
    photo = store.photo("one")
    assert [person["click"] for person in photo["persons"]] == [[10, 2], [10, 5], [40, 5]]
    assert files_of(store) == ["one.json", *(f"one_03_0{k}.png" for k in (1, 2, 3))]
    for x, uid in zip((5, 20, 38), uids, strict=True):
        store.save_labels("one", uid, person_at(x), 0, "Ann")
    persons = again(store.photo("one"))
    persons[0]["click"], persons[2]["click"] = [50, 9], [2, 9]  # the first and the last change
    photo = put_persons(store, "one", 1, [*persons, {"uid": None, "click": (30, 3)}])
    assert [p["uid"] for p in photo["persons"] if p["uid"] in uids] == [uids[2], uids[1], uids[0]]
    assert files_of(store) == ["one.json", *(f"one_04_0{k}.png" for k in (1, 2, 3, 4))]
    for x, uid in zip((5, 20, 38), uids, strict=True):
        assert (store.read_labels("one", uid)[0] == person_at(x)).all()
    assert check_dataset(store.folder) == []


def test_who_was_taken_out_comes_back_with_all_that_was_painted(store: AnnotationStore) -> None:
    left, right = count(store, (10, 5), (40, 5))
    for uid, labels in ((left, person_at(6)), (right, person_at(9))):
        store.save_labels("one", uid, labels, 0, "Ann")
    before = snapshot(store)
    photo = put_persons(store, "one", 1, [{"uid": right, "click": (40, 5)}])
    assert [p["uid"] for p in photo["persons"]] == [right] and photo["overlaps"] == []
    persons = [{"uid": left, "click": (10, 5)}, {"uid": right, "click": (40, 5)}]
    put_persons(store, "one", 2, persons)
    after = snapshot(store)
    assert before | {"revision": 3} == after
    assert before["overlaps"] == [{"a": 1, "b": 2, "pixels": 5 * 26}]
    assert check_dataset(store.folder) == []


@pytest.mark.parametrize(
    ("persons", "message"),
    [
        ([{"uid": "p1", "click": (1, 1)}], "of this photo or new, got uid 'p1'"),
        ([{"uid": "p", "click": (1, 1)}] * 2, r"there once, got \['p'\] twice"),
        ([{"uid": None, "click": (61, 1)}], r"click must be \[x, y\] on the photo of 60 x 40"),
        ([{"uid": None, "click": (float("nan"), 1)}], "click must be"),
        ([{"uid": None}], "click must be .* got None"),
        ([{"uid": None, "click": (1, 1)}] * 256, "at most 255, got 256"),
    ],
)
def test_a_list_that_cannot_be_is_refused(
    store: AnnotationStore, persons: list[Any], message: str
) -> None:
    with pytest.raises(Problem, match=message) as e:
        put_persons(store, "one", 0, persons)
    assert e.value.status == 422 and store.photo("one")["revision"] == 0


def test_an_old_list_is_refused(store: AnnotationStore) -> None:
    put_persons(store, "one", 0, [], annotator="Ann")
    assert store.photo("one")["state"] == "painted"  # nobody is there: nothing is left to do
    with pytest.raises(Problem, match="the persons of photo 'one': Ann saved it at") as e:
        put_persons(store, "one", 0, [])
    assert e.value.status == 409 and e.value.extra["revision"] == 1


def test_255_persons_fit(store: AnnotationStore) -> None:
    uids = count(store, *[(n % WIDTH, n // WIDTH) for n in range(255)])
    assert len(set(uids)) == 255
    assert "one_255_255.png" in files_of(store) and check_dataset(store.folder) == []


Step = st.tuples(st.sampled_from(["add", "move", "remove", "paint", "back"]), st.integers(0, 10**6))


@settings(max_examples=30)
@given(steps=st.lists(Step, max_size=14))
def test_whatever_is_done_to_the_list_everyone_keeps_their_labels(steps: list[Any]) -> None:
    """A model in a dict goes beside the store through adding, moving, removing, painting."""
    with tempfile.TemporaryDirectory() as folder:
        store = make_project(Path(folder)).store
        held: dict[str, Any] = {}  # uid: click, labels
        gone: dict[str, Any] = {}
        for kind, number in steps:
            click = [float(number % WIDTH), float(number // WIDTH % HEIGHT)]
            uid = sorted(held)[number % len(held)] if held else None
            if kind == "paint" and uid:
                labels = person_at(number % 50, 1 + number % 19)
                revision = store.read_labels("one", uid)[1]
                store.save_labels("one", uid, labels, revision)
                held[uid] = (held[uid][0], labels)
                continue
            listed = {uid: clicked for uid, (clicked, _) in held.items()}
            added = kind == "add"
            if kind == "remove" and uid:
                gone[uid] = held.pop(uid)
                listed.pop(uid)
            elif kind == "move" and uid:
                listed[uid] = click
            elif kind == "back" and gone:
                back = sorted(gone)[0]
                held[back] = gone.pop(back)
                listed[back] = held[back][0]
            persons: list[Any] = [{"uid": u, "click": c} for u, c in listed.items()]
            persons += [{"uid": None, "click": click}] if added else []
            photo = put_persons(store, "one", store.photo("one")["revision"], persons)
            for person in photo["persons"]:
                known = held.get(person["uid"], (None, paint()))[1]
                held[person["uid"]] = (person["click"], known)
        photo = store.photo("one")
        order = sorted(held, key=lambda uid: (*held[uid][0], uid))
        assert [person["uid"] for person in photo["persons"]] == order
        for uid, (_, labels) in held.items():
            assert (store.read_labels("one", uid)[0] == labels).all()
        assert check_dataset(store.folder) == []


def test_persons_from_elsewhere_are_one_change(store: AnnotationStore) -> None:
    right, left = person_at(40), person_at(5)
    photo = write_persons(store, "one", [right, left, paint()], annotator="Import")
    first, second, third = photo["persons"]
    # Without clicks they stand by their boxes; of the third nothing is known.
    assert [p["area"] for p in photo["persons"]] == [0, 208, 208] or first["box"][0] == 5
    assert {p["status"] for p in photo["persons"]} == {"done", "todo"}
    assert check_dataset(store.folder) == []
    fields = [{"uid": p["uid"], "click_xy": p["click"]} for p in (second, third, first)]
    maps = [store.read_labels("one", f["uid"])[0] for f in fields]
    same = write_persons(store, "one", maps, fields)
    assert [p["revision"] for p in same["persons"]] == [p["revision"] for p in photo["persons"]]
    changed = write_persons(store, "one", [left | 2], [{"uid": second["uid"], "status": "odd"}])
    assert changed["persons"][0]["revision"] == second["revision"] + 1
    assert changed["persons"][0]["status"] == "doing"
    with pytest.raises(Problem, match="one entry a label map, got 0 for 1"):
        write_persons(store, "one", [left], [])
    assert check_dataset(store.folder) == []
