"""Work with the arrays: the mean colour of each person's upper clothes, and faces greyed out.

python examples/use_arrays.py group.jpg anonymous.png
"""

import sys

import numpy as np
from PIL import Image

import peopleparse

photo, out = sys.argv[1], sys.argv[2]
result = peopleparse.parse(photo)
image = result.image.copy()  # (H, W, 3) uint8 RGB

for person in result.people:
    clothes = person.parts.get("upper clothes")
    if clothes is not None:
        red, green, blue = image[clothes.mask].mean(axis=0)
        print(f"person {person.index} wears ({red:.0f}, {green:.0f}, {blue:.0f})")

# The maps hold everybody at once: ids of parts, and who owns each pixel.
faces = (result.parsing == result.scheme.id_of("face")) & (result.instances > 0)
image[faces] = np.uint8(128)
Image.fromarray(image).save(out)
