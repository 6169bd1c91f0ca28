"""One report, whatever the processes, shards, stops and order; nothing silently left out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

import peopleparse
from peopleparse.data.image_labels import ImageLabels
from peopleparse.errors import DataError, InputError
from peopleparse.evaluation import Options, count_images, evaluate, evaluate_tallies
from peopleparse.evaluation.shards import join_files
from peopleparse.evaluation.tally_file import read_tally_file
from tests.evaluation.fakes import SCHEME, make_sources
from tests.evaluation.folders import write_gps, write_lip

ALL = Options(all_readings=True, by=["count", "size", "overlap", "truncation"], bootstrap=20)


def same_report(result):
    return {key: value for key, value in result.to_dict().items() if key != "seconds"}


def two_systems(seed=11, images=20):
    truth, first = make_sources(seed, images)
    second = make_sources(seed, images, pairs=True)[1]
    return truth, {"first": first.but("image3", broken={"image5"}), "second": second}


def test_one_report_from_one_or_two_processes_shards_and_stopped_runs(tmp_path):
    truth, systems = two_systems()
    once = evaluate(truth, systems, options=ALL)
    json.dumps(once.to_dict(), allow_nan=False)
    assert same_report(evaluate(truth, systems, options=ALL, workers=2)) == same_report(once)

    paths = []
    for name, source in systems.items():
        for shard in (1, 2, 3):
            paths.append(tmp_path / f"{name}{shard}")
            count_images(truth, source, paths[-1], name=name, shard=(shard, 3))
    assert same_report(evaluate_tallies(paths, ALL)) == same_report(once)

    evaluate(truth, systems, options=ALL, resume=tmp_path / "run.tallies")
    first, second = tmp_path / "run.first.tallies", tmp_path / "run.second.tallies"
    data, places = first.read_bytes(), read_tally_file(first).places
    first.write_bytes(data[: places["image7"] + 30])
    second.unlink()
    log = tmp_path / "log"
    logged = {**systems, "first": replace(systems["first"], log=log)}
    resumed = evaluate(truth, logged, options=ALL, resume=tmp_path / "run.tallies", workers=2)
    assert same_report(resumed) == same_report(once)
    later = [name for name in truth.ids if name > "image7"]
    assert sorted(log.read_text().split()) == sorted([*later, "image5", "image7"])
    assert same_report(evaluate_tallies([first, second], ALL)) == same_report(once)


def test_the_names_and_order_of_images_do_not_matter_for_the_scores():
    truth, systems = two_systems()
    renamed = {name: f"{997 * n % 1000:03}" for n, name in enumerate(truth.ids)}

    def rename(source):
        labels = {renamed[name]: labels for name, labels in source.labels.items()}
        return replace(source, labels=labels, broken={renamed[n] for n in source.broken})

    first = evaluate(truth, {"a": systems["second"]})
    other = evaluate(rename(truth), {"a": rename(systems["second"])})
    pixels = [result.to_dict()["systems"][0]["scores"]["pixels"] for result in (first, other)]
    assert pixels[0] == pixels[1]


def test_missing_and_broken_images_are_named_and_cost(tmp_path):
    truth, systems = two_systems()
    result = evaluate(truth, systems)
    first, second = result.to_dict()["systems"]
    assert first["missing"] == ["image3"] and first["images"] == len(truth.ids) - 1
    assert [fault["image_id"] for fault in first["faults"]] == ["image5"]
    assert first["faults"][0]["message"].startswith("prediction counted as missing: label PNG")
    assert len(result.faults) == 1 and second["missing"] == second["faults"] == []
    assert first["scores"]["ap_lambda"]["missing_images"] == 2
    gone = evaluate(truth, {"first": systems["first"].but("image3", "image5", broken=set())})
    assert gone.to_dict()["systems"][0]["scores"] == first["scores"]


def test_broken_truth_is_left_out_for_every_system():
    truth, systems = two_systems()
    result = evaluate(replace(truth, broken={"image2"}), systems)
    report = result.to_dict()
    messages = [system["faults"][0]["message"] for system in report["systems"]]
    assert messages[0] == messages[1] and messages[0].startswith("truth left out: label PNG must")
    assert result.faults.count(messages[0]) == 1
    rest = {name: source.but("image2") for name, source in systems.items()}
    without = evaluate(truth.but("image2"), rest).to_dict()
    assert [s["scores"] for s in report["systems"]] == [s["scores"] for s in without["systems"]]
    assert report["systems"][1]["missing"] == []


def test_an_evaluation_of_broken_truth_alone_is_still_a_report():
    truth, systems = two_systems()
    result = evaluate(replace(truth, broken=set(truth.ids)), systems, options=Options(bootstrap=5))
    json.dumps(result.to_dict(), allow_nan=False)
    assert result.headlines("first")["mean_iou"] is None
    assert len(result.faults) == len(truth.ids)


def test_hashes_tell_which_files_were_scored(tmp_path):
    truth, systems = two_systems()
    report = evaluate(truth, systems).to_dict()
    found = [report["truth"]["sha256"], *(system["sha256"] for system in report["systems"])]
    assert len(set(found)) == 3 and all(len(value) == 64 for value in found)
    labels = systems["second"].read("image1")
    changed = {**systems["second"].labels, "image1": replace(labels, scores=labels.scores + 1)}
    other = evaluate(truth, {"a": replace(systems["second"], labels=changed)}).to_dict()
    assert other["truth"] == report["truth"] and other["systems"][0]["sha256"] != found[2]
    same = evaluate(truth, {"b": systems["second"].but(name="moved")}).to_dict()
    assert same["systems"][0]["sha256"] == found[2]

    folder = write_gps(tmp_path / "t", 1)
    digest = hashlib.sha256()
    for path in sorted((folder / "annotations").rglob("*.*")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\n{len(data)}\n".encode() + data)
    whole = hashlib.sha256(f"photo_0\n{digest.hexdigest()}\n".encode()).hexdigest()
    assert evaluate(folder, {"a": folder}).to_dict()["truth"]["sha256"] == whole


def test_the_report_says_what_was_done():
    truth, systems = two_systems()
    report = evaluate(truth, systems, options=replace(ALL, seed=3)).to_dict()
    assert report["definition"] == "evaluation/1" and report["seed"] == 3
    assert report["seconds"] >= 0 and report["command"] is None
    assert (report["peopleparse"], report["mode"]) == (peopleparse.__version__, "recommended")
    assert report["scheme"] == "small" and report["labels"] == list(SCHEME.names)
    assert report["truth"]["name"] == "truth" and report["truth"]["images"] == len(truth.ids)
    assert [system["name"] for system in report["systems"]] == ["first", "second"]
    assert set(report["spread"]) == {"ap_lambda", "mean_iou"}
    assert {pair["headline"] for pair in report["comparisons"]} == set(
        report["systems"][0]["intervals"]
    )
    first, second = (system["intervals"]["ap_lambda_strict"] for system in report["systems"])
    pair = next(p for p in report["comparisons"] if p["headline"] == "ap_lambda_strict")
    assert pair["difference"] == first["value"] - second["value"] and pair["resamples"] == 20
    assert first["low"] <= first["value"] <= first["high"]


def test_groups_of_images_score_as_sets_by_themselves():
    truth, systems = two_systems()
    system = systems["second"]
    groups = evaluate(truth, {"a": system}, options=Options(by=["count"])).to_dict()
    found = groups["systems"][0]["groups"]["count"]
    assert sum(group["images"] for group in found.values()) == len(truth.ids)
    for name, group in found.items():
        others = [
            image_id for image_id in truth.ids
            if str(int((truth.read(image_id).persons % 255 > 0).any((1, 2)).sum())) != name
        ]  # fmt: skip
        if name.isdigit():
            alone = evaluate(truth.but(*others), {"a": system.but(*others)})
            assert alone.headlines("a") == group["scores"]


def test_folders_on_disk(tmp_path):
    truth, good = write_gps(tmp_path / "t"), write_gps(tmp_path / "p", spoilt=2)
    options = Options(by=["subset", "body"])
    result = evaluate(str(truth), {"p": good}, options=options, ids=["photo_1", "photo_2"])
    report = result.to_dict()
    assert report["truth"]["images"] == 2 and report["scheme"] == "gps"
    assert list(report["systems"][0]["groups"]["subset"]) == ["indoor", "outdoor"]
    assert report["systems"][0]["groups"]["body"] and result.faults == []
    maps = write_lip(tmp_path / "lt"), write_lip(tmp_path / "lp", spoilt=2)
    flat = evaluate(maps[0], {"p": maps[1]}, options=Options(by=["body", "head"])).to_dict()
    assert list(flat["systems"][0]["scores"]) == ["pixels"]
    assert flat["systems"][0]["groups"]["head"]["head"]["images"] > 0


def test_predictions_of_more_images_are_counted():
    truth, systems = two_systems()
    report = evaluate(truth.but("image0"), {"a": systems["second"]}).to_dict()
    assert report["systems"][0]["extra_images"] == 1


def test_nothing_to_group_by():
    truth, systems = two_systems()
    with pytest.raises(InputError, match="truth must name a sub-data set for groups by subset"):
        evaluate(truth, systems, options=Options(by=["subset"]))
    with pytest.raises(InputError, match="names must have labels of head, upper and lower body"):
        evaluate(truth, systems, options=Options(by=["body"]))
    maps = {name: ImageLabels(None, parsing=np.ones((2, 2), np.uint8)) for name in "ab"}
    flat = replace(truth, labels=maps)
    with pytest.raises(InputError, match="scores of persons must have persons on both sides"):
        evaluate(flat, {"a": flat}, options=Options(by=["count"]))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"by": ["colour"]}, "groups must be by known names, got 'colour'.* Choices: count, size"),
        ({"bootstrap": -1}, "bootstrap must be 0 or more, got -1. Leave it out for none."),
        ({"mode": "legacy-mhp", "bootstrap": 9}, "for intervals, groups and all readings, got 'l"),
        ({"mode": "legacy-mhp", "by": ["count"]}, "mode must be recommended for intervals, group"),
        ({"mode": "legacy"}, "mode must be a known name, got 'legacy'"),
    ],
)
def test_options_are_checked_before_a_pixel_is_read(given, text):
    with pytest.raises(InputError, match=text):
        Options(**given)


def test_systems_that_do_not_fit(tmp_path):
    truth, systems = two_systems()
    with pytest.raises(InputError, match="systems must be one or more, got none. Name the pred"):
        evaluate(truth, {})
    with pytest.raises(InputError, match="system must be one of .'first', 'second'.*got 'third'"):
        evaluate(truth, systems).headlines("third")
    twins = {"a b": systems["first"], "a/b": systems["second"]}
    with pytest.raises(InputError, match="names of systems must differ in letters or digits"):
        evaluate(truth, twins, resume=tmp_path / "t")


def test_tally_files_that_do_not_fit(tmp_path):
    truth, systems = two_systems()
    half = count_images(truth, systems["first"], tmp_path / "half", name="a", shard=(1, 2))
    whole = count_images(truth, systems["first"], tmp_path / "whole", name="a")
    other = count_images(truth.but("image9"), systems["first"], tmp_path / "other", name="b")
    moved = count_images(truth.but("image9"), systems["first"], tmp_path / "moved", name="a")
    total = len(truth.ids)
    with pytest.raises(InputError, match="tally files must be one or more, got none. Name them."):
        evaluate_tallies([])
    with pytest.raises(DataError, match="tally file must be a readable file, got 'No such file"):
        evaluate_tallies([tmp_path / "none"])
    with pytest.raises(InputError, match=f"hold all {total} images of the truth, got {total // 2}"):
        evaluate_tallies([half.path])
    with pytest.raises(InputError, match="must not share images, got 'image0' in"):
        evaluate_tallies([half.path, whole.path])
    with pytest.raises(InputError, match="of one truth, got other truth images than in"):
        join_files([whole, moved])
    with pytest.raises(InputError, match="one truth with one scheme, got other truth for 'b' than"):
        evaluate_tallies([whole.path, other.path])
    labels = {**truth.labels, "image1": truth.read("image2")}
    edited = replace(truth, labels={**labels, "image2": truth.read("image1")})
    changed = count_images(edited, systems["second"], tmp_path / "changed", name="c")
    with pytest.raises(InputError, match="same truth files, got others for 'c' than for 'a'"):
        evaluate_tallies([whole.path, changed.path])


def test_progress_runs_over_all_systems():
    truth, systems = two_systems(images=5)
    seen = []
    evaluate(truth, systems, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 10) for n in range(1, 11)]
