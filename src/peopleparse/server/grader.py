"""The process that knows the truth. It never sees an archive, only labels that were checked.

    python -m peopleparse.server.grader FOLDER PARENT MEMORY SECONDS          labels in, outcome out
    python -m peopleparse.server.grader --pack FOLDER PARENT                  pack the truth

It has no network and writes no file but, with --pack, the packed truth.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import BinaryIO

from peopleparse.data.image_labels import ImageLabels
from peopleparse.server import sandbox
from peopleparse.server.benchmark_folder import read_benchmark
from peopleparse.server.frames import read_frame, unpack_labels
from peopleparse.server.scoring import grade_images
from peopleparse.server.truth import pack_truth


def main(arguments: list[str]) -> int:
    """Score labels, or pack the truth; return 0 where that was done."""
    if arguments[0] == "--pack":
        folder, parent = arguments[1:]
        sandbox.die_with(int(parent))
        sandbox.forbid_network()
        pack_truth(read_benchmark(folder))
        return 0
    folder, *numbers = arguments
    watcher, memory, seconds = map(int, numbers)
    sandbox.die_with(watcher)
    sandbox.limit_resources(memory, seconds)
    sandbox.forbid_network()
    benchmark = read_benchmark(folder)
    grades = grade_images(benchmark, _receive(sys.stdin.buffer))
    if grades.count == len(benchmark.images):  # else the archive was refused on the way
        json.dump(grades.outcome().to_dict(), sys.stdout, allow_nan=False)
    return 0


def _receive(stream: BinaryIO) -> Iterator[tuple[str, ImageLabels | None]]:
    while (frame := read_frame(stream)) is not None:
        head, body = frame
        yield head["id"], unpack_labels(head, body)


def run(arguments: list[str]) -> int:
    """As `main`; what goes wrong is told by its kind and place, for texts may name images."""
    try:
        return main(arguments)
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""
        print(f"grader: {type(error).__name__} in {where}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
