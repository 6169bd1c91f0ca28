"""What can be looked at: photos, results and truth, read when they are asked for.

Items are known by ids that the studio hands out; a name or path that a request sends opens nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from peopleparse.studio.shown import Shown
from peopleparse.web.problems import Problem

Kind = Literal["result", "truth", "photo"]
MEMORY_BYTES = 1 << 30


@dataclass(eq=False)
class Item:
    """One thing to look at.

    Attributes:
        id: given by the studio.
        name: shown to people.
        kind: what it is; a photo becomes a result when it was parsed.
        photo_key: the same for all items of one photo.
        system: what made it, such as the name of a folder; "" where that says nothing.
        load: reads it; None where it came over the wire and is only in memory.
        size: height and width, None before it was read.
        persons: how many, None before it was read.
    """

    id: str
    name: str
    kind: Kind
    photo_key: str
    system: str = ""
    load: Callable[[], Shown] | None = None
    size: tuple[int, int] | None = None
    persons: int | None = None

    def summary(self) -> dict[str, Any]:
        """Return the item as lists show it."""
        height, width = self.size or (None, None)
        return {
            "id": self.id, "name": self.name, "kind": self.kind, "system": self.system,
            "width": width, "height": height, "persons": self.persons,
        }  # fmt: skip


class Items:
    """All items, with those in memory that were used last."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self.memory_bytes = memory_bytes
        self._items: dict[str, Item] = {}
        self._kept: OrderedDict[str, Shown] = OrderedDict()
        self._dropped: dict[str, str] = {}
        self._count = 0
        self._lock = threading.RLock()
        self._loading: dict[str, threading.Lock] = {}

    def __iter__(self) -> Iterator[Item]:
        """Yield the items in the order in which they came."""
        with self._lock:
            return iter(list(self._items.values()))

    def add(
        self,
        name: str,
        kind: Kind,
        photo_key: str,
        *,
        system: str = "",
        load: Callable[[], Shown] | None = None,
        shown: Shown | None = None,
    ) -> tuple[Item, list[str]]:
        """Add an item, to be read by `load` or `shown` already.

        Returns:
            The item, and the names of items that had to go to make room for it.
        """
        with self._lock:
            self._count += 1
            item = Item(f"i{self._count}", name, kind, photo_key, system, load)
            self._items[item.id] = item
            return item, [] if shown is None else self._keep(item, shown)

    def find(self, item_id: str) -> Item:
        """Return an item.

        Raises:
            Problem: 404 where there is none, 410 where it had to go.
        """
        with self._lock:
            item = self._items.get(item_id)
            if item is not None:
                return item
            if item_id in self._dropped:
                raise Problem(
                    410, "dropped",
                    f"'{self._dropped[item_id]}' must be parsed again, got dropped to make room "
                    "for newer results.",
                )  # fmt: skip
        raise Problem(
            404, "no-item", "result must be one of this studio's, got another. Load the page again."
        )

    def show(self, item: Item) -> Shown:
        """Return what an item shows; it is read where it is not in memory.

        Raises:
            Problem: it had to go.
            PeopleparseError: its files cannot be read.
        """
        with self._lock:
            loading = self._loading.setdefault(item.id, threading.Lock())
        with loading:  # two requests for one item read it once
            with self._lock:
                found = self._kept.get(item.id)
                if found is not None:
                    self._kept.move_to_end(item.id)
                    return found
            if item.load is None:
                self.find(item.id)
                raise AssertionError("an item without a file is in memory or dropped")
            found = item.load()
            with self._lock:
                self._keep(item, found)
            return found

    def same_photo(self, item: Item) -> list[str]:
        """Return the ids of other items of the same photo; those of another size are none."""
        return [
            other.id
            for other in self
            if other is not item
            and other.photo_key == item.photo_key
            and (None in (other.size, item.size) or other.size == item.size)
        ]

    def _keep(self, item: Item, shown: Shown) -> list[str]:
        item.size, item.persons = shown.size, len(shown.people)
        if item.kind == "photo":
            item.kind = "result"
        self._kept[item.id] = shown
        self._kept.move_to_end(item.id)
        gone = []
        while len(self._kept) > 1 and sum(s.weight for s in self._kept.values()) > (
            self.memory_bytes
        ):
            oldest, _ = self._kept.popitem(last=False)
            if self._items[oldest].load is None:  # it is nowhere else
                name = self._items.pop(oldest).name
                self._dropped[oldest] = name
                gone.append(name)
        return gone
