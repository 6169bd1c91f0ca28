"""One job: an archive to its outcome, in two processes that are watched from outside.

The first reads the archive and cannot see the truth; the second knows the truth and never sees the
archive. Labels go from the first to the second while both work. Should the first die, time out or
run out of memory, the archive is refused; should the second, the fault is ours.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import selectors
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from peopleparse.errors import InputError, PeopleparseError
from peopleparse.server.benchmark_folder import BenchmarkFolder, read_benchmark
from peopleparse.server.fault_list import FaultList, show
from peopleparse.server.outcome import Fault, Outcome
from peopleparse.server.probes import Probe, prints_path, write_prints
from peopleparse.server.scoring import failed, refused
from peopleparse.server.settings import Settings
from peopleparse.server.truth import has_packed
from peopleparse.server.validator import GRADER_GONE, NEEDS_MORE, READY

Tick = Callable[[], bool]
_BEAT = 1.0  # seconds between ticks
_PIECE, _PIPE_BYTES = 1 << 16, 1 << 20
_MOST_REPORT = 1 << 24
_LIMITS = Fault("limits", "", "an archive that can be read within the limits", "one that cannot")
_log = logging.getLogger(__name__)


class _Stopped(Exception):
    """Whoever watches a job wants it no more."""


@dataclass
class _Process:
    """A process and what it said so far."""

    process: subprocess.Popen[Any]
    said: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)


def run_job(
    archive: Path,
    benchmark_folder: Path,
    settings: Settings,
    tick: Tick,
    earlier: Iterable[Path] = (),
) -> Outcome:
    """Check and score an archive; its prints are kept beside it.

    Args:
        archive: a zip archive.
        benchmark_folder: what it is for.
        settings: how long and how much memory it may take.
        tick: called about once a second; False stops the job.
        earlier: archives of the team that were scored before.

    Returns:
        The end of the submission. Of a job that was stopped nothing is left running, and what is
        returned says so; it is no end, for another worker may go on.
    """
    try:
        benchmark = read_benchmark(benchmark_folder)
    except PeopleparseError as error:
        _log.error("benchmark cannot be read: %s", error)
        return failed()
    try:
        return _run(archive, benchmark, settings, tick, earlier)
    except _Stopped:
        return failed("Scoring was stopped.")


def _run(
    archive: Path,
    benchmark: BenchmarkFolder,
    settings: Settings,
    tick: Tick,
    earlier: Iterable[Path],
) -> Outcome:
    deadline = time.monotonic() + settings.child_seconds
    _prepare_truth(benchmark, tick, deadline)
    with ExitStack() as stack:
        file = stack.enter_context(archive.open("rb"))
        grader = _start_grader(stack, benchmark, settings)
        validator, report = _start_validator(stack, benchmark, settings, file.fileno(), grader)
        streams = {report: validator.said, **_streams_of(grader)}
        in_time = _watch(streams, tick, deadline)
        blamed = None if in_time else _slower(validator, grader)
        for one in (validator, grader):
            if not in_time:
                one.process.kill()
            one.process.wait()
        return _decide(benchmark, archive, validator, grader, blamed, earlier)


def _prepare_truth(benchmark: BenchmarkFolder, tick: Tick, deadline: float) -> None:
    """Pack the truth where that was not done yet; without it scoring works, but slower."""
    if has_packed(benchmark):
        return
    arguments = ["grader", "--pack", str(benchmark.folder), str(os.getpid())]
    with ExitStack() as stack:
        packer = stack.enter_context(_running(arguments, stdin=subprocess.DEVNULL))
        _watch(_streams_of(packer), tick, deadline)


def _start_grader(stack: ExitStack, benchmark: BenchmarkFolder, settings: Settings) -> _Process:
    limits = [os.getpid(), settings.child_bytes, settings.child_seconds]
    arguments = ["grader", str(benchmark.folder), *map(str, limits)]
    return stack.enter_context(_running(arguments, stdin=subprocess.PIPE))


def _start_validator(
    stack: ExitStack,
    benchmark: BenchmarkFolder,
    settings: Settings,
    archive_fd: int,
    grader: _Process,
) -> tuple[_Process, Any]:
    """Return the process and the stream of its report."""
    read_fd, write_fd = os.pipe()
    report = stack.enter_context(os.fdopen(read_fd, "rb", buffering=0))
    limits = [archive_fd, write_fd, os.getpid(), settings.child_bytes, settings.child_seconds]
    labels = grader.process.stdin
    assert labels is not None
    _widen(labels)
    try:
        validator = stack.enter_context(
            _running(
                ["validator", *map(str, limits)],
                stdin=subprocess.PIPE,
                stdout=labels,
                stderr=subprocess.DEVNULL,
                pass_fds=(archive_fd, write_fd),
            )
        )
    finally:
        os.close(write_fd)
        labels.close()  # so that the grader sees the end when the validator ends
    assert validator.process.stdin is not None
    try:
        with validator.process.stdin as stream:
            stream.write(json.dumps(benchmark.manifest.to_dict()).encode())
    except BrokenPipeError:
        pass  # it ended; seen below
    return validator, report


def _widen(pipe: Any) -> None:
    """Let a pipe hold a few label maps, so that neither side waits for the other at each."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # refused where the user has many pipes
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


