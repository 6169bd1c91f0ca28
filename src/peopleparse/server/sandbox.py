"""What a process that handles hostile bytes, or the secret truth, takes away from itself.

What each measure gives, on Linux:

* Limits of memory, processor time, files and core dumps hold whoever runs the process; a limit of
  open files below what is open makes every later open() and socket() fail. A process with the
  rights of root could raise them again, so the server should not run as root.
* A network namespace of its own has no interface but a loopback that is down. Many kernels and
  containers refuse it to ordinary users: then only the next point holds.
* The audit hook makes Python refuse sockets, new programs and, where asked, open files. It stops
  our own mistakes and libraries; machine code that somebody smuggled in would not ask it.
* The parent-death signal ends the process when the thread that started it ends, killed or not.

On other systems the limits of `resource` are set as far as they exist, and nothing else.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_NET_EVENTS = ("socket.", "os.exec", "os.fork", "os.posix_spawn", "os.system", "subprocess.Popen")
_ORPHANED = 3


def limit_resources(memory: int, seconds: int) -> None:
    """Limit this process.

    Args:
        memory: bytes of address space.
        seconds: of processor time.
    """
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def die_with(parent: int) -> None:
    """Let this process end when its parent does; end at once where the parent is gone already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:
        os._exit(_ORPHANED)


def forbid_opening() -> None:
    """Make every later opening of a file or socket fail; what is open stays so."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    forbid_network()
    sys.addaudithook(_refuse("open"))


def forbid_network() -> bool:
    """Leave the network; return whether the kernel gave a namespace without one."""
    left = _unshare(_CLONE_NEWNET) or _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    sys.addaudithook(_refuse(*_NET_EVENTS))
    return left


def _refuse(*events: str) -> Callable[[str, tuple[Any, ...]], None]:
    def hook(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(events):
            raise PermissionError(f"this process must not do '{event}'.")

    return hook


def _prctl(option: int, value: int) -> bool:
    return _call("prctl", option, value, 0, 0, 0)


def _unshare(flags: int) -> bool:
    return _call("unshare", flags)


def _call(name: str, *values: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    return bool(function(*(ctypes.c_ulong(value) for value in values)) == 0)
