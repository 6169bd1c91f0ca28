"""Print what share of the processor time of one photo each step of parsing takes, on one thread.

    python tools/profile_parse.py photo.jpg
    python tools/profile_parse.py photo.jpg --engine openvino --tiles 3

Processor time is counted, not time by the clock, so that a busy machine changes little. Without a
photo a drawn scene of five people is parsed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import process_time

import cv2

from peopleparse.inference import Parser
from peopleparse.inference import parser as parser_module
from peopleparse.inference import pipeline as pipeline_module
from peopleparse.viz import draw_scene

NETWORK = ("trunk", "rois")
PERSONS = 5


def measure(parser: Parser, photo: bytes, repeats: int) -> dict[str, float]:
    """Return the median processor time in seconds of each step, and of all together as `all`."""
    # The steps are timed where they are taken; here they are to read the processor's clock.
    clocks = [(module, module.perf_counter) for module in (parser_module, pipeline_module)]
    for module, _ in clocks:
        module.perf_counter = process_time
    try:
        rows = []
        for _ in range(repeats + 2):
            steps: dict[str, float] = {}
            start = process_time()
            parser(photo, steps)
            rows.append({**steps, "all": process_time() - start})
    finally:
        for module, clock in clocks:
            module.perf_counter = clock
    return {name: median(row[name] for row in rows[2:]) for name in rows[-1]}


def report(seconds: dict[str, float]) -> list[str]:
    """Return the lines of the table: share of each step, of the network, and of the rest."""
    total = seconds["all"]
    lines = [f"{name:8} {value / total:6.1%}" for name, value in seconds.items() if name != "all"]
    network = sum(seconds[name] for name in NETWORK)
    rest = (total - network) / network
    return [*lines, f"network  {network / total:6.1%}; the rest is {rest:.2f} of it"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("photo", nargs="?", type=Path)
    options.add_argument("--engine", default="onnxruntime")
    options.add_argument("--precision", default="auto")
    options.add_argument("--detail", default="normal")
    options.add_argument("--tiles", type=int, default=1)
    options.add_argument("--repeats", type=int, default=30)
    chosen = options.parse_args(arguments)
    cv2.setNumThreads(1)
    parser = Parser(
        detail=chosen.detail, threads=1, engine=chosen.engine, precision=chosen.precision
    )
    parser.options = replace(parser.options, tiles=chosen.tiles)
    if chosen.photo is None:
        image = draw_scene(PERSONS).image
        assert image is not None
        photo = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    else:
        photo = chosen.photo.read_bytes()
    people = len(parser(photo))
    print(f"{getattr(parser.engine, 'description', parser.engine.name)}: {people} people")
    print("\n".join(report(measure(parser, photo, chosen.repeats))))


if __name__ == "__main__":
    main()
