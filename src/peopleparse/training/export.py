"""A trained model as two ONNX graphs with a passport, checked against torch.

The trunk takes a photo's bytes, (1, H, W, 3) uint8 with sides that are multiples of 32; the rois
graph takes what the trunk hands on and person boxes. See inference.engine for the contract.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from peopleparse.errors import InputError, ModelError
from peopleparse.inference.engine import LONG_SIDES, Engine, Floats
from peopleparse.inference.onnx_engine import OnnxEngine
from peopleparse.inference.passport import file_sha256
from peopleparse.inference.pipeline import parse_image
from peopleparse.inference.torch_engine import TorchEngine
from peopleparse.models.build import build_model, read_switches
from peopleparse.models.gpsnet import GPSNet
from peopleparse.nn.backbones import fold_batch_norms
from peopleparse.training.checkpoint import load_checkpoint
from peopleparse.training.deploy import STRIDE, TRUNK_OUTPUTS, Deployed, DeployedRois, DeployedTrunk

OPSET = 17
LARGEST_DIFFERENCE = 1e-3  # between torch and the exported network, in ranges of an output


def load_average(checkpoint: Path) -> tuple[GPSNet, dict[str, Any]]:
    """Return a run's model with its averaged weights, and the run's `recipe` and `step`.

    Raises:
        ModelError: the checkpoint is missing, broken, or not of a training run.
    """
    state = load_checkpoint(checkpoint)
    try:
        recipe = json.loads(state["recipe"])
        model = build_model(recipe["model"], **read_switches(recipe))
        if recipe.get("init"):  # what starts from an export has no batch norm
            fold_batch_norms(model.eval())
        model.load_state_dict(state["average"])
        return model.eval(), {"recipe": recipe, "step": state["step"]}
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        reason = f"{type(error).__name__} {error}".splitlines()[0]
        raise ModelError(
            f"checkpoint must hold recipe, step and average of a run, got {reason}, "
            f"at {checkpoint}. Give the last.pt of a run."
        ) from error


def export_model(
    model: GPSNet, folder: Path, name: str, passport: dict[str, Any] | None = None
) -> Path:
    """Write `<name>.trunk.onnx`, `<name>.rois.onnx` and the passport `<name>.json`.

    All three are written under temporary names first and moved together at the end.

    Args:
        model: the trained network, at its final weights.
        folder: where to write.
        name: of the network.
        passport: what else the passport says: data, licence, recipe, scores. It cannot change the
            name, scheme, stride, hashes and details of the export.

    Returns:
        The path of the passport.

    Raises:
        InputError: the name is no file name.
        ModelError: the exported graphs do not give what torch gives.
    """
    if not name or Path(name).name != name:
        raise InputError(
            f"name must be a file name without folders, got '{name}'. Put folders into FOLDER."
        )
    model = model.eval().float().to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as partial:
        parts = Path(partial)
        _export_trunk(model, parts / f"{name}.trunk.onnx")
        _export_rois(model, parts / f"{name}.rois.onnx")
        graphs = sorted(parts.glob("*.onnx"))
        fields = {
            "name": name,
            "scheme": "gps",
            "stride": STRIDE,
            "sha256": {path.name: file_sha256(path) for path in graphs},
            "detail": dict(LONG_SIDES),
        }
        written = parts / f"{name}.json"
        written.write_text(json.dumps(fields | (passport or {}) | fields, indent=2) + "\n")
        check_export(model, OnnxEngine(written))
        for path in (*graphs, written):
            os.replace(path, folder / path.name)
    return folder / f"{name}.json"


def check_export(model: GPSNet, engine: Engine, images: int = 3) -> float:
    """Compare an exported network with torch on noise; return the largest difference.

    Differences are shares of an output's range: 0 to 1 for heats, for boxes and logits from
    torch's least value to its greatest.

    Raises:
        ModelError: an output differs by more than 1e-3 of its range, or is no number.
    """
    rng, torch_engine, worst = np.random.default_rng(0), as_engine(model), 0.0
    for index in range(images):
        image = rng.integers(0, 256, (64 * (index + 2), 64 * (index + 3), 3), np.uint8)
        pairs = zip(*(_all_outputs(e, image) for e in (torch_engine, engine)), strict=True)
        for name, (ours, theirs) in zip((*TRUNK_OUTPUTS, "logits"), pairs, strict=True):
            scale = 1.0 if name.endswith("_heat") else max(np.ptp(ours), 1e-6)
            difference = float(np.abs(ours - theirs).max() / scale)
            if not difference <= LARGEST_DIFFERENCE:  # NaN is neither
                raise ModelError(
                    f"exported {name} must equal torch's to {LARGEST_DIFFERENCE:g} of its range, "
                    f"got {difference:.2g}. Report the versions of torch, onnx and onnxruntime."
                )
            worst = max(worst, difference)
    return worst


def _all_outputs(engine: Engine, image: np.ndarray) -> list[Floats]:
    trunk = engine.trunk(image)
    boxes = np.array([[10, 5, 70, 120], [30, -4, 90, 90]], np.float32)
    faces, has_face = (boxes / 2 + 15).astype(np.float32), np.array([True, False])
    logits = engine.rois(trunk, boxes, faces, has_face)
    return [*(getattr(trunk, name) for name in TRUNK_OUTPUTS), logits]


def compare_results(model: GPSNet, engine: Engine, images: list[np.ndarray]) -> dict[str, float]:
    """Return the share of pixels on which torch and the exported network give the same part."""
    torch_engine = as_engine(model)
    same = total = 0
    for image in images:
        maps = [parse_image(e, image).parsing for e in (torch_engine, engine)]
        same, total = same + int((maps[0] == maps[1]).sum()), total + maps[0].size
    return {"images": len(images), "pixels": total, "same": same / max(total, 1)}


def as_engine(model: GPSNet) -> TorchEngine:
    """Return a torch model behind the engine's two calls."""
    # The engine moves the model; where it is now it must stay, for training goes on with it.
    device = next(model.parameters()).device
    return TorchEngine(Deployed(model), stride=STRIDE, device=device)


