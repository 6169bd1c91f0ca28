"""Count the people in photos and list the parts of each, with one loaded network.

python examples/count_people.py holiday/*.jpg
"""

import sys

import peopleparse

parser = peopleparse.Parser(detail="fast")
for photo, result in zip(sys.argv[1:], parser.parse_many(sys.argv[1:]), strict=True):
    print(f"{photo}: {len(result)} people")
    for person in result.people:
        parts = ", ".join(f"{part.name} ({part.area})" for part in person.parts.values())
        print(f"  {person.index}. score {person.score:.2f}: {parts}")
