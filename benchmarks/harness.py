"""What every benchmark needs: sides in processes of their own, memory, spread, the machine.

A side is a module with a function `build(settings) -> side`; a side has `versions() -> dict`,
`photo() -> dict` (one unit of work), `used() -> dict` (processor time so far) and `end() -> dict`.
It runs as `python -m benchmarks.harness MODULE` and answers a line of JSON with a line of JSON, so
that no side imports what another needs, and each has a peak memory of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

REPO = Path(__file__).resolve().parents[1]
RESULTS = REPO / "benchmarks" / "results"
# Above this share of busy cores at the start a run is marked as disturbed.
QUIET_LOAD = 0.3
# Set, they would hold back torch and not ONNX Runtime: sides choose their threads themselves.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class BenchmarkError(Exception):
    """A benchmark cannot be run, or did not measure what it must."""


class Child:
    """One side, alive in its own process until `close`."""

    def __init__(
        self, module: str, settings: Mapping[str, Any], python: str = sys.executable
    ) -> None:
        self.module = module
        paths = [str(REPO), str(REPO / "src"), os.environ.get("PYTHONPATH", "")]
        kept = {key: text for key, text in os.environ.items() if key not in _THREAD_VARIABLES}
        environment = kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.harness", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        try:
            self.versions = self.ask("build", settings)
        except BaseException:
            self.close()
            raise

    def ask(self, what: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises:
            BenchmarkError: the side failed or ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        line = ""
        try:
            self._process.stdin.write(json.dumps({"do": what, "settings": settings}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            pass  # it ended; said below
        if not line:
            raise BenchmarkError(
                f"{self.module} must answer '{what}', got the end of its process with code "
                f"{self._process.wait()}. What it printed stands above."
            )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Child:
        """Nothing to do: the process is alive."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the process."""
        self.close()


def serve(module: str, requests: IO[str], answers: IO[str]) -> None:
    """Answer requests with a side until there are no more."""
    side: Any = None
    for line in requests:
        request = json.loads(line)
        try:
            if request["do"] == "build":
                side = importlib.import_module(module).build(request["settings"])
                answer = side.versions()
            else:
                answer = getattr(side, request["do"])()
        except Exception as error:  # whatever it is, the parent reports it and stops
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def peak_memory() -> int | None:
    """Return the most bytes of memory that this process held; None where that is unknown.

    On Linux from /proc: getrusage also counts what the parent held when it started this process.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def describe_machine() -> dict[str, Any]:
    """Return the processor, its usable cores, the system and how busy it is right now."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": _cpu_name(),
        "cores": cores,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": load,
        "quiet": load is not None and load <= QUIET_LOAD * cores,
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, lowest and highest.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'low': 1.0, 'high': 3.0}
    """
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def pair_ratio(slow: Sequence[float], quick: Sequence[float]) -> dict[str, float]:
    """Return slow / quick: the ratio of the medians, and the lowest and highest of the pairs.

    >>> pair_ratio([4.0, 6.0, 8.0], [2.0, 2.0, 2.0])
    {'median': 3.0, 'low': 2.0, 'high': 4.0}
    """
    pairs = [a / b for a, b in zip(slow, quick, strict=True)]
    ratio = statistics.median(slow) / statistics.median(quick)
    return {"median": ratio, "low": min(pairs), "high": max(pairs)}


def _serve_here() -> None:
    # Whatever a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.argv[1], sys.stdin, answers)


if __name__ == "__main__":
    _serve_here()
