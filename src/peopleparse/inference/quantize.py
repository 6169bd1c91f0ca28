"""A network in INT8: static quantisation after training, calibrated by what its graphs see.

Only convolutions are quantised, and of them not the sensitive ones. Weights have a scale a channel;
what flows between has one scale, as ONNX Runtime wants it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, ModelError
from peopleparse.inference.engine import Engine, Floats, Trunk
from peopleparse.inference.exported import TRUNK_OUTPUTS
from peopleparse.inference.onnx_engine import OnnxEngine
from peopleparse.inference.passport import PARTS, Passport, file_sha256
from peopleparse.inference.pipeline import parse_image

SUFFIX = "_int8"
_CHECKED = 20  # photos whose part maps are compared at the end


@dataclass(frozen=True)
class QuantizeReport:
    """What quantising did.

    Attributes:
        passport: path of the new network's.
        photos, people: that it was calibrated with.
        same: share of pixels with the same part as the float network, on some of the photos.
    """

    passport: Path
    photos: int
    people: int
    same: float


@dataclass(frozen=True)
class _Call:
    """One call of the rois graph: which photo, and its people."""

    photo: int
    boxes: Floats
    faces: Floats
    has_face: NDArray[np.bool_]


class Recorder:
    """An engine that keeps what the pipeline asks of it."""

    def __init__(self, engine: OnnxEngine) -> None:
        self._engine = engine
        self.images: list[NDArray[np.uint8]] = []
        self.calls: list[_Call] = []
        self.name, self.scheme, self.stride = engine.name, engine.scheme, engine.stride
        self.long_sides, self.precision = engine.long_sides, engine.precision
        self.calibration, self.description = engine.calibration, engine.description

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """See `Engine.trunk`."""
        self.images.append(image)
        return self._engine.trunk(image)

    def rois(
        self, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> Floats:
        """See `Engine.rois`."""
        self.calls.append(_Call(len(self.images) - 1, boxes, faces, has_face))
        return self._engine.rois(trunk, boxes, faces, has_face)

    def feed_trunk(self, image: NDArray[np.uint8]) -> dict[str, Any]:
        """Return what the trunk graph saw."""
        return {"image": image[None]}

    def feed_rois(self, call: _Call) -> dict[str, Any]:
        """Return what the rois graph saw; the maps are computed again, for all need gigabytes."""
        people = {"boxes": call.boxes, "faces": call.faces, "has_face": call.has_face}
        maps = self._engine.trunk(self.images[call.photo]).tensors
        return {**maps, **{name: people[name] for name in people if name in self._engine._inputs}}


def quantize_model(
    passport: Passport, photos: Iterable[tuple[str, NDArray[np.uint8]]], folder: Path, seed: int = 0
) -> QuantizeReport:
    """Write `<name>_int8.trunk.onnx`, `<name>_int8.rois.onnx` and their passport.

    All three are written under temporary names first and moved together at the end.

    Args:
        passport: of the float network.
        photos: hash of the file and (H, W, 3) uint8 RGB of each photo to calibrate with.
        folder: where to write.
        seed: by which the photos were drawn, for the passport.

    Raises:
        InputError: NNCF or onnx is not installed, the network is int8, or no photo shows a person.
        ModelError: the network is missing or damaged, or NNCF cannot quantise it.
    """
    if passport.precision != "f32":
        raise InputError(
            f"network to quantise must be f32, got {passport.precision}, at {passport.folder}. "
            "Take the network that it was made from."
        )
    nncf, onnx = _import_libraries()
    engine = OnnxEngine(passport)
    recorder, hashes = Recorder(engine), list[str]()
    for digest, image in photos:
        parse_image(recorder, image)
        hashes.append(digest)
    people = sum(len(call.boxes) for call in recorder.calls)
    if not people:
        raise InputError(
            f"photos to calibrate with must show people, got none in {len(hashes)} photos. "
            "Give photos like those that will be parsed."
        )
    name = f"{passport.name}{SUFFIX}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".quantize-") as partial:
        parts, kept = Path(partial), dict[str, list[str]]()
        items: dict[str, tuple[list[Any], Callable[[Any], dict[str, Any]]]] = {
            "trunk": (recorder.images, recorder.feed_trunk),
            "rois": (recorder.calls, recorder.feed_rois),
        }
        for part in PARTS:
            graph = onnx.load(str(passport.path(part)))
            kept[part] = find_sensitive(graph.graph)
            written = _quantize_graph(nncf, graph, *items[part], kept[part])
            onnx.save(written, str(parts / f"{name}.{part}.onnx"))
        origin = {
            "by": f"nncf {nncf.__version__}",
            "from": {"name": passport.name, "sha256": dict(passport.sha256)},
            "photos": len(hashes),
            "people": people,
            "photos_sha256": hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest(),
            "seed": seed,
            "kept_in_float": kept,
        }
        written = _write_passport(passport, parts, name, origin)
        same = share_of_same_parts(engine, OnnxEngine(written), recorder.images[:_CHECKED])
        for path in (*sorted(parts.glob("*.onnx")), written):
            os.replace(path, folder / path.name)
    return QuantizeReport(folder / f"{name}.json", len(hashes), people, same)


def find_sensitive(graph: Any) -> list[str]:
    """Return the names of the convolutions of an ONNX graph that stay in float.

    Those are the whole detector, because boxes are powers of e of what it says; the layers that
    make the fine map, because their few channels differ most in range; and the last convolution
    before logits.
    """
    outputs = {output.name for output in graph.output}
    detections = outputs & set(TRUNK_OUTPUTS) - {"global_logits"}
    last = _convolutions_before(graph, outputs & {"global_logits", "logits"}, set(), first=True)
    detector = _convolutions_before(graph, detections, outputs - detections)
    return sorted(last | detector | _convolutions_before(graph, outputs & {"fine"}, set()))


def _convolutions_before(
    graph: Any, names: set[str], ends: set[str], first: bool = False
) -> set[str]:
    """Return the convolutions met on the way back from some values.

    The way ends at `ends`; with `first` also at each convolution.
    """
    makers = {output: node for node in graph.node for output in node.output}
    ahead, seen, found = list(names), set[str](), set[str]()
    while ahead:
        name = ahead.pop()
        node = makers.get(name)
        if name in ends or node is None or node.name in seen:
            continue
        seen.add(node.name)
        if node.op_type == "Conv":
            found.add(node.name)
        if not (first and node.op_type == "Conv"):
            ahead.extend(node.input)
    return found


def share_of_same_parts(one: Engine, other: Engine, images: Iterable[NDArray[np.uint8]]) -> float:
    """Return the share of pixels to which two engines give the same part."""
    same = total = 0
    for image in images:
        maps = [parse_image(engine, image).parsing for engine in (one, other)]
        same, total = same + int((maps[0] == maps[1]).sum()), total + maps[0].size
    return same / max(total, 1)


def _quantize_graph(
    nncf: Any,
    graph: Any,
    items: list[Any],
    feed: Callable[[Any], dict[str, Any]],
    kept: list[str],
) -> Any:
    others = sorted({node.op_type for node in graph.graph.node} - {"Conv"})
    import nncf.quantization.advanced_parameters as advanced

    whole = advanced.QuantizationParameters(per_channel=False)
    try:
        return nncf.quantize(
            graph,
            nncf.Dataset(items, feed),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(items),
            ignored_scope=nncf.IgnoredScope(names=kept, types=others, validate=False),
            advanced_parameters=advanced.AdvancedQuantizationParameters(
                activations_quantization_params=whole
            ),
        )
    except Exception as error:  # NNCF raises its own types and those of what it uses
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"network must be one that NNCF {nncf.__version__} can quantise, got '{reason}'. "
            "Update nncf and onnx or export the model again."
        ) from error


def _write_passport(source: Passport, parts: Path, name: str, origin: dict[str, Any]) -> Path:
    """Write the passport of quantised graphs; scores of the float network are not theirs."""
    fields = {key: value for key, value in source.fields.items() if key != "scores"}
    fields |= {
        "name": name,
        "precision": "int8",
        "sha256": {path.name: file_sha256(path) for path in sorted(parts.glob("*.onnx"))},
        "quantised": origin,
    }
    path = parts / f"{name}.json"
    path.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
    return path


def _import_libraries() -> tuple[Any, Any]:
    try:
        import nncf
        import onnx
    except ImportError as error:
        raise InputError(
            f"quantising must have nncf and onnx, got '{error}'. "
            "Install them: pip install 'peopleparse[openvino]' onnx"
        ) from error
    nncf.set_log_level(logging.ERROR)
    return nncf, onnx