@contextmanager
def _running(arguments: list[str], **streams: Any) -> Iterator[_Process]:
    source = str(Path(__file__).resolve().parents[2])
    known = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV")
    environment = {key: os.environ[key] for key in known if key in os.environ}
    environment |= {"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    process: subprocess.Popen[Any] = subprocess.Popen(
        [sys.executable, "-P", "-m", f"peopleparse.server.{arguments[0]}", *arguments[1:]],
        env=environment,
        start_new_session=True,
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams),
    )
    try:
        yield _Process(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _streams_of(one: _Process) -> dict[Any, bytearray]:
    return {one.process.stdout: one.said, one.process.stderr: one.errors}


def _watch(streams: dict[Any, bytearray], tick: Tick, deadline: float) -> bool:
    """Listen until all streams end; return whether that was before the deadline.

    Raises:
        _Stopped: `tick` said so.
    """
    beat = time.monotonic() + _BEAT
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= beat:
                if not tick():
                    raise _Stopped
                beat = now + _BEAT
            for key, _ in selector.select(max(0.0, min(beat, deadline) - now)):
                piece = os.read(key.fd, _PIECE)
                said = streams[key.fileobj]
                said += piece
                if not piece or len(said) > _MOST_REPORT:
                    selector.unregister(key.fileobj)
    return True


def _slower(first: _Process, second: _Process) -> _Process:
    """Return the process that took more processor time: of two that wait, the other is slow."""
    return max((first, second), key=lambda one: _processor_time(one.process.pid))


def _processor_time(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, ValueError, IndexError):
        return 0


def _decide(
    benchmark: BenchmarkFolder,
    archive: Path,
    validator: _Process,
    grader: _Process,
    blamed: _Process | None,
    earlier: Iterable[Path],
) -> Outcome:
    said = bytes(validator.said)
    if not said.startswith(READY) or blamed is grader:
        _log.error("scoring did not begin or took too long: %s", _codes(validator, grader))
        return failed()
    if validator.process.returncode in (GRADER_GONE, NEEDS_MORE):
        _log.error("checking ended early, not by the archive: %s", _codes(validator, grader))
        return failed()
    found = _read_report(said[len(READY) :], benchmark)
    if validator.process.returncode or found is None:
        _log.warning(
            "an archive could not be read within the limits: %s", _codes(validator, grader)
        )
        message = "The archive could not be read within the limits of time and memory."
        return Outcome("rejected", (_LIMITS,), message=message)
    faults, probe = found
    if faults:
        return refused(faults)
    for fault in probe.faults(prints_path(path) for path in earlier):
        faults.add(fault.code, fault.file, fault.expected, fault.found)
    if faults:
        return refused(faults)
    try:
        outcome = Outcome.from_dict(json.loads(grader.said))
        write_prints(prints_path(archive), probe.names, probe.prints)
    except (ValueError, KeyError, TypeError, InputError):
        _log.error("the grading process gave no scores: %s", _codes(validator, grader))
        return failed()
    return failed() if grader.process.returncode else outcome


def _codes(validator: _Process, grader: _Process) -> str:
    codes = f"validator {validator.process.returncode}, grader {grader.process.returncode}"
    return f"{codes} {show(bytes(grader.errors[-200:]))}".strip()


def _read_report(data: bytes, benchmark: BenchmarkFolder) -> tuple[FaultList, Probe] | None:
    """Return what the validator found; None where it is not whole."""
    probe, faults = Probe(tuple(benchmark.images)), FaultList()
    try:
        length = struct.unpack_from("<I", data)[0]
        head = json.loads(data[4 : 4 + length])
        prints = np.frombuffer(data, "<u4", offset=4 + length)
        faults.listed = [Fault(**fault) for fault in head["faults"]]
        faults.count, probe.constant = int(head["count"]), int(head["constant"])
    except (ValueError, KeyError, TypeError, struct.error):
        return None
    if len(prints) != len(probe.names):
        return None
    probe.prints = prints.astype(np.uint32)
    return faults, probe
