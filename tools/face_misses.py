"""Why faces of composed scenes are missed: what the detector saw, and what became of it.

    python tools/face_misses.py count DATA [--split val]
    python tools/face_misses.py write-docs

`count` sorts every true face of the scenes by what happened to it, by its size as the network sees
it and by whether the truth is more than a face, and writes benchmarks/results/face_misses.json;
`write-docs` puts that into docs/model_card.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peopleparse.data.files import write_file
from peopleparse.data.scenes import PRESETS, Scene
from peopleparse.inference.detect import find_boxes
from peopleparse.inference.engine import Engine, Floats
from peopleparse.inference.engines import build_engine
from peopleparse.inference.exported import DEFAULT_MODEL
from peopleparse.inference.pipeline import (
    LEAST_FACE,
    Options,
    fit_image,
    long_side_of,
    parse_image,
)
from peopleparse.metrics import box_iou
from peopleparse.training.validate import ValidationSet
from tools.write_model_card import CARD, RESULTS, fill

OUT = RESULTS / "face_misses.json"
SCENES = 100  # of each preset
FAINTEST = 0.03  # probability of a face that the detector gives at all
FATES = {
    "found": "found, IoU at least .5",
    "dropped": "seen as well as that, but no person of the result has it",
    "faint": f"a right box, but with a probability below {LEAST_FACE:g}",
    "off": "a box with IoU .3 to .5",
    "unseen": "no box near it",
}
SIZES = {12: "under 12", 20: "12 to 20", 32: "20 to 32", 1 << 20: "32 and more"}
# Val people whose face, as the rule of data/ccp_gps.py makes it, takes in a hand or an arm, the
# shoulders or the chest: all 109 looked at, one by one. People to train were not.
WIDE = frozenset(
    "0017 0161 0401 0408 0425 0545 0570 0586 0592 0685 0728 0738 0781 0825 0846 0875".split()
)
NARROW = "true face no more than face and neck"


def list_fates(engine: Engine, scene: Scene) -> list[tuple[str, tuple[str, ...]]]:
    """Return what became of each true face of a scene, by `FATES`, and the columns it counts in."""
    options = Options()
    canvas, size = fit_image(scene.image, long_side_of(engine.long_sides, options), engine.stride)
    scale = np.float32(size[1] / scene.image.shape[1])
    trunk = engine.trunk(canvas)
    seen, heats = find_boxes(trunk.face_heat, trunk.face_boxes, size, FAINTEST, options.nms_iou)
    people = parse_image(engine, scene.image, options).people
    boxes = [person.face_box * scale for person in people if person.face_box is not None]
    shown = np.array(boxes, np.float32).reshape(-1, 4)
    faces = [
        (face * scale, photo_id)
        for face, photo_id in zip(scene.annotation.face_boxes, scene.photo_ids, strict=True)
        if face is not None
    ]
    return [
        (_fate(face, shown, seen, heats), (_size(face), *[NARROW] * (photo_id not in WIDE)))
        for face, photo_id in faces
    ]


def _fate(face: Floats, shown: Floats, seen: Floats, heats: Floats) -> str:
    if box_iou(face[None], shown).max(initial=0) >= 0.5:
        return "found"
    overlap = box_iou(face[None], seen)[0]
    right = overlap >= 0.5
    if right.any():
        return "dropped" if heats[right].max() >= LEAST_FACE else "faint"
    return "off" if overlap.max(initial=0) >= 0.3 else "unseen"


def _size(face: Floats) -> str:
    side = float(np.sqrt(np.prod(face[2:] - face[:2])))
    return next(words for most, words in SIZES.items() if side < most)


def count_fates(engine: Engine, found: ValidationSet) -> dict[str, Any]:
    """Return, by preset, how many faces of each column had each fate."""
    counts: dict[str, Any] = {}
    for preset in PRESETS:
        fates = Counter(
            (fate, column)
            for i in range(found.scenes)
            for fate, columns in list_fates(engine, found.make_scene(preset, i))
            for column in columns
        )
        counts[preset] = {
            column: {name: fates[name, column] for name in FATES}
            for column in (*SIZES.values(), NARROW)
        }
    return counts


def table_lines(found: Mapping[str, Any]) -> list[str]:
    """Return a row a fate and a column a size, in per cent of the faces of both presets."""
    columns = ["all", *SIZES.values(), NARROW]
    counts = {
        column: sum((Counter(found["counts"][p][column]) for p in PRESETS), Counter[str]())
        for column in columns[1:]
    }
    counts["all"] = sum((counts[size] for size in SIZES.values()), Counter[str]())
    totals = {column: sum(counts[column].values()) for column in columns}
    lines = [
        f"On {found['scenes']} {found['split']} scenes of each preset, in per cent of the faces; "
        "sides in pixels as the network sees them:",
        "",
        f"| what became of a face | {' | '.join(columns)} |",
        "|---|" + "---|" * len(columns),
        f"| faces | {' | '.join(str(totals[column]) for column in columns)} |",
    ]
    for name, words in FATES.items():
        cells = [
            f"{100 * counts[column][name] / totals[column]:.1f}" if totals[column] else "-"
            for column in columns
        ]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    count = commands.add_parser("count", help="look at every face, and write the counts")
    count.add_argument("data", type=Path)
    count.add_argument("--model", default=DEFAULT_MODEL)
    count.add_argument("--split", choices=["val", "train"], default="val")
    count.add_argument("--scenes", type=int, default=SCENES)
    count.add_argument("--out", type=Path, default=OUT)
    commands.add_parser("write-docs", help="write the table of docs/model_card.md")
    options = parser.parse_args(argv)
    if options.command == "write-docs":
        lines = table_lines(json.loads(OUT.read_text()))
        write_file(CARD, fill(CARD.read_text(), "faces", lines).encode())
        return 0
    engine = build_engine(model=options.model)
    counts = count_fates(engine, ValidationSet.read(options.data, 0, options.scenes, options.split))
    found = {"scenes": options.scenes, "split": options.split, "counts": counts}
    write_file(options.out, (json.dumps(found, indent=2) + "\n").encode())
    print("\n".join(table_lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
