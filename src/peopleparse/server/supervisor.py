"""Workers as child processes: started again when they die, gone when the server is gone."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LOG = logging.getLogger(__name__)
_LONGEST_WAIT = 60.0
_STEADY = 60.0  # seconds after which a worker counts as one that runs
_TICK = 0.5


def wait_after(deaths: int) -> float:
    """Return the seconds before a worker starts again that died so often in a row.

    >>> [wait_after(deaths) for deaths in (1, 2, 3, 7, 100)]
    [0.5, 1.0, 2.0, 32.0, 60.0]
    """
    return min(_LONGEST_WAIT, 0.5 * 2.0 ** min(deaths - 1, 20))


@dataclass
class _Slot:
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    start_at: float = 0.0


class Supervisor:
    """Keeps worker processes alive from a thread of its own.

    Each worker reads its standard input, which nobody writes to: it ends when the server does,
    however the server ends.
    """

    def __init__(self, commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> None:
        self._slots = [_Slot(command) for command in commands]
        self._environment = {**os.environ, **environment}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self.restarts = 0

    def start(self) -> None:
        """Start the workers."""
        self._thread.start()

    @property
    def alive(self) -> int:
        """How many workers run now."""
        return sum(slot.process is not None and slot.process.poll() is None for slot in self._slots)

    def stop(self, seconds: float = 5.0) -> None:
        """End the workers; those that do not end in time are killed."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        processes = [slot.process for slot in self._slots if slot.process is not None]
        for process in processes:
            if process.stdin is not None:
                process.stdin.close()
            process.terminate()
        end = time.monotonic() + seconds
        for process in processes:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self) -> None:
        while not self._stop.is_set():
            for slot in self._slots:
                self.look_after(slot, time.monotonic())
            self._stop.wait(_TICK)

    def look_after(self, slot: _Slot, clock: float) -> None:
        """Start a worker that is due, and note one that died."""
        if slot.process is None:
            if clock >= slot.start_at:
                self._start(slot, clock)
            return
        code = slot.process.poll()
        if code is None:
            return
        if slot.process.stdin is not None:
            slot.process.stdin.close()
        if clock - slot.started >= _STEADY:
            slot.deaths = 0
        slot.process, slot.deaths = None, slot.deaths + 1
        slot.start_at = clock + wait_after(slot.deaths)
        self.restarts += 1
        _LOG.warning(
            "worker ended with %d, starts again in %d s", code, wait_after(slot.deaths),
            extra={"restarts": self.restarts},
        )  # fmt: skip

    def _start(self, slot: _Slot, clock: float) -> None:
        try:
            # A group of its own: Ctrl-C reaches the server alone, which ends workers in order.
            slot.process = subprocess.Popen(
                slot.command, stdin=subprocess.PIPE, env=self._environment, start_new_session=True
            )
        except OSError as error:
            slot.deaths += 1
            slot.start_at = clock + wait_after(slot.deaths)
            _LOG.error("worker did not start: %s", error.strerror)
            return
        slot.started = clock
        _LOG.info("worker started", extra={"pid": slot.process.pid})
