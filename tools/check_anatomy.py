"""Measure the anatomy auditor on drawn people with planted faults and on people without any.

    python tools/check_anatomy.py --truth scenes/indoor --truth scenes/outdoor --truth ccp_train
    python tools/check_anatomy.py --write-picture

The first form writes benchmarks/results/anatomy.json. --truth names GPS folders of annotated
people, such as `peopleparse scenes make` and `peopleparse data convert-ccp` write; without any,
only drawn people are measured. The second form draws docs/images/anatomy.png, one panel a kind of
fault.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from peopleparse.cli.audit import draw_finding, read_people  # noqa: E402
from peopleparse.data.files import write_file  # noqa: E402
from peopleparse.data.formats import open_labels  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.metrics.anatomy import KINDS, AnatomyFaults, audit_people  # noqa: E402
from peopleparse.viz import draw_sheet  # noqa: E402
from tests.metrics.anatomy_people import (  # noqa: E402
    SCHEMES,
    make_clean_group,
    make_faulty,
)

RESULT = REPO / "benchmarks" / "results" / "anatomy.json"
PICTURE = REPO / "docs" / "images" / "anatomy.png"
TITLES = {
    "wrong_side": "arm on the wrong side",
    "wrong_join": "joined to a wrong part",
    "twin_parts": "two of one side",
    "floating_limb": "floating limb",
    "two_heads": "two heads",
    "legs_above_head": "legs above the head",
}


def measure_planted(kind: str, count: int, seed: int) -> dict[str, Any]:
    """Return how many of `count` persons a scheme with a planted fault are found, by scheme."""
    found, other = Counter[str](), Counter[str]()
    for place, name in enumerate(SCHEMES):
        rng, scheme = np.random.default_rng((seed, KINDS.index(kind), place)), get_scheme(name)
        for _ in range(count):
            kinds = {f.kind for f in audit_people(make_faulty(kind, scheme, rng)[None], scheme)}
            found[name] += kind in kinds
            other.update(kinds - {kind})
    total = count * len(SCHEMES)
    rows = {name: found[name] for name in SCHEMES}
    recall = round(sum(rows.values()) / total, 4)
    return {"persons": total, "recall": recall, "found": rows, "other_kinds": dict(other)}


def measure_clean(count: int, seed: int) -> dict[str, Any]:
    """Return the faults found on `count` drawn groups a scheme without any."""
    persons, faulty = 0, Counter[str]()
    for place, name in enumerate(SCHEMES):
        rng, scheme = np.random.default_rng((seed, 99, place)), get_scheme(name)
        faults = AnatomyFaults(scheme)
        for n in range(count):
            faults.update(str(n), make_clean_group(scheme, rng))
        scores = faults.compute()
        persons += scores.persons - scores.unjudged
        faulty.update(scores.faults | {"any": scores.faulty})
    rate = round(100 * faulty["any"] / persons, 3)
    return {"judged_persons": persons, "faults": dict(faulty), "faulty_per_hundred": rate}


def measure_truth(folder: Path) -> dict[str, Any]:
    """Return the faults found in a GPS folder, with its recipe."""
    source = open_labels(folder)
    faults = AnatomyFaults(source.scheme)
    findings = []
    for image_id in source.ids:
        found = faults.update(image_id, read_people(source, image_id))
        findings += [f"{image_id}: {finding.text}" for finding in found]
    recipe = folder / "scenes.json"
    about = json.loads(recipe.read_text(encoding="utf-8")) if recipe.is_file() else {}
    kept = {key: about[key] for key in ("split", "seed", "sha256") if key in about}
    return {"recipe": kept, **faults.compute().to_dict(), "findings": findings}


def write_picture() -> None:
    """Draw one found example of each kind."""
    scheme, tiles, captions = get_scheme("gps"), [], []
    for kind in KINDS:
        rng = np.random.default_rng(7)
        while True:
            person = make_faulty(kind, scheme, rng)
            tall = np.ptp(np.nonzero(person)[0]) > 190
            found = [f for f in audit_people(person[None], scheme) if f.kind == kind]
            if found and tall and (person == scheme.id_of("face")).any():
                break
        tiles.append(draw_finding(person, scheme, found[0]))
        captions.append(TITLES[kind])
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_sheet(tiles, 6, captions, (300, 230))).save(PICTURE, optimize=True)
    print(PICTURE)


def main() -> None:
    """Measure and write, or draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--count", type=int, default=60, help="persons a kind and scheme")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write-picture", action="store_true")
    given = parser.parse_args()
    if given.write_picture:
        write_picture()
        return
    result = {
        "command": "python tools/check_anatomy.py",
        "seed": given.seed,
        "schemes": list(SCHEMES),
        "planted": {kind: measure_planted(kind, given.count, given.seed) for kind in KINDS},
        "clean_drawn": measure_clean(given.count, given.seed),
        "truth": {path.name: measure_truth(path) for path in given.truth},
    }
    text = json.dumps(result, indent=1)
    write_file(RESULT, (text + "\n").encode())
    print(text)


if __name__ == "__main__":
    main()
