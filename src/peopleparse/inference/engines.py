"""Which library runs the network: chosen by name, with one line for what cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from peopleparse.errors import InputError, suggest
from peopleparse.inference.engine import Engine
from peopleparse.inference.exported import DEFAULT_MODEL, as_passport
from peopleparse.inference.onnx_engine import OnnxEngine
from peopleparse.inference.openvino_engine import OpenVinoEngine, check_weights, has_bf16
from peopleparse.inference.passport import Passport, read_passport

ENGINES = ("auto", "onnxruntime", "openvino", "torch")
PRECISIONS = ("auto", "f32", "bf16", "int8")

# What makes the torch engine: of a network and a number of threads.
BuildTorch = Callable[[Passport, int | None], Engine]


def build_engine(
    engine: str = "onnxruntime",
    model: str | Path = DEFAULT_MODEL,
    threads: int | None = None,
    precision: str = "auto",
    build_torch: BuildTorch | None = None,
) -> Engine:
    """Load a network into the engine of a name; `description` of the result says which it is.

    Args:
        engine: onnxruntime, openvino, torch, or auto: the fastest installed whose loss is small.
            That is OpenVINO where it is installed and calculates in bf16 or int8, else ONNX
            Runtime; torch is never chosen.
        model: name of a shipped network, folder of an exported one, or its JSON passport.
        threads: processor threads; None for all.
        precision: f32, bf16, int8, or auto: int8 for a quantised network; else bf16 in OpenVINO
            where the processor has it; else f32. int8 takes NAME_int8 beside a float network.
        build_torch: makes the torch engine, `training.from_export.build_torch_engine`; handed in
            because inference needs no torch.

    Raises:
        InputError: a name is unknown, a library is missing, or the engine, the processor or the
            network does not have the precision.
        ModelError: the network is missing or damaged.
    """
    for what, name, choices in (
        ("engine", engine, ENGINES),
        ("precision", precision, PRECISIONS),
    ):
        if name not in choices:
            raise InputError(f"{what} must be a known name, got '{name}'.{suggest(name, choices)}")
    passport = _quantised(as_passport(model), precision)
    check_weights(precision, passport)
    if engine == "auto":
        engine = _fastest(passport, precision)
    if engine == "openvino":
        return OpenVinoEngine(passport, threads, precision)
    if precision == "bf16":
        raise InputError(
            f"precision must be f32 or int8 with engine {engine}, got bf16. Use engine openvino."
        )
    if engine == "onnxruntime":
        return OnnxEngine(passport, threads)
    if build_torch is None:
        raise InputError(
            "engine torch must come as an object in Python, got its name. Use "
            "Parser(engine=build_torch_engine(model)) of peopleparse.training.from_export."
        )
    return build_torch(passport, threads)


def _fastest(passport: Passport, precision: str) -> str:
    """Return the engine that auto stands for."""
    if precision == "bf16":
        return "openvino"
    if precision == "f32" or find_spec("openvino") is None:
        return "onnxruntime"
    return "openvino" if passport.precision == "int8" or has_bf16() else "onnxruntime"


def _quantised(passport: Passport, precision: str) -> Passport:
    """Return the network NAME_int8 beside a float one where int8 is asked for and it exists."""
    if precision != "int8" or passport.precision == "int8":
        return passport
    twin = passport.folder / f"{passport.name}_int8.json"
    return read_passport(twin) if twin.is_file() else passport
