"""Folders in, tallies out: the same counts whatever the processes, shards and stops."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from peopleparse.data.image_labels import ImageLabels
from peopleparse.errors import InputError
from peopleparse.evaluation import runner
from peopleparse.evaluation.runner import count_image, count_images
from peopleparse.evaluation.tally_file import read_tally_file
from peopleparse.metrics.tally import make_tally
from tests.evaluation.fakes import NUM_IDS, SCHEME, FakeSource, make_sources
from tests.evaluation.test_tally_file import same


def records(found):
    return list(found.records())


def equal(first, second):
    return len(first) == len(second) and all(map(same, first, second))


@pytest.mark.parametrize("pairs", [False, True])
def test_records_are_the_tallies_of_the_images(tmp_path, pairs):
    truth, system = make_sources(3, pairs=pairs)
    found = records(count_images(truth, system, tmp_path / "t"))
    assert [record.image_id for record in found] == list(truth.ids)
    for record in found:
        labels = system.read(record.image_id)
        tally = make_tally(
            record.image_id, truth.read(record.image_id).persons, labels.persons, labels.scores,
            num_ids=NUM_IDS,
        )  # fmt: skip
        assert same(record.tally, tally) and not record.fault
        assert len(record.truth_sha256) == len(record.prediction_sha256) == 64


def test_two_processes_and_shards_count_the_same(tmp_path):
    truth, system = make_sources(5, images=40)
    system = system.but("image3", broken={"image4"})
    once = records(count_images(truth, system, tmp_path / "one"))
    seen: list[str] = []
    count_images(truth, system, tmp_path / "two", workers=2, progress=seen.append)
    assert (tmp_path / "two").read_bytes() == (tmp_path / "one").read_bytes()
    assert seen == list(truth.ids)
    shards = [count_images(truth, system, tmp_path / f"s{i}", shard=(i, 3)) for i in (1, 2, 3)]
    parts = [record for shard in shards for record in records(shard)]
    assert equal(sorted(parts, key=lambda record: record.image_id), once)
    assert [shard.header["shard"] for shard in shards] == [[1, 3], [2, 3], [3, 3]]


def test_a_stopped_run_goes_on_and_reads_nothing_twice(tmp_path):
    truth, system = make_sources(7, images=8)
    path, log = tmp_path / "t", tmp_path / "log"
    whole = records(count_images(truth, system, path))
    data, places = path.read_bytes(), read_tally_file(path).places
    path.write_bytes(data[: places["image5"] + 40])  # killed while image5 was written
    again = count_images(truth, replace(system, log=log), path)
    assert log.read_text().split() == ["image5", "image6", "image7"]
    assert equal(records(again), whole) and path.read_bytes() == data


def test_an_interrupt_keeps_what_was_counted(tmp_path):
    truth, system = make_sources(7, images=8)

    def stop(image_id):
        if image_id == "image4":
            raise KeyboardInterrupt

    for workers in (1, 2):
        path = tmp_path / str(workers)
        with pytest.raises(KeyboardInterrupt):
            count_images(truth, system, path, workers=workers, progress=stop)
        assert list(read_tally_file(path).places) == [f"image{i}" for i in range(5)]


def test_changed_files_and_repaired_faults_are_counted_again(tmp_path):
    truth, system = make_sources(7, images=5)
    path, log = tmp_path / "t", tmp_path / "log"
    first = count_images(truth, system.but("image0", broken={"image1"}), path)
    assert [bool(record.fault) for record in first.records()] == [False, True, False, False, False]
    other = system.read("image3")
    changed = replace(other, scores=other.scores / 2)
    now = replace(system, labels={**system.labels, "image2": changed}, log=log)
    now.labels["image2"] = replace(system.read("image2"), parsing=None)
    now.labels["image3"] = changed
    again = records(count_images(truth, now, path, workers=2))
    assert log.read_text().split() == ["image0", "image1", "image3"]
    assert equal(again, records(count_images(truth, now, tmp_path / "new")))


def test_an_image_without_a_prediction_counts_as_missed(tmp_path):
    truth, system = make_sources(2)
    record = count_image(truth, system, "image1", given=False)
    expected = make_tally("image1", truth.read("image1").persons, None, num_ids=NUM_IDS)
    assert same(record.tally, expected) and record.tally.missing
    assert (record.prediction_sha256, record.fault) == ("", "")


def test_a_broken_prediction_counts_as_missed_and_is_named():
    truth, system = make_sources(2)
    record = count_image(truth, replace(system, broken={"image1"}), "image1")
    assert record.tally.missing and record.prediction_sha256
    assert record.fault == (
        "prediction counted as missing: label PNG must be readable, got 'dust', at image1.png. "
        "Again."
    )


def test_broken_truth_counts_for_nothing_and_is_named():
    truth, system = make_sources(2)
    record = count_image(replace(truth, broken={"image1"}), system, "image1")
    assert record.tally is None and record.fault.startswith("truth left out: label PNG must be")


@pytest.mark.parametrize("side", ["truth", "prediction"])
def test_whose_fault_a_stray_label_is(side):
    good, stray = np.ones((1, 2, 2), np.uint8), np.full((1, 2, 2), 77, np.uint8)
    maps = {"truth": good, "prediction": good, side: stray}
    truth, system = (FakeSource({"a": ImageLabels(maps[name])}) for name in maps)
    record = count_image(truth, system, "a")
    expected = "truth left out: truth" if side == "truth" else "prediction counted as missing: pred"
    assert record.fault.startswith(expected) and "[77]" in record.fault
    assert (record.tally is None) is (side == "truth")


def test_another_size_is_the_predictions_fault():
    truth = FakeSource({"a": ImageLabels(np.ones((1, 2, 2), np.uint8))})
    system = FakeSource({"a": ImageLabels(np.ones((1, 2, 3), np.uint8))})
    record = count_image(truth, system, "a")
    assert record.tally.missing and "(N, 2, 2)" in record.fault


def test_one_broken_image_spoils_no_other(tmp_path):
    truth, system = make_sources(4)
    whole = records(count_images(truth, system, tmp_path / "a"))
    found = records(count_images(truth, system.but(broken={"image2"}), tmp_path / "b"))
    pairs = [pair for pair in zip(found, whole, strict=True) if pair[0].image_id != "image2"]
    assert all(same(*pair) for pair in pairs)


class Killer(FakeSource):
    def read(self, image_id):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_one_line(tmp_path):
    truth, system = make_sources(4)
    killer = Killer(system.labels)
    with pytest.raises(InputError, match="processes must live until all images are counted"):
        count_images(truth, killer, tmp_path / "t", workers=2)


def test_a_fault_of_the_program_is_not_a_fault_of_the_files(monkeypatch):
    truth, system = make_sources(4)

    def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(runner, "tally_pair", fail)
    with pytest.raises(ZeroDivisionError):
        count_image(truth, system, "image1")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"workers": 0}, "workers must be 1 or more, got 0. Leave it out"),
        ({"shard": (3, 2)}, "shard must be i/n with 1 <= i <= n, got 3/2. Of four"),
        ({"shard": (0, 2)}, "shard must be i/n with 1 <= i <= n, got 0/2. Of four"),
    ],
)
def test_arguments_out_of_range(tmp_path, options, text):
    truth, system = make_sources()
    with pytest.raises(InputError, match=text):
        count_images(truth, system, tmp_path / "t", **options)
    assert not (tmp_path / "t").exists()


def test_sources_that_do_not_fit(tmp_path):
    truth, system = make_sources()
    labels = tuple(replace(label, name=label.name.upper()) for label in SCHEME.labels)
    scheme = replace(SCHEME, name="loud", labels=labels)
    with pytest.raises(InputError, match="labels, those of scheme 'small', got 'loud', at system"):
        count_images(truth, system.but(scheme=scheme), tmp_path / "t")
    with pytest.raises(InputError, match="truth must have one or more images, got none, at truth"):
        count_images(truth.but(*truth.ids), system, tmp_path / "t")
    with pytest.raises(InputError, match="such as 'image0', got none at all, at system. Name"):
        count_images(truth, system.but(*system.ids), tmp_path / "t")

    with pytest.raises(InputError, match="such as 'image0', got 'photo' and others, at system"):
        count_images(truth, replace(system, labels={"photo": system.read("image0")}), tmp_path)


def test_predictions_of_other_images_are_counted_in_the_header(tmp_path):
    truth, system = make_sources()
    found = count_images(truth.but("image0", "image1"), system, tmp_path / "t")
    assert found.header["system"]["extra_images"] == 2 and len(found.places) == 4
