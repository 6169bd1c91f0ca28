"""A side of benchmarks/growth.py: a folder of photos through `parse_folder`, all of it at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import peopleparse
from benchmarks.harness import peak_memory
from peopleparse.inference import Parser, find_photos, parse_folder


class Side:
    """A loaded parser, and so many links to encoded photos."""

    def __init__(self, parser: Parser, photos: Path, count: int) -> None:
        self._parser, self._photos, self._count = parser, photos, count
        parser(next(photos.iterdir()))  # the first photo of a process is no measure of the others

    def versions(self) -> dict[str, Any]:
        """Return what is measured."""
        return {"versions": {"peopleparse": peopleparse.__version__}}

    def photo(self) -> dict[str, Any]:
        """Parse the whole folder once: seconds in all, and the photos written."""
        files = sorted(self._photos.iterdir())
        with tempfile.TemporaryDirectory() as name:
            source = Path(name) / "photos"
            source.mkdir()
            for index in range(self._count):
                os.link(files[index % len(files)], source / f"{index:05d}.jpg")
            start, cpu = perf_counter(), process_time()
            found = find_photos([source])
            report = parse_folder(self._parser, found, Path(name) / "parsed")
            seconds, cpu = perf_counter() - start, process_time() - cpu
        if report.failed:
            raise ValueError(next(iter(report.failed.values())))
        return {"seconds": seconds, "cpu_seconds": cpu, "written": len(report.written)}

    def end(self) -> dict[str, Any]:
        """Return the peak memory."""
        return {"peak_bytes": peak_memory()}


def build(settings: Mapping[str, Any]) -> Side:
    """Load the network that the settings name."""
    options = {"model": settings["model"]} if settings.get("model") else {}
    return Side(Parser(**options), Path(settings["photos"]), int(settings["count"]))
