"""Items: read once and late, kept within bounds, matched by photo."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from peopleparse.data.image_labels import ImageLabels
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme
from peopleparse.studio.items import Items
from peopleparse.studio.shown import Shown, show_labels, show_result
from peopleparse.web.problems import Problem
from tests.studio.site import draw_overlapping, draw_people


def _shown(size: tuple[int, int] = (40, 60), count: int = 2) -> Shown:
    return show_result(draw_people(count, size), None)


def test_an_item_is_read_late_and_once_by_many() -> None:
    items, calls = Items(), []

    def load() -> Shown:
        calls.append(1)
        time.sleep(0.05)
        return _shown()

    item, _ = items.add("a", "photo", "id:a", load=load)
    assert (item.summary()["width"], item.summary()["persons"], calls) == (None, None, [])
    found: list[Shown] = []
    threads = [
        threading.Thread(target=lambda: found.append(items.show(items.find("i1"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1 and len({id(one) for one in found}) == 1
    assert item.summary() == {
        "id": "i1", "name": "a", "kind": "result", "system": "", "width": 60, "height": 40,
        "persons": 2,
    }  # fmt: skip


def test_the_oldest_goes_and_is_named_and_what_has_a_file_is_read_again() -> None:
    one = _shown()
    items, calls = Items(memory_bytes=one.weight * 2), []
    items.add("a.jpg", "result", "sent:1", shown=one)
    assert items.add("b.jpg", "result", "sent:2", shown=_shown())[1] == []
    items.show(items.find("i1"))  # used again: b is the oldest now
    assert items.add("c.jpg", "result", "sent:3", shown=_shown())[1] == ["b.jpg"]
    with pytest.raises(Problem, match="'b.jpg' must be parsed again, got dropped") as told:
        items.find("i2")
    assert told.value.status == 410
    assert [item.id for item in items] == ["i1", "i3"]

    def load() -> Shown:
        calls.append(1)
        return _shown()

    filed, dropped = items.add("d", "result", "id:d", load=load)
    items.show(filed)
    items.add("e.jpg", "result", "sent:5", shown=_shown())
    items.add("f.jpg", "result", "sent:6", shown=_shown())
    items.show(items.find(filed.id))
    assert (dropped, len(calls)) == ([], 2)


def test_one_item_larger_than_the_bound_is_still_shown() -> None:
    items = Items(memory_bytes=1)
    item, dropped = items.add("a", "result", "sent:1", shown=_shown())
    assert dropped == [] and items.show(item).size == (40, 60)


def test_a_reader_that_fails_is_tried_again() -> None:
    items = Items()
    answers: list[Any] = [DataError("file must be there, got none."), _shown()]

    def load() -> Shown:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    item, _ = items.add("a", "result", "id:a", load=load)
    with pytest.raises(DataError, match="file must be there, got none"):
        items.show(item)
    assert items.show(item).size == (40, 60)


@pytest.mark.parametrize("name", ["i9", "", "../i1", "I1", "i1/..", "i1\x00"])
def test_other_ids_are_unknown(name: str) -> None:
    items = Items()
    items.add("a", "result", "sent:1", shown=_shown())
    with pytest.raises(Problem, match="result must be one of this studio's, got another") as told:
        items.find(name)
    assert told.value.status == 404


def test_items_of_one_photo_know_each_other_unless_their_sizes_differ() -> None:
    items = Items()
    first, _ = items.add("a", "result", "id:a", shown=_shown())
    items.add("b", "result", "id:b", shown=_shown())
    items.add("a", "truth", "id:a", shown=_shown(count=1))
    items.add("a small", "result", "id:a", shown=_shown((20, 30)))
    items.add("a unread", "result", "id:a", load=_shown)
    assert items.same_photo(first) == ["i3", "i5"]


def test_persons_are_described_with_their_layers_numbers() -> None:
    result = draw_people(3, (120, 160))
    shown = show_result(result, None)
    found = shown.describe_people()
    for person, entry in zip(result.people, found, strict=True):
        assert entry["index"] == person.index and entry["score"] == pytest.approx(person.score)
        assert entry["box"] == person.box.tolist()
        assert entry["face_box"] == (None if person.face_box is None else person.face_box.tolist())
        assert entry["parts"] == [
            {"label_id": part.label_id, "area": part.area} for part in person.parts.values()
        ]
    assert shown.encode(0) is shown.encode(0)
    assert shown.encode(1) is None and shown.encode(-1) is None


def test_a_hidden_person_is_counted_and_persons_keep_their_numbers() -> None:
    persons = draw_overlapping(4)
    persons[3] = 0
    shown = show_labels(
        ImageLabels(persons, np.array([0.9, 0.8, 0.7, 0.6])), get_scheme("gps"), "a"
    )
    found = shown.describe_people()
    assert [entry["index"] for entry in found] == [1, 2, 3, 4]
    assert found[3] == {
        "index": 4,
        "score": 0.6,
        "box": [0, 0, 0, 0],
        "face_box": None,
        "parts": [],
    }
    for labels, entry in zip(persons, found, strict=True):
        areas = {part["label_id"]: part["area"] for part in entry["parts"]}
        assert areas == {n: int((labels == n).sum()) for n in np.unique(labels).tolist() if n}


def test_labels_without_persons_are_shown_without_persons() -> None:
    parsing = np.array([[0, 1], [2, 0]], np.uint8)
    shown = show_labels(ImageLabels(None, parsing=parsing), get_scheme("lip"), "a")
    assert shown.describe_people() == []
    assert np.array_equal(shown.results[0].parsing, parsing)
