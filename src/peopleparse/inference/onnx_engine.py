"""GPSNet on ONNX Runtime: two graphs, one for the photo and one for its people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import ModelError
from peopleparse.inference.engine import Floats, Trunk
from peopleparse.inference.exported import DEFAULT_MODEL, ExportedEngine, describe, make_trunk
from peopleparse.inference.passport import Passport


class OnnxEngine(ExportedEngine):
    """An exported network with its passport; see `Engine` for the two calls."""

    def __init__(
        self, model: str | Path | Passport = DEFAULT_MODEL, threads: int | None = None
    ) -> None:
        """Load a network and check that its files are the ones its passport speaks of.

        Args:
            model: name of a shipped network, folder of an exported one, or its JSON passport.
            threads: processor threads; None for all that this process may use.

        Raises:
            ModelError: the network is missing, was changed, or is no peopleparse export.
            InputError: threads is below 1.
        """
        super().__init__(model, threads)
        self._trunk = _load_session(self.passport.path("trunk"), self.threads)
        self._rois = _load_session(self.passport.path("rois"), self.threads)
        self._outputs = [output.name for output in self._trunk.get_outputs()]
        self._inputs = [entry.name for entry in self._rois.get_inputs()]
        self.check_names(self._outputs, self._inputs)

    @property
    def description(self) -> str:
        """Library, precision and threads in words."""
        import onnxruntime

        library = f"ONNX Runtime {onnxruntime.__version__}"
        return describe(library, self.precision, self.threads)

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """See `Engine.trunk`."""
        outputs = self._trunk.run(None, {"image": image[None]})
        values = dict(zip(self._outputs, outputs, strict=True))
        shared = {name: values[name] for name in self._inputs if name in values}
        return make_trunk(values, shared)

    def rois(
        self, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> Floats:
        """See `Engine.rois`."""
        people = {"boxes": boxes, "faces": faces, "has_face": has_face}
        feed = {name: people.get(name, trunk.tensors.get(name)) for name in self._inputs}
        return self._rois.run(["logits"], feed)[0]


def _load_session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
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
