"""Start a run from a shipped or exported network: its MobileNetV2, or every layer of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from peopleparse.errors import ModelError
from peopleparse.inference.passport import find_passport, read_passport
from peopleparse.models.build import build_model, read_switches
from peopleparse.models.gpsnet import GPSNet
from peopleparse.nn.backbones import MobileNetV2Features, fold_batch_norms
from peopleparse.training.from_export import load_exported
from peopleparse.training.recipe import Recipe

_PREFIX = "trunk.model.backbone."  # of the graph's own names, kept by the export
_LAYERS = ("to_4.", "to_8.", "to_16.", "to_32.")


def start_from(model: nn.Module, name: str) -> int:
    """Give every MobileNetV2 of a model the layers of a shipped network.

    Only the MobileNetV2 layers are taken: what brings them back up to stride 8 starts from chance.

    Args:
        model: any model with `MobileNetV2Features`.
        name: of the shipped network.

    Returns:
        How many feature networks were set.

    Raises:
        ModelError: there is no such network, it has other layers, or the model has no MobileNetV2.
    """
    layers = _read_layers(name)
    targets = [part for part in model.modules() if isinstance(part, MobileNetV2Features)]
    if not targets:
        raise ModelError(
            f"model must have MobileNetV2 features to start from '{name}', got none. "
            "Leave out start."
        )
    for target in targets:
        wanted = {key for key in target.state_dict() if key.startswith(_LAYERS)}
        if wanted != set(layers):
            raise ModelError(
                f"network '{name}' must hold the {len(wanted)} arrays of MobileNetV2, got "
                f"{len(wanted & set(layers))} of them. Start from another network."
            )
        target.load_state_dict(layers, strict=False)
    return len(targets)


def build_started(recipe: Recipe, weights: bool) -> GPSNet:
    """Return the network of a recipe whose `init` names an export; it has no batch norm.

    Args:
        recipe: its model must be the export's.
        weights: take the export's; otherwise they are left to chance, and the export may be gone.

    Raises:
        ModelError: the export is missing, broken, in int8, or another model than the recipe's.
    """
    if not weights:
        return _build_folded(recipe)
    passport = read_passport(find_passport(recipe.init))
    started = load_exported(passport)
    wanted = {"model": recipe.model, "adjust": recipe.adjust, "fuse": recipe.fuse}
    found = {name: passport.fields["recipe"][name] for name in wanted}
    if found != wanted:
        raise ModelError(
            f"network to start from must have {_words(wanted)}, got {_words(found)}, at "
            f"{passport.folder}. Change the recipe, or start from another network."
        )
    if recipe.presence == (started.presence is not None):
        return started
    # A head that the export lacks begins as one that changes nothing; one too many is dropped.
    model = _build_folded(recipe)
    model.load_state_dict(started.state_dict(), strict=False)
    return model


def _build_folded(recipe: Recipe) -> GPSNet:
    model = build_model(recipe.model, **read_switches(vars(recipe))).eval()
    fold_batch_norms(model)
    return model


def _words(switches: dict[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in switches.items())


def _read_layers(name: str) -> dict[str, torch.Tensor]:
    import onnx
    from onnx import numpy_helper

    trunk = find_passport(name).parent / f"{name}.trunk.onnx"
    graph = onnx.load(str(trunk)).graph
    named = {entry.name.removeprefix(_PREFIX): entry for entry in graph.initializer}
    return {
        key: torch.from_numpy(np.array(numpy_helper.to_array(entry)))
        for key, entry in named.items()
        if key.startswith(_LAYERS)
    }
