"""A torch module behind the same two calls, for training-time scores and export checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.calibration import Calibration
from peopleparse.inference.engine import LONG_SIDES, Floats, Trunk
from peopleparse.inference.exported import describe
from peopleparse.inference.passport import Passport

if TYPE_CHECKING:
    import torch


class TorchEngine:
    """Run a module that has `trunk` and `rois`; see `Engine` for the two calls.

    The module is put into evaluation mode. `module.trunk(image)` takes (1, H, W, 3) uint8 and
    returns tensors by the names of the ONNX outputs; `module.rois(tensors, boxes, faces,
    has_face)` gets them back and returns (K, C, GH, GW) logits. The passport is that of the export
    which the module came from, if it did.
    """

    precision = "f32"

    def __init__(
        self,
        module: Any,
        name: str = "torch",
        scheme: str = "gps",
        stride: int = 16,
        long_sides: Mapping[str, int] = LONG_SIDES,
        device: str | torch.device = "cpu",
        passport: Passport | None = None,
    ) -> None:
        self.name, self.scheme, self.stride, self.long_sides = name, scheme, stride, long_sides
        self.calibration = passport.calibration if passport else Calibration()
        self._module, self._device, self.passport = module.to(device).eval(), device, passport

    @property
    def description(self) -> str:
        """Library, precision and threads or device in words."""
        import torch

        library = f"torch {torch.__version__.split('+')[0]}"
        if torch.device(self._device).type != "cpu":
            return f"{library}, F32, {self._device}"
        return describe(library, self.precision, torch.get_num_threads())

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """See `Engine.trunk`."""
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(image)[None]).to(self._device)
            values = self._module.trunk(batch)
        return Trunk(
            person_heat=_to_numpy(values["person_heat"])[0, 0],
            person_boxes=_to_numpy(values["person_boxes"])[0],
            face_heat=_to_numpy(values["face_heat"])[0, 0],
            face_boxes=_to_numpy(values["face_boxes"])[0],
            global_logits=_to_numpy(values["global_logits"])[0],
            tensors=values,
        )

    def rois(
        self, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> Floats:
        """See `Engine.rois`."""
        import torch

        people = [torch.from_numpy(np.ascontiguousarray(a)) for a in (boxes, faces, has_face)]
        with torch.inference_mode():
            moved = [tensor.to(self._device) for tensor in people]
            return _to_numpy(self._module.rois(trunk.tensors, *moved))


def _to_numpy(tensor: torch.Tensor) -> Floats:
    return tensor.float().cpu().numpy()
