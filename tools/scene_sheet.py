"""Contact sheets of val scenes, best, middle and worst by score, to be looked at.

    python tools/scene_sheet.py DATA OUT [--model MODEL] [--scenes 60]

Scores the first scenes of both presets by average AP, strict, of each scene alone, and writes
OUT/best.png, middle.png and worst.png: on the left the truth, on the right what the network sees.
Scores stand in the captions and in OUT/scores.json. The sheets show other people's photographs:
look at them, do not pass them on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from peopleparse.data.files import write_file
from peopleparse.errors import PeopleparseError
from peopleparse.inference.engine import Engine
from peopleparse.inference.engines import build_engine
from peopleparse.inference.exported import DEFAULT_MODEL
from peopleparse.inference.pipeline import parse_image
from peopleparse.structures import ParsedPeople
from peopleparse.training.validate import SceneScores, ValidationSet
from peopleparse.viz import draw_overlay, draw_sheet

PRESETS = ("outdoor", "indoor")
THIRDS = ("best", "middle", "worst")
Tile = tuple[float, str, NDArray[np.uint8]]  # score, caption, picture


def draw_scene(found: ValidationSet, preset: str, index: int, engine: Engine) -> Tile:
    """Return one scene: truth and result side by side."""
    scene, scores = found.make_scene(preset, index), SceneScores()
    result = parse_image(engine, scene.image)
    scores.update(str(index), scene, result)
    value = scores.parts.compute().readings["strict"].average
    parsing, instances, _ = scene.annotation.flatten()
    known = parsing != scene.annotation.scheme.ignore_id
    truth = ParsedPeople.from_maps(
        np.where(known, parsing, 0).astype(np.uint8),
        np.where(known, instances, 0).astype(np.uint16),
        image=scene.image,
    )
    both = np.concatenate([draw_overlay(truth), draw_overlay(result)], axis=1)
    score = 0.0 if value is None or np.isnan(value) else float(value)
    return score, f"{preset} {index}: {100 * score:.0f}", both


def write_sheets(tiles: Sequence[Tile], out: Path) -> list[Path]:
    """Write three sheets of a third of the scenes each, best first; return their paths."""
    ordered = sorted(tiles, key=lambda tile: -tile[0])
    cuts, paths = np.array_split(np.arange(len(ordered)), len(THIRDS)), []
    for name, own in zip(THIRDS, cuts, strict=True):
        some = [ordered[i] for i in own]
        sheet = draw_sheet(
            [tile[2] for tile in some],
            columns=3,
            captions=[tile[1] for tile in some],
            tile_size=(256, 684),
        )
        encoded = cv2.imencode(".png", sheet[..., ::-1])[1].tobytes()
        paths.append(write_file(out / f"{name}.png", encoded))
    listed = {caption.split(":")[0]: round(score, 4) for score, caption, _ in ordered}
    return [*paths, write_file(out / "scores.json", (json.dumps(listed, indent=1) + "\n").encode())]


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and write the sheets."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--scenes", type=int, default=60, help="of both presets together")
    options = parser.parse_args(words)
    try:
        found = ValidationSet.read(options.data, 0, options.scenes // 2)
        engine = build_engine(options.engine, options.model)
        tiles = [
            draw_scene(found, preset, index, engine)
            for preset in PRESETS
            for index in range(found.scenes)
        ]
        for path in write_sheets(tiles, options.out):
            print(path)
    except PeopleparseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
