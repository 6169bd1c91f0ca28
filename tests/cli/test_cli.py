"""The group and `peopleparse labels`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import peopleparse
from peopleparse import __version__
from peopleparse.cli import COMMANDS, main


def run(*args, code=0):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


def test_version_and_help():
    assert run("--version").stdout == f"peopleparse, version {__version__}\n"
    text = run("-h").stdout
    assert "parse" in text and "labels" in text and "Every person in a photo" in text


@pytest.mark.parametrize("name", main.list_commands(None))
def test_every_command_has_help(name):
    assert name in COMMANDS
    assert "Usage: peopleparse" in run(name, "--help").stdout


def test_no_command_prints_help():
    assert "Usage: peopleparse" in run(code=2).stdout


def test_an_unknown_command_is_one_line():
    result = run("prase", code=2)
    assert result.stderr.startswith("Error: command must be a known name, got 'prase'. Did you ")
    assert len(result.stderr.splitlines()) == 1


def test_help_loads_neither_torch_nor_an_engine():
    code = (
        "import sys; from peopleparse.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'onnxruntime', 'cv2', 'numpy') if m in sys.modules])"
    )
    source = str(Path(peopleparse.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_debug_after_two_dashes_is_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("parse", "--", "--debug", code=1)
    assert "Traceback" not in result.stderr and "got --debug" in result.stderr


def test_list_and_show():
    listed = run("labels", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [
        *("gps", "gps-outdoor", "lip", "ccp"),
        *("cihp", "mhp-v1", "mhp-v2"),
        *("atr", "fashionista", "pascal-person-part"),
    ]
    shown = run("labels", "show", "gps").stdout.splitlines()
    assert len(shown) == 21 and "left arm" in shown[15] and "right arm" in shown[15]
    assert "?" in run("labels", "show", "ccp").stdout
    assert "scheme must be a known name" in run("labels", "show", "gsp", code=1).stderr


def test_translate_prints_the_table():
    lines = run("labels", "translate", "--from", "ccp", "--to", "gps").stdout.splitlines()
    assert len(lines) == 59 and any("only geometry can tell" in line for line in lines)
    wrong = run("labels", "translate", "--from", "gps", "--to", "ccp", code=1).stderr
    assert "translation must be one of" in wrong


def test_translate_writes_label_maps(tmp_path):
    ids = np.array([[0, 4, 8, 16, 255]], np.uint8)
    picture = Image.fromarray(ids)
    picture.putpalette(list(range(256)) * 3)
    picture.save(tmp_path / "a.png")
    out = tmp_path / "out"
    args = ["labels", "translate", tmp_path / "a.png", "--from", "gps", "--to", "lip"]
    result = run(*args, "--out", out)
    assert result.stdout.startswith("kept 2 of 5 pixels") and "bag 1" in result.stdout
    with Image.open(out / "a.png") as written:
        assert written.mode == "P" and np.asarray(written).tolist() == [[0, 5, 5, 0, 255]]
    assert "--out must name a folder" in run(*args, code=2).stderr


def test_translate_refuses_what_holds_no_ids(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    Image.new("L", (4, 4), 77).save(tmp_path / "c.png")
    messages = {
        "a.png": r"must hold ids \(palette or 8-bit grey\), got colours (RGB), at",
        "b.png": "label map must be a PNG that can be read, got",
        "c.png": "label ids must be ids of scheme 'gps', got [77]",
    }
    for name, message in messages.items():
        args = ["labels", "translate", tmp_path / name, "--from", "gps", "--to", "lip"]
        result = run(*args, "--out", tmp_path / "out", code=1)
        assert message.replace("\\", "") in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
