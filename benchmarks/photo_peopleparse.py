"""Our side of the benchmarks of photos: encoded bytes into `Parser()`, maps and people out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import peopleparse
from benchmarks.harness import peak_memory
from peopleparse.errors import InputError
from peopleparse.inference import Engine, Parser, Trunk, read_image
from peopleparse.inference.onnx_engine import DEFAULT_MODEL
from peopleparse.inference.pipeline import fit_image, long_side_of

# What `Parser` counts, by the kinds that the tables show; the rest is post-processing.
KINDS = {"decoding": ("decode",), "network": ("trunk", "rois")}
REST = "post-processing"


class WatchedEngine:
    """An engine that counts the people it parses, and may be told where they are.

    With `planted` boxes the network still looks at the whole photo, but its heat map is replaced
    by one that has a peak for each box: detection, people and paste then do their full work.
    """

    def __init__(self, engine: Engine, planted: NDArray[np.float32] | None = None) -> None:
        self._engine, self._planted, self.parsed = engine, planted, 0
        self.name, self.scheme = engine.name, engine.scheme
        self.stride, self.long_sides = engine.stride, engine.long_sides
        self.precision = getattr(engine, "precision", "f32")
        self.calibration = engine.calibration
        self.description = getattr(engine, "description", type(engine).__name__)

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """See `Engine.trunk`."""
        trunk = self._engine.trunk(image)
        return trunk if self._planted is None else plant_people(trunk, self._planted)

    def rois(
        self,
        trunk: Trunk,
        boxes: NDArray[np.float32],
        faces: NDArray[np.float32],
        has_face: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """See `Engine.rois`."""
        self.parsed += len(boxes)
        return self._engine.rois(trunk, boxes, faces, has_face)


def plant_people(trunk: Trunk, planted: NDArray[np.float32]) -> Trunk:
    """Return a trunk whose person heat map shows exactly these (N, 4) boxes."""
    heat, boxes = np.zeros_like(trunk.person_heat), np.zeros_like(trunk.person_boxes)
    # Every second cell of every second row: peaks side by side would be taken for one.
    cells = tuple(2 * index for index in np.divmod(np.arange(len(planted)), heat.shape[1] // 2))
    heat[cells] = 1
    boxes[:, cells[0], cells[1]] = planted.T
    return replace(trunk, person_heat=heat, person_boxes=boxes)


class Side:
    """A loaded parser and one encoded photo."""

    def __init__(self, parser: Parser, photo: bytes, boxes: Sequence[Sequence[float]]) -> None:
        """Parse once, and plant the true boxes if that does not find as many people as there are.

        Args:
            parser: with the engine to measure.
            photo: an encoded image.
            boxes: true boxes of its people, in its pixels.

        Raises:
            InputError: not all people are parsed, even though their boxes are known.
        """
        self._parser, self._photo = parser, photo
        engine = parser.engine
        self.found = self._count(WatchedEngine(engine))
        self.planted = self.found != len(boxes)
        if self.planted:
            image = read_image(photo)
            long_side = long_side_of(engine.long_sides, parser.options)
            width = fit_image(image, long_side, engine.stride)[1][1]
            scaled = np.array(boxes, np.float32) * (width / image.shape[1])
            if self._count(WatchedEngine(engine, scaled)) != len(boxes):
                raise InputError(
                    f"people parsed must be {len(boxes)}, got {self._watched.parsed}. "
                    "Their boxes overlap too much: choose another --seed."
                )

    def _count(self, engine: WatchedEngine) -> int:
        self._parser.engine = self._watched = engine
        self._parser(self._photo)
        return engine.parsed

    def versions(self) -> dict[str, Any]:
        """Return what is measured."""
        passport = getattr(self._watched._engine, "passport", None)
        return {
            "versions": {"peopleparse": peopleparse.__version__, **_library_versions()},
            "engine": self._watched.description,
            "model": self._watched.name,
            "sha256": dict(passport.sha256) if passport else {},
            "detail": self._parser.options.detail,
            "persons_found": self.found,
            "true_boxes_planted": self.planted,
        }

    def photo(self) -> dict[str, Any]:
        """Parse the photo once: seconds in all, by kind, and the people that were parsed."""
        self._watched.parsed, timings = 0, dict[str, float]()
        start, cpu = perf_counter(), process_time()
        self._parser(self._photo, timings)
        seconds, cpu = perf_counter() - start, process_time() - cpu
        kinds = {kind: sum(timings.get(n, 0) for n in names) for kind, names in KINDS.items()}
        kinds[REST] = sum(timings.values()) - sum(kinds.values())
        return {
            "seconds": seconds,
            "cpu_seconds": cpu,
            "kinds": kinds,
            "steps": timings,
            "persons_parsed": self._watched.parsed,
        }

    def used(self) -> dict[str, Any]:
        """Return the processor time of all threads since the start of the process."""
        return {"cpu_seconds": process_time()}

    def end(self) -> dict[str, Any]:
        """Return the peak memory, and whether torch came in by some way."""
        return {"peak_bytes": peak_memory(), "torch_imported": "torch" in sys.modules}


def build(settings: Mapping[str, Any]) -> Side:
    """Load the network that the settings name."""
    if settings.get("spinning") is not None:
        _set_spinning(bool(settings["spinning"]))
    options = {key: settings[key] for key in ("model", "detail", "precision") if settings.get(key)}
    if settings.get("engine") == "torch":
        from peopleparse.training.from_export import build_torch_engine

        options["engine"] = build_torch_engine(options.pop("model", DEFAULT_MODEL))
    elif settings.get("engine"):
        options["engine"] = settings["engine"]
    return Side(Parser(**options), Path(settings["photo"]).read_bytes(), settings["boxes"])


def _library_versions() -> dict[str, str]:
    """Return the versions of the libraries that this process has imported and that matter."""
    names = {"onnxruntime": "onnxruntime", "openvino": "openvino", "torch": "torch"}
    names |= {"cv2": "opencv", "numpy": "numpy"}
    return {
        title: str(sys.modules[name].__version__).partition("-")[0]
        for name, title in names.items()
        if hasattr(sys.modules.get(name), "__version__")
    }


def _set_spinning(spinning: bool) -> None:
    """Have idle ONNX Runtime threads wait in a loop, or sleep, whoever makes the session."""
    import onnxruntime

    kind, entry = onnxruntime.SessionOptions, "session.intra_op.allow_spinning"

    class Settled(kind):  # type: ignore[misc, valid-type]
        def add_session_config_entry(self, key: str, value: str) -> None:
            super().add_session_config_entry(key, str(int(spinning)) if key == entry else value)

    def make_options() -> Any:
        options = Settled()
        options.add_session_config_entry(entry, "")
        return options

    onnxruntime.SessionOptions = make_options
