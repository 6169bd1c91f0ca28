"""Engines by name: what auto takes, and one line for what cannot be had."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from peopleparse.errors import InputError, ModelError
from peopleparse.inference import OnnxEngine, Parser, engines, openvino_engine
from peopleparse.inference.engines import ENGINES, PRECISIONS, build_engine
from peopleparse.inference.exported import as_passport
from tests.fakes import FakeEngine
from tests.inference.test_engines import write_model, write_passport

pytest.importorskip("onnx", reason="needs onnx: pip install 'peopleparse[train]'")


@pytest.fixture
def toy(tmp_path):
    return as_passport(write_model(tmp_path))


@pytest.fixture
def quantised(tmp_path):
    """A network whose passport says int8; its graphs do not matter here."""
    write_model(tmp_path)
    return as_passport(write_passport(tmp_path, precision="int8"))


def test_the_default_is_onnx_runtime_in_f32(toy):
    engine = build_engine(model=toy, threads=1)
    assert isinstance(engine, OnnxEngine) and engine.precision == "f32"
    assert re.fullmatch(r"ONNX Runtime [\d.]+, F32, 1 thread", engine.description)
    assert build_engine(model=toy, threads=2).description.endswith(", F32, 2 threads")
    assert build_engine("onnxruntime", toy, precision="f32").name == "toy"


def test_a_quantised_network_runs_in_int8(quantised):
    engine = build_engine(model=quantised, threads=1)
    assert engine.precision == "int8" and ", INT8, " in engine.description
    assert build_engine(model=quantised, precision="int8").precision == "int8"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"engine": "openvin"}, r"engine must be .* got 'openvin'. Did you mean 'openvino'\? Ch"),
        ({"precision": "f16"}, r"precision must be a known name, got 'f16'.* Choices: auto, f32"),
        ({"precision": "bf16"}, "f32 or int8 with engine onnxruntime, got bf16. Use engine openv"),
        ({"precision": "int8"}, "for network toy, got int8, .* peopleparse quantize PHOTOS FOLDER"),
        ({"engine": "torch"}, r"must come as an object in Python.*build_torch_engine\(model\)"),
        ({"engine": "torch", "precision": "bf16"}, "with engine torch, got bf16"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_line(toy, words, text):
    with pytest.raises(InputError, match=text) as caught:
        build_engine(model=toy, **words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_quantised_network_does_not_become_float(quantised, precision):
    text = f"int8 or auto for the quantised network toy, got {precision}. Take the network that"
    with pytest.raises(InputError, match=text):
        build_engine(model=quantised, precision=precision)


def test_the_quantised_network_beside_a_float_one_is_found(toy):
    for part in ("trunk", "rois"):
        (toy.folder / f"toy_int8.{part}.onnx").write_bytes(toy.path(part).read_bytes())
    write_passport(toy.folder, "toy_int8", precision="int8")
    engine = build_engine(model=toy, precision="int8")
    assert engine.name == "toy_int8" and engine.precision == "int8"
    assert build_engine(model=toy).name == "toy"


def test_passports_know_two_precisions(tmp_path):
    write_model(tmp_path)
    with pytest.raises(ModelError, match="got ValueError precision 'int4', at .*toy.json"):
        as_passport(write_passport(tmp_path, precision="int4"))


@pytest.mark.parametrize(
    ("installed", "bf16", "weights", "precision", "taken"),
    [
        (True, True, "f32", "auto", "openvino"),
        (True, False, "f32", "auto", "onnxruntime"),
        (True, True, "f32", "f32", "onnxruntime"),
        (True, False, "int8", "auto", "openvino"),
        (True, True, "f32", "bf16", "openvino"),
        (False, True, "f32", "auto", "onnxruntime"),
        (False, True, "int8", "auto", "onnxruntime"),
    ],
)
def test_auto_takes_the_fastest(monkeypatch, toy, installed, bf16, weights, precision, taken):
    monkeypatch.setattr(engines, "find_spec", lambda name: object() if installed else None)
    monkeypatch.setattr(engines, "has_bf16", lambda: bf16)
    monkeypatch.setattr(engines, "OpenVinoEngine", lambda *args: ("openvino", *args))
    monkeypatch.setattr(engines, "OnnxEngine", lambda *args: ("onnxruntime", *args))
    built = build_engine("auto", replace(toy, precision=weights), 2, precision)
    assert built[0] == taken and built[2] == 2


def test_openvino_that_is_not_installed(monkeypatch, toy):
    monkeypatch.setitem(sys.modules, "openvino", None)
    text = r"engine openvino must have its library, got '.*openvino.*'. Install it: pip install 'pe"
    for precision in ("auto", "f32", "bf16"):
        with pytest.raises(InputError, match=text):
            build_engine("openvino", toy, precision=precision)
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert isinstance(build_engine("auto", toy), OnnxEngine)


def test_a_processor_without_bf16(monkeypatch, toy):
    monkeypatch.setattr(openvino_engine, "has_bf16", lambda: False)
    assert openvino_engine.choose_precision("auto", toy) == "f32"
    with pytest.raises(InputError, match="f32 or int8 on this processor, got bf16, which it does"):
        openvino_engine.choose_precision("bf16", toy)
    monkeypatch.setattr(openvino_engine, "has_bf16", lambda: True)
    assert openvino_engine.choose_precision("auto", toy) == "bf16"
    assert openvino_engine.choose_precision("f32", toy) == "f32"


def test_torch_is_built_by_who_hands_it_in(toy):
    built = build_engine("torch", toy, 3, build_torch=lambda passport, threads: (passport, threads))
    assert built == (toy, 3)


def test_the_parser_takes_an_engine_by_name(toy):
    path = toy.folder / "toy.json"
    image = np.full((64, 64, 3), 50, np.uint8)
    ours, named = Parser(path, threads=1), Parser(path, threads=1, engine="onnxruntime")
    np.testing.assert_array_equal(ours(image).parsing, named(image).parsing)
    assert Parser(path, engine="auto", precision="f32").engine.precision == "f32"
    own = FakeEngine()
    assert Parser(engine=own).engine is own
    text = "precision must be left out with an engine of your own, got f32. Build the engine with"
    with pytest.raises(InputError, match=text):
        Parser(engine=own, precision="f32")
    with pytest.raises(InputError, match="Did you mean 'openvino'"):
        Parser(path, engine="openvno")


def test_the_choices_of_the_command_line_are_these():
    from peopleparse.cli.parse import parse

    choices = {option.name: getattr(option.type, "choices", None) for option in parse.params}
    assert tuple(choices["engine"]) == ENGINES and tuple(choices["precision"]) == PRECISIONS


def test_a_passport_says_its_precision(quantised):
    fields = json.loads((quantised.folder / "toy.json").read_text())
    assert fields["precision"] == quantised.precision == "int8"
