"""What the engines of an exported network share: its passport, its two graphs, their names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peopleparse.errors import InputError, ModelError
from peopleparse.inference.engine import Trunk
from peopleparse.inference.passport import Passport, check_hashes, find_passport, read_passport

DEFAULT_MODEL = "gpsnet_mobilenet_v2"
TRUNK_OUTPUTS = ("person_heat", "person_boxes", "face_heat", "face_boxes", "global_logits")
ROI_INPUTS = ("boxes", "faces", "has_face")


class ExportedEngine:
    """An exported network with its passport, without the two calls of `Engine`."""

    def __init__(self, model: str | Path | Passport, threads: int | None) -> None:
        """Read the passport and check that the files are the ones that it speaks of.

        Args:
            model: name of a shipped network, folder of an exported one, its JSON passport, or the
                passport read already.
            threads: processor threads; None for all that this process may use.

        Raises:
            ModelError: the network is missing, was changed, or is no peopleparse export.
            InputError: threads is below 1.
        """
        if threads is not None and threads < 1:
            raise InputError(f"threads must be at least 1, got {threads}. Leave it out for all.")
        self.passport = as_passport(model)
        check_hashes(self.passport)
        self.name, self.scheme = self.passport.name, self.passport.scheme
        self.stride: int = self.passport.stride
        self.long_sides: Mapping[str, int] = self.passport.long_sides
        self.precision = self.passport.precision
        self.calibration = self.passport.calibration
        self.threads = threads or usable_cores()

    def check_names(self, outputs: Sequence[str], inputs: Sequence[str]) -> None:
        """Check that the trunk's outputs are those of an export and the rois can be fed.

        Raises:
            ModelError: a name is missing.
        """
        missing = [name for name in TRUNK_OUTPUTS if name not in outputs]
        strange = [n for n in inputs if n not in ROI_INPUTS and n not in outputs]
        if missing or strange:
            raise ModelError(
                f"model must be a peopleparse export, got a trunk without {missing} and rois "
                f"that want {strange}, at {self.passport.folder}. Export the model again."
            )


def as_passport(model: str | Path | Passport) -> Passport:
    """Return the passport of a shipped name, a folder or a JSON file; a read one as it is.

    Raises:
        ModelError: there is none, or it is broken.
    """
    return model if isinstance(model, Passport) else read_passport(find_passport(model))


def make_trunk(values: Mapping[str, Any], shared: Mapping[str, Any]) -> Trunk:
    """Return the outputs of a trunk graph, batches of one photo, without their batch."""
    return Trunk(
        person_heat=values["person_heat"][0, 0],
        person_boxes=values["person_boxes"][0],
        face_heat=values["face_heat"][0, 0],
        face_boxes=values["face_boxes"][0],
        global_logits=values["global_logits"][0],
        tensors=shared,
    )


def describe(library: str, precision: str, threads: int) -> str:
    """Return an engine in words.

    >>> describe("OpenVINO 2026.4", "bf16", 2)
    'OpenVINO 2026.4, BF16, 2 threads'
    """
    return f"{library}, {precision.upper()}, {threads} thread{'s' if threads > 1 else ''}"


def usable_cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
