"""GPSNet on OpenVINO: the same two graphs, also in BF16 and INT8 where the processor has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, ModelError
from peopleparse.inference.engine import Floats, Trunk
from peopleparse.inference.exported import (
    DEFAULT_MODEL,
    ROI_INPUTS,
    ExportedEngine,
    describe,
    make_trunk,
)
from peopleparse.inference.openvino_graph import join_quantising, pool_by_products, split_sampling
from peopleparse.inference.passport import Passport


class OpenVinoEngine(ExportedEngine):
    """An exported network with its passport; see `Engine` for the two calls.

    Sizes stay open: the first photo of a new size takes about twice the time of the next. A graph
    compiled for each size would take the time of several once and save a few per cent afterwards.
    Nothing is kept on the disk. The two calls may be made from several threads.
    """

    def __init__(
        self,
        model: str | Path | Passport = DEFAULT_MODEL,
        threads: int | None = None,
        precision: str = "auto",
    ) -> None:
        """Load a network and check that its files are the ones its passport speaks of.

        Args:
            model: name of a shipped network, folder of an exported one, or its JSON passport.
            threads: processor threads; None for all that this process may use.
            precision: f32, bf16, int8 (a quantised network), or auto: int8 for a quantised
                network, else bf16 where the processor has it, else f32.

        Raises:
            ModelError: the network is missing, was changed, or is no peopleparse export.
            InputError: OpenVINO is not installed, threads is below 1, or the processor or the
                network does not have the precision.
        """
        super().__init__(model, threads)
        self._openvino = import_openvino()
        core = self._openvino.Core()
        self.precision = choose_precision(precision, self.passport)
        # A quantised network calculates in f32 what it does not in int8.
        self._hint = "bf16" if self.precision == "bf16" else "f32"
        trunk, rois = (self._read(core, self.passport.path(part)) for part in ("trunk", "rois"))
        self._outputs = [entry.any_name for entry in trunk.outputs]
        self._inputs = [entry.any_name for entry in rois.inputs]
        self.check_names(self._outputs, self._inputs)
        for graph in (trunk, rois):
            join_quantising(graph)
        pool_by_products(rois)
        sampling, people = split_sampling(rois, ROI_INPUTS)
        self._trunk = self._compile(core, trunk, self._hint)
        # Where a grid lies is told to fractions of a pixel: bf16 has too few digits for that.
        self._sampling = sampling and self._compile(core, sampling, "f32")
        self._rois = self._compile(core, people, self._hint)

    @property
    def description(self) -> str:
        """Library, precision and threads in words."""
        library = f"OpenVINO {self._openvino.__version__.split('-')[0]}"
        return describe(library, self.precision, self.threads)

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """See `Engine.trunk`."""
        values = self._trunk({"image": np.ascontiguousarray(image)[None]})
        return make_trunk(values, {name: values[name] for name in self._inputs if name in values})

    def rois(
        self, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> Floats:
        """See `Engine.rois`."""
        people = dict(zip(ROI_INPUTS, (boxes, faces, has_face), strict=True))
        feed = {**trunk.tensors, **{k: np.ascontiguousarray(v) for k, v in people.items()}}
        if self._sampling:
            feed |= self._sampling(feed)
        return self._rois(feed)["logits"]

    def _read(self, core: Any, path: Path) -> Any:
        try:
            return core.read_model(str(path))
        except Exception as error:  # OpenVINO raises RuntimeError, and others
            raise self._not_loaded(error, path) from error

    def _compile(self, core: Any, graph: Any, hint: str) -> _Graph:
        settings = {
            # Always said: left out, OpenVINO takes bf16 wherever the processor has it.
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT": "LATENCY",
            # Several processes would all be pinned to the same first cores.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            return _Graph(graph, core.compile_model(graph, "CPU", settings))
        except Exception as error:
            raise self._not_loaded(error, self.passport.folder) from error

    def _not_loaded(self, error: Exception, path: Path) -> ModelError:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
        return ModelError(
            f"weight file must be a graph that OpenVINO {self._openvino.__version__} can load, "
            f"got '{reason}', at {path}. Update openvino or export the model again."
        )


class _Graph:
    """A compiled graph; each thread that calls takes an idle request, or a new one."""

    def __init__(self, graph: Any, compiled: Any) -> None:
        self._compiled, self._idle = compiled, list[Any]()
        # Of the graph, in order: compiled, an input has the names of what was merged into it, too.
        self._inputs = [entry.any_name for entry in graph.inputs]
        self._outputs = [entry.any_name for entry in graph.outputs]

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            # Inputs are lent, outputs are copied: the request writes over them the next time.
            inputs = {index: feed[name] for index, name in enumerate(self._inputs)}
            request.infer(inputs, share_inputs=True)
            return {
                name: np.array(request.get_output_tensor(index).data)
                for index, name in enumerate(self._outputs)
            }
        finally:
            self._idle.append(request)


def import_openvino() -> Any:
    """Return the library.

    Raises:
        InputError: it is not installed, or does not work.
    """
    try:
        import openvino
    except ImportError as error:
        raise InputError(
            f"engine openvino must have its library, got '{error}'. "
            "Install it: pip install 'peopleparse[openvino]'"
        ) from error
    return openvino


def has_bf16() -> bool:
    """Return whether OpenVINO calculates in bf16 on this processor.

    Raises:
        InputError: OpenVINO is not installed.
    """
    return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def choose_precision(precision: str, passport: Passport) -> str:
    """Return the precision that auto stands for; any other as it is.

    Raises:
        InputError: the processor or the network does not have it.
    """
    if passport.precision == "int8" or precision == "int8":
        check_weights(precision, passport)
        return "int8"
    if precision == "bf16" and not has_bf16():
        raise InputError(
            "precision must be f32 or int8 on this processor, got bf16, which it does not have. "
            "Use precision auto."
        )
    if precision == "auto":
        return "bf16" if has_bf16() else "f32"
    return precision


def check_weights(precision: str, passport: Passport) -> None:
    """Check that a precision can be had from a network's weights.

    Raises:
        InputError: the weights are int8 and the precision is not, or the other way round.
    """
    if precision == "auto" or (precision == "int8") == (passport.precision == "int8"):
        return
    if precision == "int8":
        raise InputError(
            f"precision must be f32 or bf16 for network {passport.name}, got int8, and it is not "
            "quantised. Quantise it: peopleparse quantize PHOTOS FOLDER, then take that folder."
        )
    raise InputError(
        f"precision must be int8 or auto for the quantised network {passport.name}, got "
        f"{precision}. Take the network that it was made from."
    )
