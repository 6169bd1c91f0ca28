"""A peer of benchmarks/engines.py: MediaPipe's selfie segmentation, from encoded bytes to a mask.

It does less than a parser: one mask of "somebody" for the whole photo, without persons or parts.
Needs mediapipe 0.10, the last versions whose wheel holds the weights of this network.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.harness import peak_memory


class Side:
    """A loaded network and one encoded photo."""

    def __init__(self, network: Any, photo: bytes, versions: Mapping[str, str]) -> None:
        self._network, self._photo, self._versions = network, photo, dict(versions)

    def versions(self) -> dict[str, Any]:
        """Return what is measured."""
        return {"versions": self._versions}

    def photo(self) -> dict[str, Any]:
        """Find the mask once: seconds in all and by kind."""
        import numpy as np
        from PIL import Image

        start, cpu = perf_counter(), process_time()
        image = np.asarray(Image.open(io.BytesIO(self._photo)).convert("RGB"))
        decoded = perf_counter() - start
        mask = self._network.process(image).segmentation_mask > 0.5
        seconds, cpu = perf_counter() - start, process_time() - cpu
        kinds = {"decoding": decoded, "network": seconds - decoded, "post-processing": 0.0}
        share = float(mask.mean())
        return {"seconds": seconds, "cpu_seconds": cpu, "kinds": kinds, "steps": {}, "share": share}

    def used(self) -> dict[str, Any]:
        """Return the processor time of all threads since the start of the process."""
        return {"cpu_seconds": process_time()}

    def end(self) -> dict[str, Any]:
        """Return the peak memory."""
        return {"peak_bytes": peak_memory()}


def build(settings: Mapping[str, Any]) -> Side:
    """Load the network for whole photos (model 0: 256 x 256)."""
    import mediapipe

    network = mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)
    versions = {"mediapipe": mediapipe.__version__}
    return Side(network, Path(settings["photo"]).read_bytes(), versions)
