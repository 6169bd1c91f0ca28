"""Every person in a photo, and every part of every person.

>>> import peopleparse
>>> result = peopleparse.parse("group.jpg")  # doctest: +SKIP
>>> result.people[0].parts["left arm"].mask  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from peopleparse.inference import Parser, parse
    from peopleparse.structures import Annotation, ParsedPeople, Part, Person

__all__ = ["Annotation", "ParsedPeople", "Parser", "Part", "Person", "__version__", "parse"]


def __getattr__(name: str) -> Any:
    # Lazy: importing the package must stay quick and must not load an engine.
    if name in ("Parser", "parse"):
        from peopleparse import inference

        return getattr(inference, name)
    if name in __all__:
        from peopleparse import structures

        return getattr(structures, name)
    raise AttributeError(f"module 'peopleparse' has no attribute '{name}'")
