"""Workers are started again, with longer and longer waits, and end with the server."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from peopleparse.server import supervisor
from peopleparse.server.supervisor import Supervisor, _Slot, wait_after

WAITS_FOR_THE_END = "import sys; sys.stdin.read()"


def _command(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_worker_that_dies_starts_again_later_and_later() -> None:
    one, slot = Supervisor([], {}), _Slot(_command(WAITS_FOR_THE_END))
    clock = 1000.0
    for deaths in range(1, 4):
        one.look_after(slot, clock)
        assert slot.process is not None
        os.kill(slot.process.pid, signal.SIGKILL)
        slot.process.wait()
        one.look_after(slot, clock)
        assert slot.process is None and slot.deaths == deaths
        one.look_after(slot, clock + wait_after(deaths) - 0.1)
        assert slot.process is None
        clock += wait_after(deaths)
    one.look_after(slot, clock)
    assert slot.process is not None
    slot.process.kill()
    slot.process.wait()
    one.look_after(slot, clock + 100)  # it ran for long: the count begins anew
    assert slot.deaths == 1
    assert one.restarts == 4


def test_a_program_that_is_not_there_is_no_crash(tmp_path: Path) -> None:
    one, slot = Supervisor([], {}), _Slot([str(tmp_path / "none")])
    one.look_after(slot, 10.0)
    assert slot.process is None and slot.start_at > 10.0


def test_workers_end_when_their_input_ends() -> None:
    one = Supervisor([_command(WAITS_FOR_THE_END)] * 2, {})
    for slot in one._slots:
        one.look_after(slot, 0.0)
    assert one.alive == 2
    one.stop()
    assert one.alive == 0


def test_a_worker_that_will_not_end_is_killed() -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(flush=True); sys.stdout.close()\nwhile True: time.sleep(9)"
    )
    one, slot = Supervisor([], {}), _Slot(_command(code))
    read, write = os.pipe()
    keep = os.dup(1)
    os.dup2(write, 1)
    try:
        one.look_after(slot, 0.0)
    finally:
        os.dup2(keep, 1)
        os.close(keep)
        os.close(write)
    assert os.read(read, 1) == b"\n"  # it ignores the signal from now on
    os.close(read)
    one._slots = [slot]
    one.stop(seconds=0.0)
    assert slot.process is not None and slot.process.returncode == -signal.SIGKILL


def test_started_for_real_it_keeps_them_alive() -> None:
    one = Supervisor([_command(WAITS_FOR_THE_END)], {"X": "1"})
    one.start()
    while one.alive == 0:
        assert one._thread.is_alive()
    one.stop()
    assert one.alive == 0
    assert supervisor.wait_after(1) == 0.5
