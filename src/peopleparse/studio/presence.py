"""Who has a photo open, in memory: who came first holds it while the page keeps calling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

HOLD_SECONDS = 30.0


@dataclass
class _Holder:
    annotator: str
    client: str
    seen: float


class Presence:
    """The holder of each photo. It only tells: that nothing is overwritten is up to revisions."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._holders, self._lock = clock, dict[str, _Holder](), Lock()

    def call(
        self, photo_id: str, annotator: str, client: str, take: bool = False, leave: bool = False
    ) -> dict[str, Any] | None:
        """Say that a page has a photo open, and return who holds it: the caller or another.

        Args:
            photo_id: the photo.
            annotator: name of whoever calls.
            client: of one open page; a person with two pages has two.
            take: become the holder whoever holds it.
            leave: let go; whoever else calls next holds it.
        """
        with self._lock:
            holder = self._current(photo_id)
            mine = holder is not None and holder.client == client
            if leave:
                if mine:
                    del self._holders[photo_id]
                    return None
            elif holder is None or mine or take:
                self._holders[photo_id] = _Holder(annotator, client, self._clock())
        return self.holder(photo_id)

    def holder(self, photo_id: str) -> dict[str, Any] | None:
        """Return annotator, client and seconds_ago of a photo's holder, or None."""
        with self._lock:
            found = self._current(photo_id)
            if found is None:
                return None
            ago = round(self._clock() - found.seen, 1)
            return {"annotator": found.annotator, "client": found.client, "seconds_ago": ago}

    def _current(self, photo_id: str) -> _Holder | None:
        found = self._holders.get(photo_id)
        if found is not None and self._clock() - found.seen > HOLD_SECONDS:
            del self._holders[photo_id]
            return None
        return found
