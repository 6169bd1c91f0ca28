"""Reject: unsure parts are left out whole, sure ones stay as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from peopleparse.errors import InputError
from peopleparse.inference import Options, Parser, parse_image
from peopleparse.inference.reject import reject_parts
from peopleparse.structures import ParsedPeople
from tests.fakes import FakeEngine, draw_people

SIZE = (6, 8)


def make_people(parsing, owners, confidence) -> ParsedPeople:
    owned = (parsing > 0) & (owners > 0)
    return ParsedPeople.from_maps(
        np.where(owned, parsing, 0).astype(np.uint8),
        np.where(owned, owners, 0).astype(np.uint16),
        scores=[0.9, 0.8, 0.7],
        confidence=np.where(owned, confidence, 0).astype(np.uint8),
    )


PEOPLE = st.builds(
    make_people,
    arrays.arrays(np.uint8, SIZE, elements=st.integers(0, 4)),
    arrays.arrays(np.uint8, SIZE, elements=st.integers(0, 3)),
    arrays.arrays(np.uint8, SIZE, elements=st.integers(128, 255)),
)


@given(PEOPLE, st.floats(0, 1))
def test_each_part_stays_or_goes_whole(people, least):
    kept = reject_parts(people, least)
    for person in people.people:
        for label in np.unique(people.parsing[person.mask]).tolist():
            part = person.mask & (people.parsing == label)
            sure = people.confidence[part].sum() >= 255 * least * part.sum()
            assert ((kept.parsing[part] == label) == sure).all()
            assert ((kept.instances[part] > 0) == sure).all()
            assert ((kept.confidence[part] > 0) == sure).all()
    assert not kept.parsing[people.instances == 0].any()
    assert {p.score for p in kept.people} <= {p.score for p in people.people}


def test_nothing_is_rejected_at_0_and_everyone_at_1():
    parsing, confidence = np.full(SIZE, 4, np.uint8), np.full(SIZE, 200, np.uint8)
    people = make_people(parsing, np.ones(SIZE, np.uint8), confidence)
    assert reject_parts(people, 0) is people and len(reject_parts(people, 1)) == 0


def test_the_option_reaches_the_result():
    image = draw_people((96, 128), [(10, 10, 40, 80), (70, 12, 100, 84)])
    plain = parse_image(FakeEngine(), image, Options("fast"))
    wanted = reject_parts(plain, 0.995)
    found = Parser(engine=FakeEngine(), detail="fast", reject=0.995)(image)
    assert np.array_equal(found.parsing, wanted.parsing)


def test_bad_input():
    with pytest.raises(InputError, match=r"reject must be from 0 to 1, got 1.5. Leave it out"):
        Options(reject=1.5)
    people = make_people(*(np.ones(SIZE, np.uint8) for _ in range(3)))
    with pytest.raises(InputError, match="reject must be from 0 to 1, got -1"):
        reject_parts(people, -1)
    bare = ParsedPeople.from_maps(people.parsing, people.instances)
    with pytest.raises(InputError, match="must have a confidence map to reject parts, got none"):
        reject_parts(bare, 0.5)
