"""Draw docs/images/factors.png: a drawn person of each challenge factor, and the thresholds.

python tools/draw_factors.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from peopleparse.evaluation.challenge import FACE, SHOWN, Tags, tag_people  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.metrics.factors import regions_of  # noqa: E402
from peopleparse.viz import draw_sheet  # noqa: E402
from peopleparse.viz.text import draw_text  # noqa: E402
from tests.evaluation.challenge_people import make_covered, make_cropped  # noqa: E402

PICTURE = REPO / "docs" / "images" / "factors.png"
GPS = get_scheme("gps")
INK, PAPER = (29, 29, 31), (250, 250, 250)
SIZE = 14
_ALL = cv2.CHAIN_APPROX_NONE


def draw_people(parsings: NDArray[np.uint8], lines: list[str]) -> NDArray[np.uint8]:
    """Draw label maps on grey, and lines of text below them."""
    parsing = parsings.max(axis=0)
    picture = GPS.palette[parsing].copy()
    picture[parsing == 0] = (232, 232, 228)
    for one in parsings:
        outline = cv2.findContours((one > 0).astype(np.uint8), cv2.RETR_EXTERNAL, _ALL)[0]
        cv2.drawContours(picture, outline, -1, INK, 2)
    words = np.full((round(1.6 * SIZE) * len(lines) + 8, picture.shape[1], 3), PAPER, np.uint8)
    for n, line in enumerate(lines):
        size = round(1.3 * SIZE) if n == 0 else SIZE
        draw_text(words, line, 2, round(1.6 * SIZE * (n + 0.5)) + 4, size, INK)
    return np.concatenate([picture, words])


def find_one(crop: str, wanted: dict[str, object]) -> tuple[NDArray[np.uint8], Tags]:
    """Return the first drawn person of a crop whose tags are as wanted."""
    rng = np.random.default_rng(5)
    while True:
        known = make_cropped(crop, GPS, rng)
        tags = tag_people(known.parsings, GPS)[0]
        if all(getattr(tags, name) == value for name, value in wanted.items()):
            return known.parsings, tags


def share(parsing: NDArray[np.uint8], kind: str) -> float:
    """Return the share of a person's pixels that a region has."""
    return float(np.isin(parsing, regions_of(GPS.names)[kind]).sum() / (parsing > 0).sum())


def main() -> None:
    """Draw the figure."""
    least = f"{100 * SHOWN:g} %"
    tiles = []
    wanted: list[tuple[str, dict[str, object], tuple[str, ...]]] = [
        ("full body", {"body": "full body", "view": "front"}, ("upper", "feet")),
        ("upper body", {"body": "upper body", "view": "front"}, ("upper", "lower")),
        ("lower body", {"body": "lower body"}, ("upper", "lower", "feet")),
        ("head missed", {"head_missed": True, "body": "full body"}, ("head",)),
    ]
    for crop, conditions, kinds in wanted:
        parsings, _ = find_one(crop, conditions)
        shares = ", ".join(f"{kind} {100 * share(parsings[0], kind):.1f} %" for kind in kinds)
        lines = [crop, f"of it: {shares}", f"a region is shown from {least} on", ""]
        tiles.append(draw_people(parsings, lines))
    parsings, _ = find_one("full body", {"view": "back"})
    lines = ["back view", f"hair, and face under {100 * FACE:g} % of hair and face;"]
    lines += ["without a head: left limbs left of right ones", ""]
    tiles.append(draw_people(parsings, lines))
    known = make_covered(GPS, np.random.default_rng(1))
    lines = ["occlusion (of the one behind)", "two touch, and the other has more of: a wide"]
    lines += [
        "angle where both meet the background, low end,",
        "size, pixels in the hull of this one",
    ]
    tiles.append(draw_people(known.parsings, lines))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    sheet = draw_sheet(tiles, 3, None, tiles[0].shape[:2])
    Image.fromarray(sheet).quantize(128).save(PICTURE, optimize=True)
    print(PICTURE)


if __name__ == "__main__":
    main()
