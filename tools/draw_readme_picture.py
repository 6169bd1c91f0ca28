"""Draw docs/images/parts.png: the part maps of the demonstration's montage, without the photo.

python tools/draw_readme_picture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import peopleparse
from peopleparse.cli.demo import find_photos

OUT = Path(__file__).resolve().parent.parent / "docs" / "images" / "parts.png"


def main() -> None:
    """Parse the montage and draw its maps on plain ground."""
    result = peopleparse.parse(find_photos()[0].image)
    ground = np.full((*result.size, 3), 245, np.uint8)
    drawn = result.draw(image=ground, alpha=1.0, legend=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn).save(OUT, optimize=True)
    print(f"{OUT}: {len(result)} people")


if __name__ == "__main__":
    main()
