"""Count which people the shipped network finds by how tall it sees them, for docs/crowds.md.

    python tools/count_small_people.py --data DATA
    python tools/count_small_people.py --data DATA --write-docs

Scenes composed of photos that were never trained on are shown in several sizes; DATA holds ccp/ and
backgrounds/. A person counts as found if a box overlaps theirs by more than half, and takes part if
nobody else's box overlaps theirs by more than a tenth. The second form writes the table into the
page, between its markers.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from peopleparse.data.files import write_file
from peopleparse.data.people import read_backgrounds, read_portraits
from peopleparse.data.scenes import INDOOR, SceneMaker
from peopleparse.inference import OnnxEngine, Options
from peopleparse.inference.detect import box_iou
from peopleparse.inference.pipeline import find_people, fit_image

PAGE = Path(__file__).resolve().parent.parent / "docs" / "crowds.md"
BEGIN, END = "<!-- small people: begin -->", "<!-- small people: end -->"
WIDTH, HEIGHT = 640, 480
SIDES = (512, 384, 256, 160, 128, 96, 64)
HEIGHTS = (32, 48, 64, 80, 128, 512)
SEED = 7


def count_people(data: Path, scenes: int) -> list[tuple[int, int]]:
    """Return how many people there are, and how many are found, between two `HEIGHTS` each."""
    maker = SceneMaker(
        read_portraits(data / "ccp", "val"), read_backgrounds(data / "backgrounds", "val")
    )
    engine = OnnxEngine(threads=1)
    counts = np.zeros((len(HEIGHTS) - 1, 2), int)
    for index in range(scenes):
        scene = maker.make((SEED, index), INDOOR, WIDTH, HEIGHT)
        boxes = scene.annotation.boxes
        near = box_iou(boxes, boxes)
        np.fill_diagonal(near, 0)
        boxes = boxes[near.max(axis=1, initial=0) <= 0.1]
        for side in SIDES:
            size = side, side * HEIGHT // WIDTH
            image = cv2.resize(scene.image, size, interpolation=cv2.INTER_AREA)
            canvas, seen = fit_image(np.asarray(image, np.uint8), side, engine.stride)
            found = find_people(engine.trunk(canvas), seen, Options())[0]
            scaled = boxes * np.float32(side / WIDTH)
            hits = box_iou(scaled, found).max(axis=1, initial=0) > 0.5
            rows = np.digitize(scaled[:, 3] - scaled[:, 1], HEIGHTS) - 1
            for row, hit in zip(rows.tolist(), hits.tolist(), strict=True):
                if 0 <= row < len(counts):
                    counts[row] += 1, hit
    return [(int(people), int(found)) for people, found in counts]


def table_lines(counts: Sequence[tuple[int, int]]) -> list[str]:
    """Return the table."""
    lines = ["| height as the network sees it | people | found |", "| --- | --- | --- |"]
    spans = zip(HEIGHTS, HEIGHTS[1:], counts, strict=False)
    for low, high, (people, found) in spans:
        share = f"{found / people:.0%}" if people else "-"
        lines.append(f"| {low} to {high} pixels | {people} | {share} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, count, and print or write."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--scenes", type=int, default=24)
    options.add_argument("--write-docs", action="store_true")
    chosen = options.parse_args(arguments)
    table = "\n".join(table_lines(count_people(chosen.data, chosen.scenes)))
    print(table)
    if chosen.write_docs:
        page = PAGE.read_text()
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        write_file(PAGE, f"{before}{BEGIN}\n{table}\n{END}{after}".encode())


if __name__ == "__main__":
    main()
