"""The labels of a scheme by the names that other tools know them by."""

from __future__ import annotations

from peopleparse.errors import DataError, suggest
from peopleparse.labels import Scheme

IGNORED = "ignored"


class PartNames:
    """Names of the parts of a scheme, and of ignored pixels, without background.

    Attributes:
        scheme: the labels.
        rows: id, name and colour "#rrggbb" of each, by id; ignored pixels come last.
    """

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.rows = [
            (label.id, label.name, "#{:02x}{:02x}{:02x}".format(*label.color))
            for label in scheme.labels
            if label.id
        ]
        self.rows.append((scheme.ignore_id, IGNORED, "#ffffff"))
        self._name_of = {label_id: name for label_id, name, _ in self.rows}
        self._id_of = {name: label_id for label_id, name in self._name_of.items()}

    @property
    def names(self) -> list[str]:
        """The names, in the order of `rows`."""
        return [name for _, name, _ in self.rows]

    def name_of(self, label_id: int) -> str:
        """Return the name of a label that the scheme has."""
        return self._name_of[label_id]

    def id_of(self, name: object, place: str) -> int:
        """Return the label of a name.

        Raises:
            DataError: the scheme has no such label.
        """
        if isinstance(name, str) and name in self._id_of:
            return self._id_of[name]
        raise DataError(
            f"label must be one of scheme '{self.scheme.name}' or '{IGNORED}', got '{name}', "
            f"at {place}. Rename it there.{suggest(str(name), self.names)}"
        )
