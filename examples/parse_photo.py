"""Parse one photo: overlay, label PNGs and JSON.

python examples/parse_photo.py group.jpg parsed
"""

import sys

import peopleparse

photo, folder = sys.argv[1], sys.argv[2]
result = peopleparse.parse(photo)
print(result)
for path in result.save(folder, formats=("overlay", "png", "json", "coco")):
    print(path)
