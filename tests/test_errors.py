from __future__ import annotations

import pytest

from peopleparse import errors
from peopleparse.errors import InputError, PeopleparseError, suggest


@pytest.mark.parametrize("name", ["InputError", "DataError", "SchemeError", "ModelError"])
def test_every_error_is_of_the_family(name: str) -> None:
    assert issubclass(getattr(errors, name), PeopleparseError)


def test_a_wrong_argument_is_also_a_value_error() -> None:
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize(
    ("name", "choices", "text"),
    [
        ("lp", ["gps", "lip"], " Did you mean 'lip'? Choices: gps, lip."),
        ("zzz", ["gps", "lip"], " Choices: gps, lip."),
        (
            "left-arm",
            iter(["left arm", "hat"]),
            " Did you mean 'left arm'? Choices: left arm, hat.",
        ),
    ],
)
def test_suggest_names_the_nearest_and_all(name: str, choices: list[str], text: str) -> None:
    assert suggest(name, choices) == text
