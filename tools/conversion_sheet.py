"""Draw photos beside their GPS parts, to see how often the Clothing Co-Parsing conversion fails.

python tools/conversion_sheet.py CCP_ROOT OUT [--count 120] [--seed 0] [--a-sheet 24]

Writes OUT/sheet_01.png and on; the captions are photo ids, so a failure can be named. The sheets
show other people's photographs: look at them, do not pass them on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.ccp import CcpDataset
from peopleparse.data.ccp_gps import convert_garments, looks_away
from peopleparse.data.files import write_file
from peopleparse.data.splits import split_of
from peopleparse.errors import InputError, PeopleparseError
from peopleparse.labels import get_scheme
from peopleparse.viz import blend, draw_sheet

TILE = (396, 528)  # photo and map side by side, 2:3 each


def choose_ids(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """Draw photo ids without putting back, sorted."""
    if not 1 <= count <= len(ids):
        raise InputError(f"count must be 1 to {len(ids)}, got {count}. Choose another.")
    return sorted(np.random.default_rng(seed).choice(list(ids), count, replace=False).tolist())


def draw_conversion(image: NDArray[np.uint8], parsing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the photo and, on its right, the photo under its parts; ignored pixels are white."""
    shown = image.copy()
    person = parsing > 0
    shown[person] = blend(image[person], get_scheme("gps").palette[parsing[person]], 0.75)
    return np.concatenate([image, shown], axis=1)


def draw_sheets(root: Path, out: Path, count: int, seed: int, a_sheet: int) -> list[Path]:
    """Write the sheets and return their paths."""
    dataset = CcpDataset(root)
    ids = choose_ids(dataset.parsed_ids, count, seed)
    paths = []
    for start in range(0, len(ids), a_sheet):
        tiles, captions = [], []
        for photo_id in ids[start : start + a_sheet]:
            garments = dataset.read_garments(photo_id)
            if not garments.any():
                continue  # a map that shows nobody is never converted
            parsing = convert_garments(garments)
            tiles.append(draw_conversion(dataset.read_photo(photo_id), parsing))
            away = ", seen from the back" if looks_away(parsing) else ""
            captions.append(f"{photo_id} {split_of(photo_id)}{away}")
        sheet = draw_sheet(tiles, columns=4, captions=captions, tile_size=TILE)
        paths.append(out / f"sheet_{start // a_sheet + 1:02d}.png")
        write_file(paths[-1], cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())
    return paths


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder with photos/ and annotations/")
    parser.add_argument("out", type=Path, help="folder for the sheets; made where missing")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--a-sheet", type=int, default=24)
    given = parser.parse_args(words)
    try:
        paths = draw_sheets(given.root, given.out, given.count, given.seed, given.a_sheet)
    except PeopleparseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print("\n".join(str(path) for path in paths))
    return 0


if __name__ == "__main__":
    sys.exit(main())
