"""The way back from an export: its weights in the network that its recipe builds.

An export holds no batch norm: each is part of the convolution before it. The network comes back in
the same form, which gives the same numbers and does not care how small a batch is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from peopleparse.errors import ModelError
from peopleparse.inference.exported import as_passport
from peopleparse.inference.passport import PARTS, Passport, check_hashes
from peopleparse.inference.torch_engine import TorchEngine
from peopleparse.models.build import build_model, read_switches
from peopleparse.models.gpsnet import GPSNet
from peopleparse.nn.backbones import fold_batch_norms
from peopleparse.training.deploy import Deployed


def load_exported(passport: Passport) -> GPSNet:
    """Return the network of an export with its weights, every one of them trainable.

    Args:
        passport: of the export; its recipe names the network.

    Raises:
        ModelError: a file is missing or was changed, the passport names no recipe, or the graphs
            are not those of the network that the recipe builds.
    """
    check_hashes(passport)
    model = build_folded(passport)
    wanted = dict(model.named_parameters())
    found: dict[str, Tensor] = {}
    for part in PARTS:
        found |= _read_convolutions(passport.path(part))
    wrong = [
        f"{name} {tuple(found[name].shape) if name in found else 'nowhere'}"
        for name, value in wanted.items()
        if name not in found or found[name].shape != value.shape
    ]
    wrong += [f"{name} besides" for name in found if name not in wanted]
    if wrong:
        raise ModelError(
            f"export must hold the {len(wanted)} tensors of its recipe's network, got "
            f"{wrong[0]} and {len(wrong) - 1} more that differ, at {passport.folder}. Export the "
            "float network again; one in int8 has no weights to train."
        )
    model.load_state_dict(found)
    return model.requires_grad_(True).eval()


def build_folded(passport: Passport) -> GPSNet:
    """Return the network that the recipe of a passport builds, its batch norms folded away.

    Raises:
        ModelError: the passport holds no recipe.
    """
    try:
        recipe = passport.fields["recipe"]
        name, switches = recipe["model"], read_switches(recipe)
    except (KeyError, TypeError) as error:
        raise ModelError(
            "passport must hold the recipe of its network with model, adjust and fuse, got "
            f"{type(error).__name__} {error}, at {passport.folder / passport.name}.json. "
            "Export the run again."
        ) from error
    model = build_model(name, **switches).eval()
    fold_batch_norms(model)
    return model


def build_torch_engine(
    model: str | Path | Passport, threads: int | None = None, device: str = "cpu"
) -> TorchEngine:
    """Return an export as a torch network behind the engine's two calls.

    Args:
        model: name of a shipped network, folder of an exported one, JSON passport, or read one.
        threads: processor threads of torch, for the whole process; None leaves them as they are.
        device: where torch computes.

    Raises:
        ModelError: see `load_exported`.
    """
    passport = as_passport(model)
    if threads is not None:
        torch.set_num_threads(threads)
    return TorchEngine(
        Deployed(load_exported(passport)),
        passport.name,
        passport.scheme,
        passport.stride,
        passport.long_sides,
        device,
        passport,
    )


def _read_convolutions(path: Path) -> dict[str, Tensor]:
    """Return weights and biases of a graph's convolutions by their names in the network."""
    import onnx

    graph = onnx.load(str(path)).graph
    constants = {entry.name: entry for entry in graph.initializer}
    found: dict[str, Tensor] = {}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in constants:
            # Equal weights, as the zeros of fresh biases, are kept once.
            constants[node.output[0]] = constants[node.input[0]]
        if node.op_type != "Conv":
            continue
        for kind, name in zip(("weight", "bias"), node.input[1:], strict=False):
            if name in constants:
                # A copy: what numpy reads belongs to the file's bytes.
                values: Any = np.array(onnx.numpy_helper.to_array(constants[name]))
                found[f"{_module_name(node.name)}.{kind}"] = torch.from_numpy(values)
    return found


def _module_name(node: str) -> str:
    """Return the dotted name of the module that a node of an export came from.

    >>> _module_name("/trunk/backbone/to_4/to_4.1/conv/conv.0/conv.0.0/Conv")
    'backbone.to_4.1.conv.0.0'
    """
    names: list[str] = []
    for name in node.strip("/").split("/")[1:-1]:
        if names and name.startswith(f"{names[-1]}."):
            names[-1] = name
        else:
            names.append(name)
    return ".".join(names)
