"""A second person's labels and how far the two agree; numbers of a whole project."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from peopleparse.data.gps import record_path
from peopleparse.data.gps_check import check_dataset
from peopleparse.data.statistics import measure_dataset
from peopleparse.labels import get_scheme
from peopleparse.studio.project import Project
from peopleparse.studio.project_statistics import measure_project
from peopleparse.studio.review import (
    count_agreement,
    find_review,
    read_review_labels,
    save_review,
    score_agreement,
)
from peopleparse.web.problems import Problem
from tests.studio.projects import count, make_project, paint, person_at

GPS = get_scheme("gps")
MAPS = arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 4, 9, 11, 255]))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path, ["one.jpg", "two.jpg"])


@given(first=MAPS, second=MAPS)
def test_agreement_is_iou_by_its_definition(first: Any, second: Any) -> None:
    found = score_agreement(count_agreement(first, second, GPS))
    judged = (first != 255) & (second != 255)
    slow = {}
    for label in GPS.labels[1:]:
        a, b = (first == label.id) & judged, (second == label.id) & judged
        if (a | b).any():
            slow[label.name] = (a & b).sum() / (a | b).sum()
    assert found["parts"] == slow
    assert found["mean_iou"] == (pytest.approx(np.mean([*slow.values()])) if slow else None)
    a, b = (first > 0) & judged, (second > 0) & judged
    person = (a & b).sum() / (a | b).sum() if (a | b).any() else None
    assert found["person_iou"] == person
    assert count_agreement(second, first, GPS) == count_agreement(first, second, GPS)


def test_a_review_lies_beside_and_changes_nothing(project: Project) -> None:
    store = project.store
    (uid,) = count(store, (6, 6))
    store.save_labels("one", uid, person_at(4), 0, "Ann")
    second = person_at(5)
    found = save_review(store, "one", uid, second, "Bob")
    assert found["agreement"]["person_iou"] == 7 / 9 and found["agreement"]["mean_iou"] == 7 / 9
    assert (found["annotator"], found["painted_by"], found["stale"]) == ("Bob", "Ann", False)
    assert find_review(store, "one", uid) == found
    assert (read_review_labels(store, "one", uid) == second).all()
    assert (store.read_labels("one", uid)[0] == person_at(4)).all()
    assert check_dataset(project.folder) == []
    store.save_labels("one", uid, person_at(6), 1, "Ann")
    assert find_review(store, "one", uid)["stale"]
    assert measure_project(project)["agreement"]["stale"] == 1


def test_what_is_no_review_is_refused(project: Project) -> None:
    store = project.store
    (uid,) = count(store, (6, 6))
    store.save_labels("one", uid, person_at(4), 0, "Ann")
    with pytest.raises(Problem, match="by somebody else than the annotator, got 'Ann'"):
        save_review(store, "one", uid, person_at(4), "Ann")
    with pytest.raises(Problem, match="got ''"):
        save_review(store, "one", uid, person_at(4), "")
    with pytest.raises(Problem, match="labels must be 60 x 40"):
        save_review(store, "one", uid, np.zeros((2, 2), np.uint8), "Bob")
    with pytest.raises(Problem, match="Nobody has reviewed this person"):
        find_review(store, "one", uid)
    save_review(store, "one", uid, person_at(4), "Bob")
    (png,) = (project.folder / "review" / "one").glob("*.png")
    png.write_bytes(b"?")
    with pytest.raises(Problem, match="label map must be a PNG file"):
        read_review_labels(store, "one", uid)


def test_a_project_is_counted_from_its_jsons(project: Project) -> None:
    store = project.store
    first, second = count(store, (6, 6), (30, 6))
    store.save_labels("one", first, person_at(4), 0, "Ann")
    store.save_labels("one", second, person_at(9), 0, "Bob")
    store.set_status("one", first, "done", "Ann", 30)
    store.set_status("one", second, "doing", "Bob", 50.4)
    save_review(store, "one", first, person_at(4), "Bob")
    found = measure_project(project)
    assert found["photos"] == 2
    assert found["states"] == {"todo": 1, "counted": 0, "painting": 1, "painted": 0, "checked": 0}
    assert found["statuses"] == {"todo": 0, "doing": 1, "done": 1, "checked": 0}
    assert found["annotators"] == {
        "Ann": {"persons": 1, "seconds": 30}, "Bob": {"persons": 1, "seconds": 50},
    }  # fmt: skip
    assert (found["seconds"]["total"], found["seconds"]["median"]) == (80, 40.0)
    assert found["agreement"] == {
        "reviews": 1, "stale": 0, "mean_iou": 1.0, "person_iou": 1.0,
        "parts": {"upper clothes": 1.0, "face": 1.0},
    }  # fmt: skip
    data = found["data"]
    assert (data["images"], data["persons"], data["overlap_pixels"]) == (1, 2, 78)
    assert data["part_persons"]["face"] == 2 and "peopleparse data stats " in found["command"]
    count(store, photo_id="two")
    whole = measure_dataset(project.folder).to_dict()
    assert measure_project(project)["data"] == whole
    record_path(project.folder, "two").write_text("{")
    assert "annotation must be JSON" in measure_project(project)["faults"][0]


def test_agreement_of_a_project_counts_pixels_of_all_reviews_together() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), ["one.jpg", "two.jpg"])
        for photo_id, size in (("one", 10), ("two", 1)):
            (uid,) = count(project.store, (1, 1), photo_id=photo_id)
            first, second = paint((0, 0, size, 10, 4)), paint((0, 0, size, 5, 4))
            project.store.save_labels(photo_id, uid, first, 0, "Ann")
            save_review(project.store, photo_id, uid, first if size == 1 else second, "Bob")
        (project.folder / "review" / "one" / "odd.json").write_text("{")
        agreement = measure_project(project)["agreement"]
        assert agreement["parts"] == {"upper clothes": (50 + 10) / 110}
        assert agreement["reviews"] == 2
