"""Connections that say nothing, or too little, are closed; slow work of ours closes none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from peopleparse.server.patience import QUIET_SECONDS, PatientProtocol


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(PatientProtocol, "__init__", lambda self: None)
    one: Any = PatientProtocol()
    one.cycle, one._heard, one._waits_for = None, 0.0, one
    one.flow = SimpleNamespace(read_paused=False)
    one.loop = SimpleNamespace(time=lambda: 1000.0, call_later=lambda *_: "timer")
    one.transport = SimpleNamespace(closed=False)
    one.transport.close = lambda: setattr(one.transport, "closed", True)
    return one


def _cycle(**values: bool) -> SimpleNamespace:
    return SimpleNamespace(**{"response_complete": False, "more_body": True, **values})


def test_a_head_that_does_not_come_is_waited_for_once(connection: Any) -> None:
    connection.check()
    assert not connection.transport.closed
    connection._heard = 1000.0  # drops of a head do not help
    connection.check()
    assert connection.transport.closed


def test_a_next_head_has_its_own_time(connection: Any) -> None:
    assert not connection.is_late()
    connection.cycle = _cycle(response_complete=True)
    assert not connection.is_late()
    connection.cycle = _cycle(response_complete=True)
    assert not connection.is_late()
    assert connection.is_late()


@pytest.mark.parametrize(
    ("heard", "paused", "more_body", "late"),
    [
        (1000 - QUIET_SECONDS - 1, False, True, True),
        (1000 - QUIET_SECONDS + 1, False, True, False),
        (0, True, True, False),
        (0, False, False, False),
    ],
)
def test_a_body_may_pause_for_a_while(
    connection: Any, heard: float, paused: bool, more_body: bool, late: bool
) -> None:
    connection.cycle, connection._heard = _cycle(more_body=more_body), heard
    connection.flow.read_paused = paused
    assert connection.is_late() is late
