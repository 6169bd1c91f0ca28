"""Benchmark folders: made, checked fault by fault, handed out without anything secret."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from peopleparse.cli import main
from peopleparse.data.grey_png import encode_grey_png
from peopleparse.errors import DataError, InputError
from peopleparse.evaluation.headlines import HEADLINES, score_of
from peopleparse.server.archive import check_archive
from peopleparse.server.benchmark_folder import check_benchmark, read_benchmark
from peopleparse.server.benchmark_make import export_benchmark, make_benchmark
from peopleparse.server.manifest import Manifest
from tests.server.benchmarks import gps_zip, guess, lip_zip, make_gps, make_lip, plan, write_zip


def edit(folder: Path, old: str, new: str, name: str = "benchmark.toml") -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text, text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_made_benchmark_is_right(tmp_path: Path) -> None:
    found = make_lip(tmp_path)
    assert check_benchmark(found.folder) == []
    assert (found.kind, found.format, found.scheme, found.headline) == (
        "parsing", "lip", "lip", "mean_iou",
    )  # fmt: skip
    assert found.images["003"] == (24, 30, "") and len(found.images) == 12
    assert [len(half) for half in found.split] == [4, 8]
    (phase,) = found.phases
    assert (phase.opens_at, phase.closes_at) == (1893456000000, 1924992000000)
    assert (phase.attempts_a_day, phase.scores_a_day, phase.scores_in_all) == (20, 2, 30)
    assert Manifest.from_dict(found.manifest.to_dict()) == found.manifest
    assert (found.folder / "benchmark.toml").stat().st_mode & 0o077 == 0
    gps = make_gps(tmp_path / "gps")
    assert check_benchmark(gps.folder) == []
    assert gps.images["b"][2] == "outdoor" and gps.manifest.needs == "persons"


def test_nothing_secret_is_shown_or_handed_out(tmp_path: Path) -> None:
    found = make_gps(tmp_path)
    shown = repr(found) + repr(found.manifest)
    secrets = (found.split_seed, str(found.truth), "../secret")
    assert not any(secret in shown for secret in secrets)
    path = export_benchmark(found.folder, tmp_path / "public.zip")
    assert export_benchmark(found.folder, tmp_path / "again.zip").read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["benchmark.toml", "images.csv", "rules.md"]
        text = "".join(archive.read(name).decode() for name in archive.namelist()[:2])
        archive.extractall(tmp_path / "public copy")
    assert not any(secret in text for secret in (*secrets, "seed", "truth"))
    with pytest.raises(DataError, match="truth_format must be known, got none"):
        read_benchmark(tmp_path / "public copy")
    public = read_benchmark(tmp_path / "public copy", secret=False)
    assert public.manifest == found.manifest
    assert public.manifest_sha256 == found.manifest_sha256


PHASE = """
[[phases]]
slug = "second"
title = "Second"
opens = {opens}
closes = {closes}
attempts_a_day = 1
scores_a_day = 1
scores_in_all = 1
"""
ALONG = "scores_in_all = 30\n"
FAULTS: dict[str, tuple[str, str, str]] = {
    "slug": ('slug = "small"', 'slug = "Small one"', "slug must be letters a to z"),
    "title": ('title = "Small"', 'title = ""', "title must be text, got ''"),
    "kind": ('kind = "parsing"', 'kind = "other"', "kind must be known, got 'other'"),
    "kind and format": ('kind = "parsing"', 'kind = "instances"', "format must be lip where"),
    "format": ('format = "lip"\nsch', 'format = "coco"\nsch', "format must be known, got 'coco'"),
    "scheme": ('scheme = "lip"', 'scheme = "lap"', "scheme must be a known name, got 'lap'"),
    "headline": (
        'headline = "mean_iou"',
        'headline = "miou"',
        "headline must be known, got 'miou'",
    ),
    "metrics": ('metrics = ["mean_iou"]', 'metrics = ["x"]', "metrics must be known, got 'x'"),
    "persons": ('metrics = ["mean_iou"]', 'metrics = ["ap_h_vol"]', "metrics must be of pixels"),
    "step": ("ladder_step = 0.02", "ladder_step = 2", "ladder_step must be a number from 0.0001"),
    "share": ("public = 0.3", "public = 1.0", "split.public must be a number from 0.01 to 0.99"),
    "seed": ("seed = ", "sead = ", "split.seed must be text, got none"),
    "truth": ('truth = "../secret"', 'truth = "../gone"', "truth must be a folder or file"),
    "served": ('truth = "../secret"', 'truth = "public/x"', "truth must lie outside of what is"),
    "quota": ("scores_a_day = 2", "scores_a_day = 0", "scores_a_day must be a whole number from 1"),
    "date": ('opens = "2030-01-01T00:00:00Z"', 'opens = "soon"', "opens must be a time with its"),
    "no zone": (
        'opens = "2030-01-01T00:00:00Z"',
        "opens = 2030-01-01",
        "opens must be a time with",
    ),
    "end": ('closes = "2031', 'closes = "2029', "phase must end after it begins, got 'main'"),
    "overlap": (
        ALONG,
        ALONG + PHASE.format(opens="2030-06-01T00:00:00Z", closes="2032-01-01T00:00:00Z"),
        "phases must follow one another, got 'second' while 'main' is open",
    ),
    "no phase": ("[[phases]]", "[[phasen]]", "phases must be one or more, got none"),
    "toml": ("slug =", "slug", "benchmark.toml must be TOML"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_fault_of_a_folder_is_one_line(what: str, tmp_path: Path) -> None:
    old, new, text = FAULTS[what]
    found = make_lip(tmp_path, images=4)
    edit(found.folder, old, new)
    faults = check_benchmark(found.folder)
    assert any(text in fault for fault in faults), faults
    assert all("\n" not in fault for fault in faults)
    with pytest.raises(DataError):
        read_benchmark(found.folder)


def test_two_phases_may_follow_one_another(tmp_path: Path) -> None:
    found = make_lip(tmp_path, images=4)
    later = PHASE.format(opens="2031-01-01T00:00:00Z", closes="2032-01-01T01:00:00+01:00")
    edit(found.folder, ALONG, ALONG + later)
    assert [phase.slug for phase in read_benchmark(found.folder).phases] == ["main", "second"]
    edit(found.folder, 'slug = "second"', 'slug = "main"')
    assert any("slugs of phases must differ" in fault for fault in check_benchmark(found.folder))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("name,width", "id,width", "columns must be name,width,height,subset, got id,width"),
        ("000,24,30,", "000,24,0,", "line must be a new name, width, height"),
        ("000,24,30,", "../x,24,30,", "got '../x,24,30,', at line 2"),
        ("000,24,30,", "001,24,30,", "got '001,24,30,', at line 3"),
        ("000,24,30,\n", "", "truth must have the images of images.csv only, got more for 1"),
        ("000,24,30,\n", "000,24,30,\n9,1,1,\n", "truth must have every image of images.csv"),
        ("000,24,30,", "000,24,31,", "truth must be 24 x 31 as in images.csv, got 24 x 30"),
    ],
)
def test_the_list_and_the_truth_must_agree(old: str, new: str, text: str, tmp_path: Path) -> None:
    found = make_lip(tmp_path, images=4)
    edit(found.folder, old, new, "images.csv")
    assert any(text in fault for fault in check_benchmark(found.folder)), text


def test_missing_files_and_broken_truth_are_said(tmp_path: Path) -> None:
    found = make_lip(tmp_path, images=4)
    (found.truth / "001.png").write_bytes(b"x")
    assert "label map must be a PNG file" in check_benchmark(found.folder)[0]
    (found.folder / "rules.md").unlink()
    assert "benchmark must have rules.md" in check_benchmark(found.folder)[0]
    for path in found.truth.iterdir():
        path.unlink()
    (found.folder / "rules.md").write_text("rules")
    assert "labels must be files in a folder" in check_benchmark(found.folder)[0]


def test_a_benchmark_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    found = make_lip(tmp_path, images=4)
    with pytest.raises(InputError, match="folder must be a new one, got one that is there"):
        make_benchmark(found.truth, found.folder, plan())
    with pytest.raises(DataError, match="slug must be letters"):
        make_benchmark(found.truth, tmp_path / "other", plan(slug="A"))
    with pytest.raises(DataError, match="persons of an image must be at most 2, got 3"):
        make_benchmark(make_gps(tmp_path / "g").truth, tmp_path / "other", plan(persons=2))
    assert not (tmp_path / "other").exists()


def test_each_headline_knows_its_score() -> None:
    assert {key: score_of(key) for key in HEADLINES}["pcp_50"] == "ap_p"
    assert score_of("mean_iou") == "pixels" and score_of("pq") == "panoptic"


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(word) for word in words])
    return result.exit_code, result.output


def test_the_commands(tmp_path: Path) -> None:
    made = make_lip(tmp_path, images=4)
    named = ("--slug", "mine", "--title", "Mine", "--metric", "mean_accuracy")
    code, text = run("benchmark", "make", made.truth, tmp_path / "mine", *named)
    assert code == 0 and "4 images, scored by mean_iou" in text, text
    assert read_benchmark(tmp_path / "mine").metrics == ("mean_iou", "mean_accuracy")
    assert run("benchmark", "check", tmp_path / "mine")[0] == 0
    (made.truth / "002.png").unlink()
    code, text = run("benchmark", "check", tmp_path / "mine")
    assert code == 1 and "got none for 1" in text and "Error: 1 faults" in text
    code, text = run("benchmark", "export", made.folder, tmp_path / "public.zip")
    assert code == 0 and (tmp_path / "public.zip").is_file()


def test_the_check_offline_is_the_one_of_the_server(tmp_path: Path) -> None:
    made = make_lip(tmp_path, images=4)
    good = lip_zip(tmp_path / "good.zip", 4)
    check = ("evaluate", "--check", "--benchmark", made.folder)
    assert run(*check, good) == (0, f"No faults in {good}\n")
    bad = write_zip(
        tmp_path / "bad.zip",
        {
            "x.png": b"x",
            "000.png": encode_grey_png(np.full((30, 24), 50, np.uint8)),
            "001.png": encode_grey_png(guess(1, 0.1)),
        },
    )
    code, text = run(*check, bad)
    faults = check_archive(bad, made.manifest)
    assert code == 1 and [str(fault) for fault in faults] == text.splitlines()[:2]
    assert run(*check, tmp_path / "none.zip")[0] == 1
    assert run("evaluate", "--benchmark", made.folder, good)[0] == 2


Files = dict[str, bytes]


def test_persons_in_files_of_the_other_formats(tmp_path: Path) -> None:
    """Right archives of CIHP, MHP and peopleparse are taken, and what is wrong in them is said."""
    maps = {n: encode_grey_png(guess(0, 0.1)) for n in "ab"}
    numbers = encode_grey_png(np.repeat([[0, 1, 2]], 30, 0).repeat(8, 1).astype(np.uint8))
    sizes = {"a": (24, 30), "b": (24, 30)}
    people = b'{"scheme": "lip", "people": [{"index": 1, "score": 1}, {"index": 2, "score": 0.5}]}'
    archives: dict[str, Files] = {"cihp": {}, "mhp-v2": {"results.txt": b"a 1 .5 2 .4\nb 1 1 2 1"}}
    archives["peopleparse"] = {}
    for n in "ab":
        archives["cihp"] |= {
            f"global_parsing/{n}.png": maps[n],
            f"instance_segmentation/{n}.png": numbers,
            f"instance_segmentation/{n}.txt": b"0.5\n0.25\n",
            f"instance_parsing/{n}.png": numbers,
            f"instance_parsing/{n}.txt": b"3 0.5\n4 0.5\n",
        }
        archives["mhp-v2"] |= {f"global_seg/{n}.png": maps[n], f"global_tag/{n}.png": numbers}
        archives["peopleparse"] |= {
            f"{n}_parsing.png": maps[n], f"{n}_instances.png": numbers, f"{n}.json": people,
        }  # fmt: skip
    nine = encode_grey_png(np.full((30, 24), 9, np.uint8))
    nested = (b"[" * 100_000) + (b"]" * 100_000)
    broken: list[tuple[str, str, bytes | None, str]] = [
        ("cihp", "instance_segmentation/a.txt", b"0.5\n", "labels"),
        ("cihp", "instance_segmentation/a.txt", b"nan\n1\n", "labels"),
        ("cihp", "instance_segmentation/a.txt", b"x" * 10**6, "file-size"),
        ("cihp", "instance_parsing/a.txt", b"90 0.5\n4 0.5\n", "labels"),
        ("cihp", "instance_parsing/a.png", None, "labels"),
        ("cihp", "global_parsing/c.png", maps["a"], "name"),
        ("mhp-v2", "results.txt", b"a 1 .5 2 inf\nb 1 1 2 1", "labels"),
        ("mhp-v2", "results.txt", b"a 1 .5 2 .4\nb 1 1 2 1\nz 1 1", "name"),
        ("mhp-v2", "results.txt", b"a 1 .5 2 .4\na 1 1 2 1", "labels"),
        ("mhp-v2", "results.txt", None, "labels"),
        ("peopleparse", "a.json", nested, "json"),
        ("peopleparse", "a.json", b"[]", "json"),
        ("peopleparse", "a.json", b'{"people": [1,2,3,4,5]}', "persons"),
        ("peopleparse", "a.json", people.replace(b"0.5", b"NaN"), "labels"),
        ("peopleparse", "a.json", people.replace(b"lip", b"gps"), "labels"),
        ("peopleparse", "a_instances.png", nine, "persons"),
    ]  # fmt: skip
    for format, files in archives.items():
        manifest = Manifest(format, "lip", 4, "persons", sizes)
        assert check_archive(write_zip(tmp_path / "a.zip", files), manifest) == [], format
    for format, name, data, code in broken:
        manifest = Manifest(format, "lip", 4, "persons", sizes)
        files = {**archives[format], **({} if data is None else {name: data})}
        if data is None:
            del files[name]
        found = check_archive(write_zip(tmp_path / "a.zip", files), manifest)
        assert [fault.code for fault in found][:1] == [code], (format, name, found)


def test_records_of_the_gps_form_must_be_of_their_image(tmp_path: Path) -> None:
    made = make_gps(tmp_path)
    path = gps_zip(tmp_path / "a.zip", made.truth)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = "annotations/d/d.json"
    for old, new in ((b'"width": 160', b'"width": 1e18'), (b'"width": 160', b'"width": -1')):
        assert old in files[name]
        changed = files | {name: files[name].replace(old, new)}
        codes = [
            f.code for f in check_archive(write_zip(tmp_path / "b.zip", changed), made.manifest)
        ]
        assert codes == ["json"]