class _TrunkOutputs(nn.Module):
    """Outputs in a fixed order, as the ONNX graph names them."""

    def __init__(self, model: GPSNet, names: list[str]) -> None:
        super().__init__()
        self.trunk, self.names = DeployedTrunk(model), names

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs = self.trunk(image)
        return tuple(outputs[name] for name in self.names)


class _RoisOutputs(nn.Module):
    def __init__(self, model: GPSNet, names: list[str]) -> None:
        super().__init__()
        self.rois, self.names = DeployedRois(model), names

    def forward(self, *inputs: Tensor) -> Tensor:
        shared, people = inputs[: len(self.names)], inputs[len(self.names) :]
        return self.rois(dict(zip(self.names, shared, strict=True)), *people)


def _shared_names(model: GPSNet) -> list[str]:
    names = ["features"] + (["fine"] if model.backbone.fine else [])
    return names + (["global_logits"] if model.fuse else [])


def _export_trunk(model: GPSNet, path: Path) -> None:
    names = list(dict.fromkeys([*TRUNK_OUTPUTS, *_shared_names(model)]))
    image = torch.zeros(1, 2 * STRIDE, 3 * STRIDE, 3, dtype=torch.uint8)
    axes = {name: {2: f"{name}_rows", 3: f"{name}_columns"} for name in names}
    axes["image"] = {1: "height", 2: "width"}
    _export(_TrunkOutputs(model, names), (image,), path, ["image"], names, axes)


def _export_rois(model: GPSNet, path: Path) -> None:
    names = _shared_names(model)
    with torch.inference_mode():
        outputs = DeployedTrunk(model)(torch.zeros(1, 64, 96, 3, dtype=torch.uint8))
    boxes = torch.tensor([[4.0, 4, 60, 60], [8, 2, 40, 62]])
    inputs = (*(outputs[name].clone() for name in names), boxes, boxes / 2, boxes[:, 0] > 5)
    axes: dict[str, dict[int, str]] = {
        name: {2: f"{name}_rows", 3: f"{name}_columns"} for name in names
    }
    axes |= {name: {0: "persons"} for name in ("boxes", "faces", "has_face", "logits")}
    entries = [*names, "boxes", "faces", "has_face"]
    _export(_RoisOutputs(model, names), inputs, path, entries, ["logits"], axes)


def _export(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    input_names: list[str],
    output_names: list[str],
    axes: dict[str, dict[int, str]],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its successor
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            input_names=input_names,
            output_names=output_names,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
