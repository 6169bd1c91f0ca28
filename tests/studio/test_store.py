"""Label arrays on disk: exact, whole or not at all, and never over somebody else's."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from peopleparse.data.gps import annotation_folder, read_annotation, record_path
from peopleparse.data.gps_check import check_dataset
from peopleparse.data.gps_record import count_overlaps
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation
from peopleparse.studio.annotation_store import AnnotationStore
from peopleparse.studio.project import open_project
from peopleparse.web.problems import Problem
from tests.studio.projects import (
    HEIGHT,
    WIDTH,
    count,
    make_project,
    paint,
    person_at,
)

IDS = st.sampled_from([*range(20), 255])
MAPS = arrays(np.uint8, (HEIGHT, WIDTH), elements=IDS, fill=st.just(0))


@pytest.fixture
def store(tmp_path: Path) -> AnnotationStore:
    return make_project(tmp_path).store


@settings(max_examples=25)
@given(maps=st.lists(MAPS, min_size=1, max_size=4))
def test_labels_come_back_exactly_and_the_folder_stays_a_gps_folder(maps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = make_project(Path(folder)).store
        uids = count(store, *[(10 * n, 5) for n in range(len(maps))])
        for uid, labels in zip(uids, maps, strict=True):
            store.save_labels("one", uid, labels, 0, "Ann")
        for uid, labels in zip(uids, maps, strict=True):
            found, _ = store.read_labels("one", uid)
            assert (found == labels).all()
        assert check_dataset(store.folder) == []
        saved = read_annotation(store.folder, "one")
        assert (saved.parsings == np.stack(maps)).all()
        assert store.record("one")["overlaps"] == count_overlaps(saved.masks)
        assert (store.read_annotation("one").parsings == saved.parsings).all()


def test_a_save_takes_its_revision_further_and_the_same_labels_do_not(
    store: AnnotationStore,
) -> None:
    (uid,) = count(store, (10, 10))
    labels = person_at(6)
    first = store.save_labels("one", uid, labels, 0, "Ann", 12.5)
    assert first == {
        "revision": 1,
        "area": 8 * 26,
        "mask_sha256": first["mask_sha256"],
        "status": "doing",
    }
    assert store.save_labels("one", uid, labels, 1, "Bob")["revision"] == 1
    assert store.save_labels("one", uid, person_at(7), 1)["revision"] == 2
    person = store.photo("one")["persons"][0]
    assert (person["annotator"], person["seconds"], person["revision"]) == ("Ann", 12.5, 2)
    assert person["box"] == [7, 4, 15, 30]
    previous, revision = store.read_previous("one", uid)
    assert (previous == labels).all() and revision == 1


def test_the_second_of_two_saves_is_refused_and_told_who_and_when(store: AnnotationStore) -> None:
    (uid,) = count(store, (10, 10))
    store.save_labels("one", uid, person_at(6), 0, "Ann")
    with pytest.raises(
        Problem, match=r"revision must be 1, got 0, .*: Ann saved it at \d{4}-"
    ) as e:
        store.save_labels("one", uid, person_at(9), 0, "Bob")
    assert e.value.status == 409
    assert e.value.extra["revision"] == 1 and e.value.extra["annotator"] == "Ann"
    assert (store.read_labels("one", uid)[0] == person_at(6)).all()


def test_of_many_saves_at_once_of_one_revision_exactly_one_is_taken(tmp_path: Path) -> None:
    folder = make_project(tmp_path).folder
    stores = [open_project(folder).store for _ in range(4)]
    (uid,) = count(stores[0], (10, 10))
    refused = 0
    for turn in range(25):
        told: list[Any] = []
        start = threading.Barrier(len(stores))

        def save(number: int, turn: int = turn, told: list[Any] = told, start: Any = start) -> None:
            labels = paint((number, turn, number + 9, turn + 9, 4))
            start.wait()
            try:
                told.append((stores[number].save_labels("one", uid, labels, turn), labels))
            except Problem as problem:
                told.append(problem)

        threads = [threading.Thread(target=save, args=(n,)) for n in range(len(stores))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [one for one in told if not isinstance(one, Problem)]
        assert len(won) == 1 and won[0][0]["revision"] == turn + 1
        assert (stores[3].read_labels("one", uid)[0] == won[0][1]).all()
        refused += len(told) - 1
    assert refused == 75


def test_status_follows_the_paint(store: AnnotationStore) -> None:
    (uid,) = count(store, (10, 10))
    with pytest.raises(Problem, match="person must have a labelled pixel to be done, got none"):
        store.set_status("one", uid, "done")
    with pytest.raises(Problem, match="status must be one of todo, doing, .* Did you mean 'done'"):
        store.set_status("one", uid, "don")
    store.save_labels("one", uid, person_at(3), 0, "Ann")
    assert store.photo("one")["state"] == "painting"
    assert store.set_status("one", uid, "done", "Ann", 40)["seconds"] == 40
    assert store.photo("one")["state"] == "painted"
    checked = store.set_status("one", uid, "checked", "Bob")
    assert (checked["status"], checked["annotator"]) == ("checked", "Ann")
    assert store.photo("one")["state"] == "checked"
    assert store.save_labels("one", uid, person_at(4), 1)["status"] == "done"
    assert store.save_labels("one", uid, paint(), 2)["status"] == "doing"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((3, 4), np.uint8), r"labels must be 60 x 40 uint8 like the photo, got 4 x 3"),
        (np.full((HEIGHT, WIDTH), 20, np.uint8), r"must be ids of scheme 'gps' or 255, got \[20\]"),
        (np.zeros((HEIGHT, WIDTH), np.int64), "got 60 x 40 int64"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    store: AnnotationStore, labels: Any, message: str
) -> None:
    (uid,) = count(store, (10, 10))
    with pytest.raises(Problem, match=message) as e:
        store.save_labels("one", uid, labels, 0)
    assert e.value.status == 422


def test_who_is_not_there_is_said(store: AnnotationStore) -> None:
    with pytest.raises(Problem, match="photo must be one of the project's, got 'two'"):
        store.record("two")
    for name in ("../one", "", "a/b", ".studio"):
        with pytest.raises(Problem, match="photo must be one of the project's"):
            store.photo(name)
    with pytest.raises(Problem, match="person must be one of the project's, got 'p1'"):
        store.read_labels("one", "p1")
    (uid,) = count(store, (1, 1))
    with pytest.raises(Problem, match="saved once only"):
        store.read_previous("one", uid)


def test_masks_that_do_not_fit_are_told_and_painting_anew_repairs_them(
    store: AnnotationStore,
) -> None:
    uids = count(store, (5, 5), (20, 5), (40, 5))
    for n, uid in enumerate(uids):
        store.save_labels("one", uid, person_at(15 * n), 0, "Ann")
    home = annotation_folder(store.folder, "one")
    from peopleparse.data.png import write_label_png

    palette = get_scheme("gps").palette
    write_label_png(home / "one_03_01.png", np.zeros((4, 6), np.uint8), palette)
    (home / "one_03_02.png").write_bytes(b"no picture")
    (home / "one_03_03.png").unlink()
    (home / "one_03_04.png").write_bytes(b"strange")
    photo = store.photo("one")
    assert len(photo["persons"]) == 3 and photo["state"] == "painting"
    first, second, third, fourth = photo["faults"]
    assert first.startswith("label PNG must be 60 x 40 like its photo, got 6 x 4, at ")
    assert second.startswith("label map must be a PNG file")
    assert third.startswith("label PNG must be a file, got none")
    assert fourth.startswith("PNG must be one of the 3 persons of photo 'one', got ")
    for uid, status in zip(uids, (422, 422, 422), strict=True):
        with pytest.raises(Problem, match="label") as e:
            store.read_labels("one", uid)
        assert e.value.status == status
    for n, uid in enumerate(uids):
        store.save_labels("one", uid, person_at(15 * n + 1), 1, "Ann")
    assert store.photo("one")["faults"] == [fourth]
    assert (home / "one_03_04.png").read_bytes() == b"strange"


def test_a_json_that_cannot_be_read_is_told_and_never_written_over(store: AnnotationStore) -> None:
    (uid,) = count(store, (5, 5))
    path = record_path(store.folder, "one")
    good = path.read_bytes()
    for broken, message in (
        (b"{", "annotation must be JSON, got"),
        (b"[]", "field 'schema' must be str, got none"),
        (good.replace(f'"{uid}"'.encode(), b"7"), r"persons must be mappings with a uid"),
    ):
        path.write_bytes(broken)
        photo = store.photo("one")
        assert photo["read_only"] and message.split(",")[0] in photo["faults"][0]
        assert store.summary("one")["fault"] == photo["faults"][0]
        with pytest.raises(Problem, match=message) as e:
            store.save_labels("one", uid, person_at(2), 0)
        assert e.value.status == 422 and path.read_bytes() == broken


def test_another_photo_under_the_same_name_is_told(store: AnnotationStore, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (7, 5)).save(store.folder / "images" / "one.jpg")
    assert (
        "photo must be 60 x 40 as its annotation says, got 7 x 5" in store.photo("one")["faults"][0]
    )
    (store.folder / "images" / "one.jpg").unlink()
    assert "image must be a file, got none" in store.photo("one")["faults"][0]


def test_cutouts_are_forgotten_in_time_and_read_again(store: AnnotationStore) -> None:
    from peopleparse.studio.person_masks import Cutouts

    store.cutouts = Cutouts(limit=1)
    uids = count(store, (5, 5), (8, 5), (11, 5))
    for n, uid in enumerate(uids):
        store.save_labels("one", uid, person_at(3 * n), 0)
    masks = Annotation(store.read_annotation("one").parsings, get_scheme("gps")).masks
    assert store.record("one")["overlaps"] == count_overlaps(masks) != []
