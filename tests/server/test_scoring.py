"""Scores of both halves: equal to those of `peopleparse evaluate`, in this process and in two."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.grey_png import encode_grey_png
from peopleparse.errors import DataError, InputError
from peopleparse.evaluation import Options, evaluate
from peopleparse.server.archive import check_archive
from peopleparse.server.benchmark_folder import BenchmarkFolder, read_benchmark
from peopleparse.server.child import run_job
from peopleparse.server.outcome import Outcome
from peopleparse.server.probes import (
    Probe,
    compare,
    fingerprint,
    prints_path,
    read_prints,
    write_prints,
)
from peopleparse.server.scoring import Grades, score_archive
from peopleparse.server.settings import Settings
from peopleparse.server.split import split_images
from peopleparse.server.truth import cache_path, has_packed, pack_truth, read_truth
from tests.server.benchmarks import (
    gps_zip,
    guess,
    lip_map,
    lip_zip,
    make_gps,
    make_lip,
    write_zip,
)


def offline(
    benchmark: BenchmarkFolder, archive: Path, ids: list[str], pred_format: str | None = None
) -> dict[str, float]:
    """Return the shown scores as the command computes them, of the images named."""
    metrics = {"parsing": ["pixels"]}.get(benchmark.kind, ["pixels", "ap_lambda", "ap_p", "ap_h"])
    result = evaluate(
        benchmark.truth,
        {"mine": archive},
        options=Options(metrics=metrics),
        scheme=benchmark.scheme,
        pred_format=pred_format,
        ids=ids,
    )
    values = result.headlines("mine")
    return {name: values[name] for name in benchmark.metrics if values[name] is not None}


def check_equal(
    outcome: Outcome, benchmark: BenchmarkFolder, archive: Path, pred_format: str | None = None
) -> None:
    """Both halves and every sub-data set, to the last bit."""
    assert outcome.state == "scored", outcome
    halves = (outcome.public_scores, outcome.private_scores)
    for scores, ids in zip(halves, benchmark.split, strict=True):
        subsets = scores.pop("subsets", {})
        assert scores == offline(benchmark, archive, sorted(ids), pred_format)
        for subset, found in subsets.items():
            part = sorted(i for i in ids if benchmark.images[i][2] == subset)
            if pred_format == "mhp-v2" and "d" in part:
                continue  # nobody is in it, so it has no file: nothing to evaluate by itself
            assert found == offline(benchmark, archive, part, pred_format)
    assert outcome.public_score == outcome.public_scores[benchmark.headline]
    assert outcome.private_score == outcome.private_scores[benchmark.headline]


@pytest.fixture(scope="module")
def lip(tmp_path_factory: pytest.TempPathFactory) -> BenchmarkFolder:
    return make_lip(tmp_path_factory.mktemp("lip"), metrics=("overall_accuracy",))


@pytest.fixture(scope="module")
def gps(tmp_path_factory: pytest.TempPathFactory) -> BenchmarkFolder:
    return make_gps(tmp_path_factory.mktemp("gps"))


def settings(folder: Path, **values: int) -> Settings:
    return Settings(home=folder, **values)  # type: ignore[arg-type]


def always() -> bool:
    return True


def test_scores_equal_the_offline_ones(lip: BenchmarkFolder, tmp_path: Path) -> None:
    archive = lip_zip(tmp_path / "a.zip")
    here = score_archive(archive, lip)
    there = run_job(archive, lip.folder, settings(tmp_path), always)
    assert here == there
    check_equal(here, lip, archive)
    assert 0.1 < (here.public_score or 0) < 0.9
    assert here.public_score != here.private_score


def test_images_without_a_prediction_cost(lip: BenchmarkFolder, tmp_path: Path) -> None:
    files = {f"{n:03d}.png": encode_grey_png(guess(n, 0.0)) for n in range(12) if n not in (3, 7)}
    archive = write_zip(tmp_path / "a.zip", files)
    outcome = run_job(archive, lip.folder, settings(tmp_path), always)
    check_equal(outcome, lip, archive)
    assert min(outcome.public_score or 0, outcome.private_score or 0) < 1


@pytest.mark.parametrize("flat", [False, True])
def test_scores_of_persons_equal_the_offline_ones(
    gps: BenchmarkFolder, tmp_path: Path, flat: bool
) -> None:
    archive = gps_zip(tmp_path / "a.zip", gps.truth, flat)
    assert check_archive(archive, gps.manifest) == []
    here = score_archive(archive, gps)
    assert here == run_job(archive, gps.folder, settings(tmp_path), always)
    assert set(here.private_scores["subsets"]) == {"indoor", "outdoor"}
    check_equal(here, gps, archive, "mhp-v2" if flat else "gps")


def test_nothing_of_one_image_or_label_is_told(gps: BenchmarkFolder, tmp_path: Path) -> None:
    outcome = score_archive(gps_zip(tmp_path / "a.zip", gps.truth), gps)
    for scores in (outcome.public_scores, outcome.private_scores):
        subsets = scores.pop("subsets")
        for found in (scores, *subsets.values()):
            assert set(found) <= set(gps.metrics)
            assert all(isinstance(value, float) for value in found.values())
    rejected = score_archive(gps_zip(tmp_path / "b.zip", gps.truth, drop="scores.txt"), gps)
    assert rejected.private_score == outcome.private_score  # the file was not in this layout
    assert Outcome.from_dict(json.loads(json.dumps(outcome.to_dict()))) == outcome


def test_a_refused_archive_has_no_scores(lip: BenchmarkFolder, tmp_path: Path) -> None:
    files = {f"{n:03d}.png": encode_grey_png(guess(n, 0.1)) for n in range(12)}
    files["005.png"] = encode_grey_png(np.full((30, 24), 77, np.uint8))
    archive = write_zip(tmp_path / "a.zip", files | {"more.png": files["001.png"]})
    here = score_archive(archive, lip)
    assert here == run_job(archive, lip.folder, settings(tmp_path), always)
    assert [(fault.code, fault.file) for fault in here.faults] == [
        ("name", "more.png"),
        ("label-id", "005.png"),
    ]
    assert here.state == "rejected" and here.message == "The archive has 2 faults."
    assert here.public_scores == {} and here.private_score is None
    assert list(here.faults) == check_archive(archive, lip.manifest)


def test_scores_of_people_need_scores(gps: BenchmarkFolder, tmp_path: Path) -> None:
    archive = gps_zip(tmp_path / "a.zip", gps.truth, flat=True, drop="scores.txt")
    assert {fault.code for fault in check_archive(archive, gps.manifest)} == {"scores-missing"}


def test_too_many_persons_are_refused(gps: BenchmarkFolder, tmp_path: Path) -> None:
    few = dataclasses.replace(gps.manifest, persons=3)
    for flat in (False, True):
        archive = gps_zip(tmp_path / "a.zip", gps.truth, flat)
        codes = {fault.code for fault in check_archive(archive, few)}
        assert "persons" in codes and codes <= {"persons", "labels", "too-many-files"}


def test_one_label_everywhere_is_refused(lip: BenchmarkFolder, tmp_path: Path) -> None:
    flat = encode_grey_png(np.full((30, 24), 3, np.uint8))
    files = {f"{n:03d}.png": flat for n in range(11)}
    archive = write_zip(tmp_path / "a.zip", files | {"011.png": encode_grey_png(guess(11, 0.1))})
    outcome = score_archive(archive, lip)
    assert [fault.code for fault in outcome.faults] == ["constant-label"]
    assert outcome == run_job(archive, lip.folder, settings(tmp_path), always)
    # As does leaving nearly all of them out, which counts as background.
    one = write_zip(tmp_path / "b.zip", {"011.png": encode_grey_png(guess(11, 0.1))})
    assert [fault.code for fault in score_archive(one, lip).faults] == ["constant-label"]


def test_nearly_the_same_archive_is_refused(tmp_path: Path) -> None:
    benchmark = make_lip(tmp_path / "made", images=40)
    first = lip_zip(tmp_path / "first.zip", 40)
    assert run_job(first, benchmark.folder, settings(tmp_path), always).state == "scored"
    names = [f"{n:03d}.png" for n in range(40)]
    maps = {name: guess(n, 0.3) for n, name in enumerate(names)}
    maps["000.png"] = guess(0, 0.1)
    # Other bytes, the same maps: what counts is what they hold.
    near = write_zip(tmp_path / "near.zip", {n: encode_grey_png(m) for n, m in maps.items()})
    outcome = run_job(near, benchmark.folder, settings(tmp_path), always, [first])
    assert [fault.code for fault in outcome.faults] == ["near-duplicate"]
    assert not prints_path(near).exists()
    maps |= {names[1]: guess(1, 0.1)}
    other = write_zip(tmp_path / "other.zip", {n: encode_grey_png(m) for n, m in maps.items()})
    assert run_job(other, benchmark.folder, settings(tmp_path), always, [first]).state == "scored"
    prints = [fingerprint(path, benchmark.manifest) for path in (first, near, other)]
    assert [compare(prints[0], one) for one in prints] == [0.0, 1 / 40, 2 / 40]
    kept = read_prints(prints_path(first), benchmark.images)
    assert kept is not None and np.array_equal(kept, prints[0])


def test_prints_of_another_benchmark_are_passed_over(tmp_path: Path) -> None:
    probe = Probe(("a", "b"))
    write_prints(tmp_path / "x.prints", probe.names, probe.prints)
    assert read_prints(tmp_path / "x.prints", ("a", "b")) is not None
    assert read_prints(tmp_path / "x.prints", ("a", "c")) is None
    assert read_prints(tmp_path / "none.prints", ("a", "b")) is None


def test_the_truth_is_packed_once_for_one_user(tmp_path: Path) -> None:
    benchmark = make_lip(tmp_path)
    assert not has_packed(benchmark)
    plain = dict(read_truth(benchmark))
    pack_truth(benchmark)
    assert has_packed(benchmark)
    assert cache_path(benchmark).stat().st_mode & 0o777 == 0o600
    for name, labels in read_truth(benchmark):
        assert labels.parsing is not None and labels.persons is None
        assert np.array_equal(labels.parsing, plain[name].parsing)
    (benchmark.truth / "003.png").write_bytes(encode_grey_png(lip_map(99)))
    assert not has_packed(benchmark)
    assert np.array_equal(dict(read_truth(benchmark))["003"].parsing, lip_map(99))


def test_broken_truth_is_our_fault(tmp_path: Path) -> None:
    benchmark = make_lip(tmp_path / "made")
    archive = lip_zip(tmp_path / "a.zip")
    pack_truth(benchmark)
    path = cache_path(benchmark)
    data = path.read_bytes()
    for broken, text in ((data[:-9], "whole, got a broken"), (data[:-9] + b"x" * 9, "whole")):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=text):
            dict(read_truth(benchmark))
        assert score_archive(archive, benchmark).state == "failed"
    path.unlink()
    (benchmark.truth / "003.png").write_bytes(b"no png")
    for outcome in (
        score_archive(archive, benchmark),
        run_job(archive, benchmark.folder, settings(tmp_path), always),
    ):
        assert outcome.state == "failed" and "003" not in outcome.message
    bad = write_zip(tmp_path / "b.zip", {"000.png": b"x"})
    assert score_archive(bad, benchmark).state == "rejected"


def test_scores_must_be_of_all_images_and_finite(tmp_path: Path) -> None:
    benchmark = make_lip(tmp_path)
    grades = Grades(benchmark)
    with pytest.raises(InputError, match="images must all be scored, got 0 of 12"):
        grades.outcome()
    ignored = np.full((30, 24), 255, np.uint8)
    for path in benchmark.truth.glob("*.png"):
        path.write_bytes(encode_grey_png(ignored))
    outcome = score_archive(lip_zip(tmp_path / "a.zip"), benchmark)
    assert outcome.state == "failed"


def test_a_split_is_the_same_each_time_and_in_each_sub_data_set() -> None:
    subsets = {f"{n}": "indoor" if n % 3 else "outdoor" for n in range(300)}
    public, private = split_images(subsets, 0.3, "one")
    assert (public, private) == split_images(dict(reversed(subsets.items())), 0.3, "one")
    assert public | private == set(subsets) and not public & private
    assert [sum(subsets[i] == s for i in public) for s in ("indoor", "outdoor")] == [60, 30]
    assert split_images(subsets, 0.3, "two")[0] != public
    assert [len(half) for half in split_images({"a": "", "b": ""}, 0.99, "s")] == [1, 1]


def test_the_folder_that_cannot_be_read_is_our_fault(tmp_path: Path) -> None:
    archive = lip_zip(tmp_path / "a.zip")
    outcome = run_job(archive, tmp_path / "none", settings(tmp_path), always)
    assert outcome.state == "failed"
    assert read_benchmark(make_lip(tmp_path / "x").folder).slug == "small"
