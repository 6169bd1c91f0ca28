"""GPSNet on ONNX Runtime: two graphs, one for the photo and one for its people."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, ModelError
from peopleparse.inference.engine import Floats, Trunk
from peopleparse.inference.passport import check_hashes, find_passport, read_passport

DEFAULT_MODEL = "gpsnet_mobilenet_v2"
_TRUNK_OUTPUTS = ("person_heat", "person_boxes", "face_heat", "face_boxes", "global_logits")
_ROI_INPUTS = ("boxes", "faces", "has_face")


class OnnxEngine:
    """An exported network with its passport; see `Engine` for the two calls."""

    def __init__(self, model: str | Path = DEFAULT_MODEL, threads: int | None = None) -> None:
        """Load a network and check that its files are the ones its passport speaks of.

        Args:
            model: name of a shipped network, folder of an exported one, or its JSON passport.
            threads: processor threads; None for all that this process may use.

        Raises:
            ModelError: the network is missing, was changed, or is no peopleparse export.
            InputError: threads is below 1.
        """
        if threads is not None and threads < 1:
            raise InputError(f"threads must be at least 1, got {threads}. Leave it out for all.")
        self.passport = read_passport(find_passport(model))
        check_hashes(self.passport)
        self.name, self.scheme = self.passport.name, self.passport.scheme
        self.stride: int = self.passport.stride
        self.long_sides: Mapping[str, int] = self.passport.long_sides
        self._trunk = _load_session(self.passport.path("trunk"), threads)
        self._rois = _load_session(self.passport.path("rois"), threads)
        self._outputs = [output.name for output in self._trunk.get_outputs()]
        self._inputs = [entry.name for entry in self._rois.get_inputs()]
        self._check_names()

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """See `Engine.trunk`."""
        outputs = self._trunk.run(None, {"image": image[None]})
        values = dict(zip(self._outputs, outputs, strict=True))
        shared = {name: values[name] for name in self._inputs if name in values}
        return _make_trunk(values, shared)

    def rois(
        self, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> Floats:
        """See `Engine.rois`."""
        people = {"boxes": boxes, "faces": faces, "has_face": has_face}
        feed = {name: people.get(name, trunk.tensors.get(name)) for name in self._inputs}
        return self._rois.run(["logits"], feed)[0]

    def _check_names(self) -> None:
        missing = [name for name in _TRUNK_OUTPUTS if name not in self._outputs]
        strange = [n for n in self._inputs if n not in _ROI_INPUTS and n not in self._outputs]
        if missing or strange:
            raise ModelError(
                f"model must be a peopleparse export, got a trunk without {missing} and rois "
                f"that want {strange}, at {self.passport.folder}. Export the model again."
            )


def _make_trunk(values: Mapping[str, Any], shared: Mapping[str, Any]) -> Trunk:
    return Trunk(
        person_heat=values["person_heat"][0, 0],
        person_boxes=values["person_boxes"][0],
        face_heat=values["face_heat"][0, 0],
        face_boxes=values["face_boxes"][0],
        global_logits=values["global_logits"][0],
        tensors=shared,
    )


def _load_session(path: Path, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or _usable_cores()
    # Threads that spin while they wait hold each other up: sleeping ones are faster, and cooler.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own types, unknown to others
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"weight file must be a graph that ONNX Runtime {onnxruntime.__version__} can load, "
            f"got '{reason}', at {path}. Update onnxruntime or export the model again."
        ) from error


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
