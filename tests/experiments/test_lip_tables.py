"""The LIP experiment on drawn people: views, batches that repeat, scores, runs that go on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from peopleparse.data.people import read_portraits  # noqa: E402
from peopleparse.errors import InputError  # noqa: E402
from peopleparse.experiments import lip_figure, lip_tables  # noqa: E402
from peopleparse.experiments.ledger import read_ledger  # noqa: E402
from peopleparse.experiments.lip_rows import PROTOCOL, VIEW, recipe_of  # noqa: E402
from peopleparse.experiments.lip_tables import (  # noqa: E402
    Bench,
    count_truth_faults,
    run_missing,
    score_views,
)
from peopleparse.experiments.packed_people import (  # noqa: E402
    FRAME,
    PackedPeople,
    View,
    cut_view,
    pack_people,
)
from peopleparse.experiments.person_batches import PersonBatches  # noqa: E402
from peopleparse.experiments.stress import (  # noqa: E402
    KINDS,
    limbs_cross,
    plain_views,
    stress_views,
)
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.metrics.left_right import count_swapped, left_right_confusion  # noqa: E402
from peopleparse.training.checkpoint import load_checkpoint  # noqa: E402
from peopleparse.training.loop import CHECKPOINT, train  # noqa: E402
from peopleparse.training.tasks import load_trained  # noqa: E402
from tests.datasets import draw_person, write_ccp_folder  # noqa: E402

GPS = get_scheme("gps")
LEFT_ARM, RIGHT_ARM, LEFT_SHOE, RIGHT_SHOE = 14, 15, 9, 10


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_ccp_folder(root / "ccp", parsed=10, tagged=0)
    return root


@pytest.fixture(scope="module")
def people(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    made = []

    def read():
        made.append(1)
        return read_portraits(data / "ccp", "val")

    first = pack_people(read, folder, "val")
    again = pack_people(read, folder, "val")
    assert made == [1] and np.array_equal(first.images, again.images)
    assert first.photo_ids == again.photo_ids and first.sha256() == again.sha256()
    return first


def test_people_are_packed_in_the_middle(people):
    assert people.images.shape == (len(people), *FRAME, 3)
    rows, columns = np.nonzero(people.parsings[0])
    assert abs((rows.min() + rows.max() + 1) / 2 - FRAME[0] / 2) <= 1.5
    assert abs((columns.min() + columns.max() + 1) / 2 - FRAME[1] / 2) <= 1.5
    # The taller side fills .92 of what a network sees.
    assert abs(rows.max() + 1 - rows.min() - 0.92 * VIEW[0]) <= 2


def test_the_default_view_is_the_middle_of_the_frame(people):
    image, parsing = cut_view(people.images[0], people.parsings[0], View())
    top, left = (FRAME[0] - VIEW[0]) // 2, (FRAME[1] - VIEW[1]) // 2
    window = np.s_[top : top + VIEW[0], left : left + VIEW[1]]
    assert np.array_equal(image, people.images[0][window])
    assert np.array_equal(parsing, people.parsings[0][window])


def test_a_mirrored_view_swaps_left_and_right(people):
    image, parsing = cut_view(people.images[0], people.parsings[0], View())
    turned, labels = cut_view(people.images[0], people.parsings[0], View(mirror=True))
    assert np.array_equal(turned, image[:, ::-1])
    assert np.array_equal(labels, GPS.flip_table()[parsing[:, ::-1]])
    middle = {i: np.nonzero(labels == i)[1].mean() for i in (LEFT_ARM, RIGHT_ARM)}
    assert middle[LEFT_ARM] > middle[RIGHT_ARM]  # still somebody who faces the camera


@pytest.mark.parametrize(
    ("view", "row", "column"),
    [
        (View(across=0.25), 96, 64 + 32),
        (View(down=-0.25), 96 - 48, 64),
        (View(zoom=2), 96, 64),
        (View(angle=90), 96, 64),
        (View(mirror=True, across=0.25), 96, 64 + 32),
    ],
)
def test_views_move_image_and_labels_together(view, row, column):
    image, parsing = np.zeros((*FRAME, 3), np.uint8), np.zeros(FRAME, np.uint8)
    block = np.s_[FRAME[0] // 2 - 4 : FRAME[0] // 2 + 4, FRAME[1] // 2 - 4 : FRAME[1] // 2 + 4]
    image[block], parsing[block] = 255, LEFT_ARM
    seen, labels = cut_view(image, parsing, view)
    rows, columns = np.nonzero(labels)
    middle = ((rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2)
    assert middle == (row, column)
    assert set(np.unique(labels)) == {0, RIGHT_ARM if view.mirror else LEFT_ARM}
    assert np.array_equal(labels > 0, seen[..., 0] > 127)


def test_a_turned_view_keeps_sides():
    parsing = np.zeros(FRAME, np.uint8)
    parsing[110:130, 90:100] = LEFT_ARM  # right of the middle: turned by 90 degrees it is below
    _, labels = cut_view(np.zeros((*FRAME, 3), np.uint8), parsing, View(angle=90))
    assert np.nonzero(labels == LEFT_ARM)[0].mean() > VIEW[0] / 2 + 10


def test_crossed_limbs_are_told_by_geometry():
    person = draw_person(FRAME, FRAME[1] / 2, 20, 200, GPS)
    assert not limbs_cross(person)
    feet = person.copy()
    feet[person == LEFT_SHOE], feet[person == RIGHT_SHOE] = 0, 0
    feet[200:210, 70:100], feet[212:220, 60:90] = LEFT_SHOE, RIGHT_SHOE
    assert limbs_cross(feet)
    arm = person.copy()
    arm[arm == LEFT_ARM] = 0
    arm[90:96, 66:94] = LEFT_ARM  # in front of the trunk
    assert limbs_cross(arm)
    arm[:, 94:][arm[:, 94:] == GPS.id_of("upper clothes")] = 0  # trunk on one side only
    assert not limbs_cross(arm)


def test_the_stress_set_has_its_kinds(people):
    away = people.parsings.copy()
    away[:1][away[:1] == GPS.id_of("face")] = 0
    changed = PackedPeople(people.photo_ids, people.images, away)
    found = stress_views(changed)
    assert tuple(found) == KINDS
    count = len(people)
    assert [len(found[kind]) for kind in KINDS[:4]] == [count, 2 * count, 2 * count, 2 * count]
    assert len(found["back view"]) == 1 and len(found["crossed limbs"]) == 0
    assert found["back view"].names[0].startswith(people.photo_ids[0])
    names = [name for views in found.values() for name in views.names]
    assert len(set(names)) == len(names)


def test_left_taken_for_right_by_hand():
    truth = np.array([[9, 9, 9, 10], [14, 4, 0, 15]], np.uint8)
    prediction = np.array([[10, 9, 12, 10], [15, 4, 14, 0]], np.uint8)
    counts = np.zeros((20, 20), np.int64)
    np.add.at(counts, (truth.ravel(), prediction.ravel()), 1)
    # One of four shoe pixels, one of two arm pixels; two of all six.
    assert left_right_confusion(counts, GPS) == {
        "all": 2 / 6,
        "shoe": 0.25,
        "leg": None,
        "arm": 0.5,
    }
    assert count_swapped(truth, prediction, GPS) == 2


def test_truth_itself_scores_one_and_its_mirror_image_swaps_all(people):
    views = {"plain": plain_views(people), "mirrored": stress_views(people)["mirrored"]}
    answers = {
        image.tobytes(): parsing
        for some in views.values()
        for image, parsing in zip(some.images, some.parsings, strict=True)
    }
    right = score_views(views, lambda images: np.stack([answers[i.tobytes()] for i in images]))
    for name in ("plain", "mirrored", "stress"):
        assert right[name]["mean_iou"] == right[name]["overall_accuracy"] == 1.0
        assert right[name]["left_right"]["all"] == 0.0
    assert count_truth_faults(views)["plain"] == right["plain"]["faulty_per_hundred"]
    table = GPS.flip_table()
    wrong = score_views(
        views, lambda images: np.stack([table[answers[i.tobytes()]] for i in images])
    )
    assert wrong["plain"]["left_right"]["all"] == wrong["stress"]["left_right"]["shoe"] == 1.0
    assert json.dumps(wrong)


def test_an_empty_kind_scores_nothing(people):
    empty = {"plain": plain_views(people), "back view": stress_views(people)["back view"]}
    scores = score_views(empty, lambda images: np.zeros(images.shape[:3], np.uint8))["back view"]
    assert scores["views"] == 0 and scores["mean_iou"] is None
    assert scores["left_right"]["all"] is None and scores["faulty_per_hundred"] is None


def test_batches_repeat_and_see_everybody_in_turn(people):
    recipe = replace(PROTOCOL, batch=len(people), steps=4)
    batches = PersonBatches(recipe, people)
    first, again = batches[1], PersonBatches(recipe, people)[1]
    assert torch.equal(first.image, again.image) and torch.equal(first.parsing, again.parsing)
    assert first.image.shape == (len(people), 3, *VIEW) and first.step == 1 and len(batches) == 4
    assert not torch.equal(first.image, batches[2].image)
    shares = batches.frequencies()
    assert shares.shape == (20,) and abs(float(shares.sum()) - 1) < 1e-6


SHORT = {"steps": 2, "batch": 2, "backbone": "", "bfloat16": False, "warmup": 1}


@pytest.fixture
def short(monkeypatch):
    def make(row, seed):
        return replace(recipe_of(row, seed), **SHORT)

    for module in (lip_tables, lip_figure):
        monkeypatch.setattr(module, "recipe_of", make)
    return make


def test_missing_runs_are_made_once_and_drawn(data, tmp_path, short):
    said: list[str] = []
    bench = Bench(data, tmp_path, workers=0)
    rows = ["fcn8s", "fcn8s_ssl"]
    assert run_missing(bench, rows, [3], said.append)
    assert len(said) == 2 and said[0].startswith("val fcn8s seed 3: mean IoU ")
    assert run_missing(bench, rows, [3], said.append) and len(said) == 2
    entries = list(read_ledger(bench.ledger).values())
    assert [entry["row"] for entry in entries] == rows
    assert [entry["structure"] and entry["structure"]["mode"] for entry in entries] == [
        None,
        "soft",
    ]
    assert set(entries[0]["scores"]) == {"plain", "stress", *KINDS}
    assert "truth_faulty_per_hundred" in entries[0]["scores"]["stress"]
    without, with_it = lip_figure.load_pair(tmp_path, "fcn8s_ssl", 3, data)
    views = lip_figure.read_views(data, tmp_path, stress=False)
    found = lip_figure.compare(without, with_it, views)
    assert len(found) == len(views["plain"])
    assert [r.repaired for r in found] == sorted((r.repaired for r in found), reverse=True)
    picture = lip_figure.draw_repairs(found[:1], lip_figure.summarise(found))
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    with pytest.raises(InputError, match=r"got none of fcn8s, fcn8s_ssl, at .*--seeds 4"):
        lip_figure.load_pair(tmp_path, "fcn8s_ssl", 4, data)
    with pytest.raises(InputError, match="row must be one with structure learning, got 'fcn8s'"):
        lip_figure.load_pair(tmp_path, "fcn8s", 3, data)


def test_repairs_are_chosen_one_a_photo_and_only_where_there_are_any():
    blank = np.zeros((*VIEW, 3), np.uint8)
    labels = np.zeros(VIEW, np.uint8)

    def repair(name, before, after):
        return lip_figure.Repair(name, blank, labels, labels, labels, (before, after))

    found = [repair("a plain 0", 90, 10), repair("a tight 1", 70, 10), repair("b plain 1", 30, 10)]
    found += [repair("c plain 2", 25, 10), repair("d plain 3", 0, 40)]
    assert [r.name for r in lip_figure.choose(found, 3)] == ["a plain 0", "b plain 1"]
    assert lip_figure.choose(found[3:], 3) == []
    assert lip_figure.summarise(found) == (
        "Of 5 views 3 have 20 or more pixels fewer taken for the other side, 1 as many more."
    )


def test_a_run_that_was_stopped_goes_on_exactly(data, tmp_path, people):
    recipe = replace(recipe_of("attention_ssl", 1), **SHORT | {"steps": 4})
    batches = PersonBatches(recipe, people)

    class Half(PersonBatches):
        def __getitem__(self, step):
            if step == 3:
                raise KeyboardInterrupt
            return super().__getitem__(step)

    whole = train(recipe, data, tmp_path / "whole", workers=0, batches=batches)
    with pytest.raises(KeyboardInterrupt):
        broken = Half(recipe, people)
        train(recipe, data, tmp_path / "two", validate_every=1, workers=0, batches=broken)
    assert load_checkpoint(tmp_path / "two" / CHECKPOINT)["step"] == 3
    after = train(recipe, data, tmp_path / "two", workers=0, batches=batches)
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, after.average.state_dict()[name]), name
    model, found = load_trained(tmp_path / "two" / CHECKPOINT)
    assert found == recipe and type(model).__name__ == "AttentionToScale"
