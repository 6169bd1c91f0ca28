"""One engine of benchmarks/folder.py: alone on decoded arrays, and in a folder run."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import peopleparse
from benchmarks.harness import peak_memory
from peopleparse.inference import Parser, find_photos, parse_folder
from peopleparse.inference.image import read_image
from peopleparse.inference.pipeline import parse_image
from peopleparse.viz.save import encode_result

FORMATS = ("overlay", "png", "json")


class Side:
    """A loaded parser and a folder of photos."""

    def __init__(self, parser: Parser, photos: list[Path]) -> None:
        self._parser, self._photos = parser, photos
        # Repeated: what is measured is parsing and not reading memory that nothing else uses.
        self._arrays = [read_image(photo) for photo in photos[:50]]
        self._parse(0)

    def versions(self) -> dict[str, Any]:
        """Return what is measured."""
        engine = self._parser.engine
        return {
            "engine": getattr(engine, "description", type(engine).__name__),
            "model": engine.name,
            "detail": self._parser.options.detail,
            "peopleparse": peopleparse.__version__,
        }

    def alone(self) -> dict[str, Any]:
        """Parse as many decoded photos as there are files, fitted and all; write nothing."""
        return _timed(lambda: [self._parse(n) and None for n in range(len(self._photos))])

    def folder(self) -> dict[str, Any]:
        """Run `parse_folder` over the files, into a new folder."""
        with tempfile.TemporaryDirectory() as out:
            return _timed(lambda: parse_folder(self._parser, self._photos, out, FORMATS))

    def rest(self) -> dict[str, Any]:
        """Decode, encode and write some photos, one after the other; seconds are of one photo."""
        results = [self._parse(n) for n in range(len(self._arrays))]

        def work() -> None:
            for photo, result in zip(self._photos, results, strict=False):
                read_image(photo)
                for name, data in encode_result(result, photo.stem, FORMATS).items():
                    (Path(out) / name).write_bytes(data)

        with tempfile.TemporaryDirectory() as out:
            found = _timed(work)
        return {key: value / len(results) for key, value in found.items()}

    def memory(self) -> dict[str, Any]:
        """Run over a fifth of the files and then over all: peak memory after each."""
        self._arrays = self._arrays[:1]
        peaks = {}
        for count in (max(1, len(self._photos) // 5), len(self._photos)):
            with tempfile.TemporaryDirectory() as out:
                parse_folder(self._parser, self._photos[:count], out, FORMATS)
            peaks[str(count)] = peak_memory()
        return {"peak_bytes": peaks}

    def _parse(self, number: int) -> Any:
        image = self._arrays[number % len(self._arrays)]
        return parse_image(self._parser.engine, image, self._parser.options)


def build(settings: Mapping[str, Any]) -> Side:
    """Load the engine that the settings name."""
    names = ("model", "detail", "engine", "precision")
    options = {key: settings[key] for key in names if settings.get(key)}
    if options.get("engine") == "onnxruntime":  # the default
        del options["engine"]
    return Side(Parser(**options), find_photos([settings["photos"]]))


def _timed(work: Any) -> dict[str, Any]:
    start, cpu = perf_counter(), process_time()
    work()
    return {"seconds": perf_counter() - start, "cpu_seconds": process_time() - cpu}
