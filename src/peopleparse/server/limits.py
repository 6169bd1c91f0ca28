"""How often a caller may do something: counts in fixed windows of time."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

from sqlalchemy import Engine, delete
from sqlalchemy.dialects import postgresql, sqlite

from peopleparse.server.database import now, transaction
from peopleparse.server.settings import DAY_MS
from peopleparse.server.tables import Hit
from peopleparse.web.problems import Problem

_MINUTE = 60_000
# what: (most by one address, most by one account, window in ms)
RATES = {
    "login": (30, 15, 15 * _MINUTE),
    "register": (10, 3, 60 * _MINUTE),
    "invite": (30, 10, 60 * _MINUTE),
    "upload": (60, 30, 10 * _MINUTE),
    "api": (1200, 600, 5 * _MINUTE),
}


def check_rate(engine: Engine, what: str, address: str, account: object = None) -> None:
    """Count one doing of an address, and of an account; refuse it where it is too often.

    Args:
        what: a key of `RATES`.
        address: of the network.
        account: its id, or the e-mail that was typed; None for a stranger.

    Raises:
        Problem: 429 with the seconds until the next window.
    """
    by_address, by_account, window_ms = RATES[what]
    callers = [(f"{what}:address:{_network(address)}", by_address)]
    if account is not None:
        callers.append((f"{what}:account:{_short(str(account))}", by_account))
    with transaction(engine) as session:
        at = now(session)
        start = at - at % window_ms
        counts = [(session.scalar(_add(engine, key, start)) or 0, most) for key, most in callers]
        if counts[0][0] == 1:
            session.execute(delete(Hit).where(Hit.window < at - DAY_MS))
    if any(count > most for count, most in counts):
        wait = -(-(start + window_ms - at) // 1000)
        raise Problem(
            429, "too-often", f"{what} must be less often, got too many at once. Wait {wait} s.",
            retry_after=wait,
        )  # fmt: skip


def _add(engine: Engine, key: str, start: int) -> Any:
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[engine.dialect.name]
    row = insert(Hit).values(key=key, window=start, count=1)
    return row.on_conflict_do_update(
        index_elements=["key", "window"], set_={"count": Hit.count + 1}
    ).returning(Hit.count)


def _network(address: str) -> str:
    """Return the address, of version 6 its network: a home has all addresses of one."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return _short(address)
    if known.version == 6:
        return str(ipaddress.ip_network((known, 64), strict=False).network_address)
    return str(known)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
