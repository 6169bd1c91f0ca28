"""Compare the challenge's factors with how people were drawn and composed.

    python tools/check_factors.py --data DATA
    python tools/check_factors.py

DATA holds ccp/ and backgrounds/: scenes are composed of people of its validation split, and the
tags that their truth maps get are compared with what the scene maker did. Without it only drawn
people are measured. Writes benchmarks/results/factors.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from peopleparse.data.files import write_file  # noqa: E402
from peopleparse.data.people import read_backgrounds, read_portraits  # noqa: E402
from peopleparse.data.scenes import PRESETS, Placed, SceneMaker  # noqa: E402
from peopleparse.evaluation.challenge import Tags, tag_people  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.metrics.factors import regions_of  # noqa: E402
from tests.evaluation.challenge_people import CROPS, Known, make_covered, make_cropped  # noqa: E402

RESULT = REPO / "benchmarks" / "results" / "factors.json"
SCHEMES = ("gps", "lip", "cihp", "mhp-v2")
FACTORS: dict[str, Callable[[Tags], object]] = {
    "occlusion": lambda tags: tags.occluded,
    "body": lambda tags: tags.body,
    "head missed": lambda tags: tags.head_missed,
    "view": lambda tags: tags.view,
}
IN_FRAME = 0.02  # of a region's pixels: the frame holds it


class Agreement:
    """Counts how often tag and knob are equal, factor by factor."""

    def __init__(self) -> None:
        self.persons, self.pairs = Counter[str](), Counter[tuple[str, str]]()

    def add(self, factor: str, knob: object, tag: object) -> None:
        """Count one person."""
        self.persons[factor] += 1
        self.pairs[factor, f"{knob} tagged {tag}"] += knob != tag

    def to_dict(self) -> dict[str, Any]:
        """Return the share of equal ones of each factor, and the others one by one."""
        found = {}
        for factor, count in self.persons.items():
            wrong = {w: n for (f, w), n in sorted(self.pairs.items()) if f == factor and n}
            equal = round(1 - sum(wrong.values()) / count, 4)
            found[factor] = {"persons": count, "equal": equal, "unequal": wrong}
        return found


def measure_drawn(make: Callable[..., Known], count: int, seed: int) -> dict[str, Any]:
    """Return the agreement on `count` drawn images a scheme."""
    found = Agreement()
    for place, name in enumerate(SCHEMES):
        rng, scheme = np.random.default_rng((seed, place)), get_scheme(name)
        for _ in range(count):
            known = make(scheme, rng)
            for tags, truth in zip(tag_people(known.parsings, scheme), known.tags, strict=True):
                for factor, of in FACTORS.items():
                    found.add(factor, of(truth), of(tags))
    return found.to_dict()


def measure_composed(data: Path, count: int, seed: int) -> dict[str, Any]:
    """Return the agreement on `count` composed scenes of each kind."""
    maker = SceneMaker(
        read_portraits(data / "ccp", "val"), read_backgrounds(data / "backgrounds", "val")
    )
    report: dict[str, Any] = {"people": len(maker.portraits), "scenes": count, "seed": seed}
    for name, preset in PRESETS.items():
        found = Agreement()
        for number in range(count):
            scene = maker.make((seed, number), preset)
            truth = scene.annotation
            every = zip(
                tag_people(truth.parsings, truth.scheme), scene.placed, scene.occluded, strict=True
            )
            for tags, placed, occluded in every:
                body, head_missed = read_knobs(placed)
                found.add("occlusion", occluded, tags.occluded)
                found.add("body", body, tags.body)
                found.add("head missed", head_missed, tags.head_missed)
        report[name] = found.to_dict()
    return report


def read_knobs(placed: Placed) -> tuple[str, bool]:
    """Return what the frame left of a person's body, and whether it took the head."""
    shown = {}
    for kind, ids in regions_of(get_scheme("gps").names).items():
        whole, kept = placed.whole[list(ids)].sum(), placed.in_frame[list(ids)].sum()
        shown[kind] = kept > 0 and kept >= IN_FRAME * whole
    if shown["upper"] and shown["feet"]:
        body = "full body"
    elif shown["upper"]:
        body = "cut above the feet" if shown["lower"] else "upper body"
    else:
        body = "lower body" if shown["lower"] or shown["feet"] else "neither"
    return body, not shown["head"]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with ccp/ and backgrounds/")
    parser.add_argument("--count", type=int, default=100, help="drawn images; scenes of a kind")
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args()
    drawn = {
        crop: measure_drawn(lambda s, r, c=crop: make_cropped(c, s, r), given.count, given.seed)
        for crop in CROPS
    }
    drawn["one before the other"] = measure_drawn(make_covered, given.count, given.seed)
    result: dict[str, Any] = {
        "command": "python tools/check_factors.py --data DATA",
        "seed": given.seed,
        "schemes": list(SCHEMES),
        "drawn": drawn,
    }
    if given.data:
        result["composed"] = measure_composed(given.data, given.count, given.seed)
    text = json.dumps(result, indent=1)
    write_file(RESULT, (text + "\n").encode())
    print(text)


if __name__ == "__main__":
    main()
