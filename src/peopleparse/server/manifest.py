"""What an archive must be like: the public half of a benchmark, all that its checker may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from peopleparse.data.formats import find_scheme
from peopleparse.labels import Scheme

# Of archives; the truth may be in any format.
FORMATS = ("lip", "gps", "cihp", "mhp-v1", "mhp-v2", "peopleparse")


@dataclass(frozen=True)
class Manifest:
    """The rules for an archive.

    Attributes:
        format: one of `FORMATS`.
        scheme_name: labels.
        persons: most persons in an image.
        needs: "map", "persons" or "regions": what the scores are made of.
        sizes: (width, height) by image id, sorted by id.
    """

    format: str
    scheme_name: str
    persons: int
    needs: str
    sizes: Mapping[str, tuple[int, int]]

    @cached_property
    def scheme(self) -> Scheme:
        """Labels."""
        return find_scheme(self.scheme_name)

    @property
    def regions(self) -> int:
        """Most part regions in an image."""
        return self.persons * (self.scheme.num_ids - 1)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        sizes = [[name, *size] for name, size in self.sizes.items()]
        return {
            **{key: getattr(self, key) for key in ("format", "scheme_name", "persons", "needs")},
            "sizes": sizes,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Manifest:
        """Return what `to_dict` gave."""
        sizes = {name: (width, height) for name, width, height in values["sizes"]}
        return cls(**{**values, "sizes": sizes})
