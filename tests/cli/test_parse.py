"""`peopleparse parse` from the outside: files, exit codes, one line an error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from peopleparse import inference
from peopleparse.cli import main
from peopleparse.cli import parse as parse_module
from peopleparse.inference import passport
from peopleparse.inference.parser import Parser
from peopleparse.inference.ray_run import RayReport
from peopleparse.inference.shards import Shard
from tests.fakes import FakeEngine, draw_people
from tests.inference.test_image import broken_png, truncated_jpeg


@pytest.fixture(autouse=True)
def fake_network(monkeypatch):
    """Let the command build its parser around the fake engine; a named model is loaded as ever."""

    def make(model, **options):
        engine = None if model != inference.onnx_engine.DEFAULT_MODEL else FakeEngine()
        return Parser(model, engine=engine, **options)

    monkeypatch.setattr(inference, "Parser", make)


def run(*args, code=0):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


def write_photo(path: Path, people: int = 2) -> Path:
    boxes = [(10 + 50 * i, 10, 40 + 50 * i, 110) for i in range(people)]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_people((120, 160), boxes)).save(path)
    return path


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_one_photo(tmp_path):
    out = tmp_path / "out"
    result = run("parse", write_photo(tmp_path / "a.jpg"), "--out", out)
    assert result.stdout == f"2 people in 1 photo, results in {out}.\n" and not result.stderr
    assert names_in(out) == {"a_overlay.jpg", "a_parsing.png", "a_instances.png", "a.json"}


def test_formats_and_detail(tmp_path):
    out = tmp_path / "out"
    photo = write_photo(tmp_path / "a.png", 1)
    result = run("parse", photo, "--out", out, "--save", "coco, json", "--detail", "fast")
    assert "1 person in 1 photo" in result.stdout
    assert names_in(out) == {"a_coco.json", "a.json"}


def test_several_views(tmp_path, monkeypatch):
    made, make = [], inference.Parser
    monkeypatch.setattr(inference, "Parser", lambda *a, **k: made.append(make(*a, **k)) or made[-1])
    photo = write_photo(tmp_path / "a.jpg")
    words = ("--out", tmp_path / "out", "--save", "json")
    run("parse", photo, *words)
    result = run("parse", photo, *words, "--scales", "0.75,1, 1.25", "--flip")
    assert "2 people in 1 photo" in result.stdout
    plain, views = (parser.options for parser in made)
    assert (plain.scales, plain.flip) == ((1.0,), False)
    assert (views.scales, views.flip) == ((0.75, 1.0, 1.25), True)


def test_translation_prints_what_is_lost(tmp_path):
    out = tmp_path / "out"
    result = run("parse", write_photo(tmp_path / "a.png"), "--out", out, "--scheme", "lip")
    assert result.stdout.startswith("Translated to lip: kept ")
    assert json.loads((out / "a.json").read_text())["scheme"] == "lip"


def test_the_same_folder_twice_gives_the_same_bytes(tmp_path):
    for name in "abc":
        write_photo(tmp_path / "in" / f"{name}.png")
    out = tmp_path / "in" / "parsed"
    run("parse", tmp_path / "in", "--out", out)
    before = {path: path.read_bytes() for path in out.iterdir()}
    result = run("parse", tmp_path / "in", "--out", out)
    assert result.stdout.startswith("6 people in 3 photos, results in ")
    assert result.stdout.endswith(". 3 were finished before; --again does them again.\n")
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    result = run("parse", tmp_path / "in", "--out", out, "--again")
    assert result.stdout == f"6 people in 3 photos, results in {out}.\n"
    (out / "peopleparse.jsonl").unlink()
    del before[out / "peopleparse.jsonl"]
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_three_broken_of_twenty(tmp_path):
    photos = [write_photo(tmp_path / "in" / f"{n:02}.jpg") for n in range(20)]
    photos[3].write_bytes(b"")
    photos[9].write_bytes(b"no image")
    photos[15].write_bytes(truncated_jpeg())
    out = tmp_path / "out"
    result = run("parse", tmp_path / "in", "--out", out, "--save", "json", code=1)
    errors = result.stderr.splitlines()
    assert len(errors) == 3
    for line, name in zip(errors, ("03", "09", "15"), strict=True):
        assert line.startswith("Error: photo must") and f"{name}.jpg" in line
    expected = f"34 people in 17 photos, results in {out}. 3 of 20 photos were skipped.\n"
    assert result.stdout == expected
    assert len(names_in(out) - {"peopleparse.jsonl"}) == 17


def damaged(tmp_path, name):
    path = tmp_path / "x.jpg"
    path.write_bytes(
        {
            "no image": b"just text",
            "truncated": truncated_jpeg(),
            "empty": b"",
            "huge": broken_png(20000, 20000),
        }[name]
    )
    return path


@pytest.mark.parametrize(
    "name, message",
    [
        ("no image", "photo must be an image, got 9 bytes that are none"),
        ("truncated", "photo must be complete, got"),
        ("empty", "photo must hold an image, got 0 bytes"),
        ("huge", "photo must have at most 200 megapixels, got 20000 x 20000"),
    ],
)
def test_a_broken_photo_is_one_line_and_writes_nothing(tmp_path, name, message):
    path = damaged(tmp_path, name)
    result = run("parse", path, "--out", tmp_path / "out", code=1)
    assert not result.stdout and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"Error: {message}") and str(path) in result.stderr
    assert names_in(tmp_path) == {"x.jpg"}


def test_only_broken_photos_say_so(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.jpg").touch()
    result = run("parse", tmp_path, "--out", tmp_path / "out", code=1)
    assert result.stderr.splitlines()[-1] == "No photo could be parsed: all 2 were skipped."
    assert not (tmp_path / "out").exists()


def test_one_pixel_has_nobody(tmp_path):
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "x.png")
    result = run("parse", tmp_path / "x.png", "--out", tmp_path / "out")
    assert result.stdout.startswith("0 people in 1 photo")
    assert len(names_in(tmp_path / "out")) == 4


BAD_CALLS = {
    "missing file": (["no.jpg"], 1, "source must be an existing file, folder or glob, got no.jpg"),
    "out is a file": (["a.png", "--out", "a.png"], 1, "output folder must be one that can be"),
    "scheme": (["a.png", "--scheme", "lop"], 2, "scheme must be a known name, got 'lop'. Did you"),
    "format": (["a.png", "--save", "pgn"], 2, "format must be known, got 'pgn'. Did you mean"),
    "no format": (["a.png", "--save", ","], 2, "format must be named, got none"),
    "detail": (["a.png", "--detail", "x"], 2, "Invalid value for '--detail'"),
    "threshold": (["a.png", "--threshold", "7"], 2, "Invalid value for '--threshold'"),
    "scales": (["a.png", "--scales", "1,9"], 2, "scales must be different numbers from 0.25 to 4"),
    "scale": (["a.png", "--scales", "1;2"], 2, "scales must be numbers with commas between them"),
    "threads": (["a.png", "--threads", "0"], 2, "Invalid value for '--threads'"),
    "model": (["a.png", "--model", "none"], 1, "model must be a shipped name, a folder or a"),
    "tiles": (["a.png", "--tiles", "0"], 2, "Invalid value for '--tiles'"),
    "engine": (["a.png", "--engine", "x"], 2, "Invalid value for '--engine'"),
    "shards and files": (
        ["a.png", "--shards", "webdataset", "--save", "png"],
        2,
        "--save must be left out where results go into shards, got 'png'",
    ),
    "torch on Ray": (
        ["a.png", "--ray", "local", "--engine", "torch"],
        2,
        "engine must be auto, onnxruntime or openvino with --ray, got 'torch'",
    ),
    "store without Ray": (
        ["s3://a/b", "--out", "x"],
        1,
        "paths must be on this machine where --ray",
    ),
    "no photo": ([], 2, "Missing argument"),
    "option": (["a.png", "--outt", "x"], 2, "No such option"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_are_one_line_with_the_right_code(tmp_path, monkeypatch, name):
    args, code, message = BAD_CALLS[name]
    monkeypatch.chdir(tmp_path)
    write_photo(tmp_path / "a.png")
    result = run("parse", *args, code=code)
    assert not result.stdout and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"Error: {message}")
    assert ("See 'peopleparse parse --help'." in result.stderr) == (code == 2)
    assert names_in(tmp_path) == {"a.png"}


def test_weights_with_the_wrong_hash(tmp_path):
    for part in passport.PARTS:
        (tmp_path / f"m.{part}.onnx").write_bytes(b"changed")
    hashes = {f"m.{part}.onnx": "0" * 64 for part in passport.PARTS}
    fields = {"scheme": "gps", "stride": 16, "sha256": hashes}
    (tmp_path / "m.json").write_text(json.dumps(fields))
    photo, out = write_photo(tmp_path / "a.png"), tmp_path / "out"
    result = run("parse", photo, "--out", out, "--model", tmp_path, code=1)
    assert len(result.stderr.splitlines()) == 1 and not out.exists()
    assert f"Error: weight file must have sha256 {'0' * 64}, got" in result.stderr
    assert "m.trunk.onnx" in result.stderr and "reinstall peopleparse" in result.stderr


@pytest.mark.parametrize("where", ["first", "last"])
def test_debug_shows_the_traceback(tmp_path, where):
    args = ["parse", tmp_path / "no.jpg"]
    args = ["--debug", *args] if where == "first" else [*args, "--debug"]
    result = run(*args, code=1)
    assert "Traceback" in result.stderr and result.stderr.splitlines()[-1].startswith("Error: ")


def test_a_fault_is_one_line_too(tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "find_photos", lambda *a, **k: 1 / 0)
    result = run("parse", tmp_path, code=1)
    assert result.stderr.startswith("Error: unexpected ZeroDivisionError: division by zero. Add")


def test_an_interrupt_is_one_line_too(tmp_path, monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(inference, "find_photos", stop)
    assert run("parse", tmp_path, code=130).stderr.strip().endswith("Error: Interrupted.")


def test_one_photo_is_always_parsed_and_keeps_no_journal(tmp_path):
    photo, out = write_photo(tmp_path / "a.png"), tmp_path / "out"
    for _ in range(2):
        assert (
            run("parse", photo, "--out", out).stdout == f"2 people in 1 photo, results in {out}.\n"
        )
    assert "peopleparse.jsonl" not in names_in(out)


@pytest.mark.parametrize("stop, code", [(KeyboardInterrupt, 130), (parse_module.Terminated, 143)])
def test_a_stopped_run_says_how_to_go_on(tmp_path, monkeypatch, stop, code):
    for name in "abc":
        write_photo(tmp_path / "in" / f"{name}.png")
    command, rois = ("parse", tmp_path / "in", "--out", tmp_path / "out"), FakeEngine.rois
    calls = []

    def stop_at_third(self, *args):
        calls.append(1)
        if len(calls) == 3:
            raise stop
        return rois(self, *args)

    monkeypatch.setattr(FakeEngine, "rois", stop_at_third)
    result = run(*command, code=code)
    assert result.stderr == (
        f"Stopped: 2 of 3 photos are done, what is finished is kept in {tmp_path / 'out'}. "
        "The same command goes on there.\n"
    )
    assert "2 were finished before" in run(*command).stdout


def test_shards(tmp_path):
    for name in "abc":
        write_photo(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "d.png").touch()
    out = tmp_path / "out"
    command = ("parse", tmp_path / "in", "--out", out, "--shards", "webdataset", "--shard-size", 2)
    result = run(*command, code=1)
    assert result.stderr.startswith("Error: photo must hold an image, got 0 bytes")
    assert result.stdout == (
        f"6 people in 4 photos, 2 shards written to {out}. 1 of 4 photos have no result.\n"
    )
    shards = {f"people-0000{n}-of-00002.tar" for n in range(2)}
    assert names_in(out) == shards | {"people.json"}
    assert "2 were finished before; --again" in run(*command).stdout
    result = run(*command, "--detail", "fast", code=1)
    assert "shards must be made with the same options as those already there" in result.stderr
    assert "2 shards written" in run(*command, "--detail", "fast", "--again", code=1).stdout


def test_ray_is_called_with_what_it_needs(tmp_path, monkeypatch):
    photo, calls = write_photo(tmp_path / "a.png"), []

    def parse_shards(shards, out, **options):
        calls.append((shards, out, options))
        options["on_shard"](shards[0])
        return RayReport(list(shards), [], 1, 2, {})

    monkeypatch.setattr("peopleparse.inference.ray_run.parse_shards", parse_shards)
    words = ("--ray", "local", "--ray-workers", 2, "--shards", "webdataset", "--scheme", "lip")
    result = run("parse", photo, "--out", tmp_path / "out", *words)
    assert result.stdout == f"2 people in 1 photo, 1 shard written to {tmp_path / 'out'}.\n"
    (shards, out, options) = calls[0]
    assert shards == [Shard(0, 1, (str(photo),))] and out == str(tmp_path / "out")
    assert (options["address"], options["workers"], options["format"]) == ("local", 2, "webdataset")
    assert options["scheme"] == options["identity"]["scheme"] == "lip" and not options["again"]
    assert options["parser_options"]["detail"] == "normal"
    json.dumps(options["parser_options"]), json.dumps(options["identity"])


def test_an_engine_that_was_asked_for_is_named_once(tmp_path, monkeypatch):
    class Named(FakeEngine):
        description = "OpenVINO 1, BF16, 2 threads"

    made, parsers = [], []

    def make(model, **options):
        made.append((options.pop("engine"), options.pop("precision")))
        parsers.append(Parser(model, engine=Named(), **options))
        return parsers[-1]

    monkeypatch.setattr(inference, "Parser", make)
    words = ("--engine", "auto", "--precision", "bf16", "--tiles", "2", "--save", "json")
    result = run("parse", write_photo(tmp_path / "a.png"), "--out", tmp_path / "out", *words)
    assert result.stderr == "Engine: OpenVINO 1, BF16, 2 threads.\n"
    assert made == [("auto", "bf16")] and parsers[0].options.tiles == 2
