"""Faults of an archive, counted all and listed a few; hostile names are made harmless to print."""

from __future__ import annotations

from peopleparse.server.outcome import MOST_FAULTS, Fault

_MOST_LETTERS = 120


def show(text: str | bytes, most: int = _MOST_LETTERS) -> str:
    r"""Return text that is safe to print: plain ASCII, cut where it is long.

    >>> show("a\u202egnp.exe")
    'a\\u202egnp.exe'
    """
    if isinstance(text, bytes):
        text = text[: 4 * most].decode("utf-8", "backslashreplace")
    safe = text[:most].encode("unicode_escape").decode("ascii")[: 2 * most]
    return safe + ("..." if len(text) > most else "")


class FaultList:
    """Faults in the order in which they are found.

    Attributes:
        listed: the first of them.
        count: all of them.
    """

    def __init__(self) -> None:
        self.listed: list[Fault] = []
        self.count = 0

    def add(self, code: str, file: str | bytes, expected: str, found: str | bytes) -> None:
        """Note a fault."""
        self.count += 1
        if len(self.listed) < MOST_FAULTS:
            self.listed.append(Fault(code, show(file), expected, show(found, 3 * _MOST_LETTERS)))

    def __bool__(self) -> bool:
        return self.count > 0
