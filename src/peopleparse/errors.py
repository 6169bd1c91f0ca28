"""One family of errors: what must be, what was found, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PeopleparseError(Exception):
    """Base of every error that peopleparse raises on purpose."""


class InputError(PeopleparseError, ValueError):
    """A photo, folder or argument given by the user cannot be used."""


class DataError(PeopleparseError):
    """Files of a data set are missing, broken or disagree with each other."""


class SchemeError(PeopleparseError):
    """A label scheme, label or translation does not exist or does not allow this."""


class ModelError(PeopleparseError):
    """A weight file or its passport cannot be used."""


def suggest(name: str, choices: Iterable[str]) -> str:
    """Return the way out for a misspelt name: the nearest choice and all choices.

    >>> suggest("lp", ["gps", "lip"])
    " Did you mean 'lip'? Choices: gps, lip."
    """
    names = [str(choice) for choice in choices]
    near = get_close_matches(str(name), names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"{hint} Choices: {', '.join(names)}."
