"""Connect to Ray, with a time limit, and leave nothing running that was started here."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from peopleparse.errors import InputError

CONNECT_SECONDS = 10
_OBJECT_STORE = 200 * 1024**2  # only lists of paths travel
_CLIENT_PORT = 10001


@contextmanager
def connected(address: str, workers: int | None, threads: int) -> Iterator[int]:
    """Be connected to Ray; yield how many workers there may be. What was started is shut down.

    Args:
        address: "local" starts Ray here, "auto" finds the cluster of this machine; or host:port,
            or ray://host:port.
        workers: how many are wanted; None for one on each `threads` cores.
        threads: cores of a worker.

    Raises:
        InputError: Ray is not installed, or nobody answers at the address.
    """
    check_installed()
    import ray

    if ray.is_initialized():  # the caller's own; it stays
        yield workers or _free_workers(threads)
        return
    _check_answers(address)
    quiet: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if address == "local":
        cores = _usable_cores()
        workers = workers or max(1, cores // threads)
        quiet |= {"num_cpus": workers * threads, "include_dashboard": False}
        quiet |= {"object_store_memory": _OBJECT_STORE}
    try:
        ray.init(address=address, **quiet)
    except Exception as error:  # many types, by what is not there
        raise _no_answer(address, first_line(error)) from error
    try:
        yield workers or _free_workers(threads)
    finally:
        ray.shutdown()


def _free_workers(threads: int) -> int:
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)


def _check_answers(address: str) -> None:
    """Knock at the address first: Ray itself would wait for minutes."""
    if address == "local":
        return
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", "")
        if not address or address == "auto":
            return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host:
        host, port = port, ""
    if address.startswith("ray://"):
        port = port or str(_CLIENT_PORT)
    if not port.isdigit():
        raise InputError(
            f"ray address must be local, auto, host:port or ray://host:port, got '{address}'. "
            "`ray start --head` prints it."
        )
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise _no_answer(address, error.strerror or str(error)) from error


def _no_answer(address: str, reason: str) -> InputError:
    return InputError(
        f"ray address must be one where a cluster answers, got '{reason}', at '{address}'. "
        "Start it with `ray start --head`, or take the address 'local'."
    )


def check_installed() -> None:
    """Check that the libraries of the extra are there.

    Raises:
        InputError: one is not.
    """
    missing = [name for name in ("ray", "pyarrow", "fsspec") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"ray, pyarrow and fsspec must be installed, got no {missing[0]}. "
            "Install it: pip install 'peopleparse[scale]'"
        )


def first_line(error: BaseException) -> str:
    """Return the first line of what a library raised, cut where it is long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
