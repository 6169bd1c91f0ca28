"""How long the server waits for a caller who says nothing, or too little."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

CHECK_SECONDS = 10.0  # a head must come within two of these
QUIET_SECONDS = 60.0  # between two pieces of a body


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that closes connections whose head or body does not come."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._heard = 0.0
        self._waits_for: object = self
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
        self._watch_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to watch."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note that somebody is there."""
        self._heard = self.loop.time()
        super().data_received(data)

    def _watch_on(self) -> None:
        self._watch = self.loop.call_later(CHECK_SECONDS, self.check)

    def check(self) -> None:
        """Close a connection that was waited for long enough."""
        if self.is_late():
            self.transport.close()
        else:
            self._watch_on()

    def is_late(self) -> bool:
        """Return whether a head was waited for since the last check, or a body for too long."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            # The same answer was the last one at the check before.
            is_late = self._waits_for is cycle
            self._waits_for = cycle
            return is_late
        self._waits_for = self
        # Where we are the slow ones, nothing more is read.
        is_wanted = cycle.more_body and not self.flow.read_paused
        return is_wanted and self.loop.time() - self._heard > QUIET_SECONDS
