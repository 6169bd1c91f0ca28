"""Uploads to the benchmark server: archives a minute and memory of the one web process.

    python benchmarks/server_uploads.py [--uploads 30] [--mebibytes 35] [--parallel 2]

The web process (uvicorn) takes archives over loopback, hashes and syncs them to disk, and queues
them in SQLite; beside it the same bytes are written, hashed and synced by a plain loop, so that
there is a ratio. Writes benchmarks/results/server_uploads.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness import RESULTS, BenchmarkError, describe_machine, spread

MEBIBYTE = 1 << 20
TARGET_A_MINUTE, TARGET_MEMORY = 300, 150 * 10**6
_MANIFEST = """
slug = "bench"
title = "Bench"
kind = "parsing"
format = "lip"
scheme = "lip"
headline = "mean_iou"
ladder_step = 0.002
truth = "../truth"
truth_format = "lip"
[split]
public = 0.3
seed = "seed"
[[phases]]
slug = "phase"
title = "Phase"
opens = 2020-01-01T00:00:00Z
closes = 2120-01-01T00:00:00Z
attempts_a_day = 100000
scores_a_day = 100000
scores_in_all = 100000
"""


def serve(home: Path, port: int) -> None:
    """Serve a home in this process until it is ended."""
    import uvicorn

    from peopleparse.server import limits
    from peopleparse.server.app import make_app
    from peopleparse.server.database import open_database

    limits.RATES = {name: (10**9, 10**9, 60_000) for name in limits.RATES}
    settings = _settings(home)
    app = make_app(settings, open_database(settings.database_url))
    uvicorn.run(app, port=port, log_level="error", access_log=False)


def prepare(home: Path) -> str:
    """Make a benchmark, a team and a token; return the token."""
    from peopleparse.server import accounts, tokens
    from peopleparse.server.database import open_database
    from peopleparse.server.migrate import upgrade

    folder = home / "folders" / "bench"
    folder.mkdir(parents=True)
    (home / "folders" / "truth").mkdir()
    (folder / "benchmark.toml").write_text(_MANIFEST)
    (folder / "images.csv").write_text("name,width,height,subset\na,4,3,\nb,5,3,\n")
    (folder / "rules.md").write_text("Rules.\n")
    engine = open_database(_settings(home).database_url)
    upgrade(engine)
    account = accounts.register(
        engine, email="a@example.org", name="A", password="correct horse", is_approved=True
    )
    assert account is not None
    accounts.make_team(engine, account, "Team")
    token = tokens.make(engine, account, "bench")[1]
    engine.dispose()
    return token


def measure(uploads: int, size: int, parallel: int, home: Path) -> dict[str, Any]:
    """Upload archives that all differ; return rates and memory."""
    from peopleparse.server.client import open_server, upload

    token, port = prepare(home), _free_port()
    body = b"PK\x03\x04" + os.urandom(size - 4)
    child = subprocess.Popen([sys.executable, __file__, "--serve", str(home), str(port)])
    try:
        server = open_server(f"http://127.0.0.1:{port}", token)
        _await(port, child)
        idle = _memory(child.pid, "VmRSS")

        def send(number: int) -> float:
            path = home / f"{threading.get_ident()}.zip"
            if not path.exists():
                path.write_bytes(body)
            with path.open("r+b") as file:
                file.seek(-8, os.SEEK_END)
                file.write(number.to_bytes(8, "big"))
            began = time.perf_counter()
            words = {"method": f"m{number}"}
            found = upload(server, "bench/phase", path, words, f"{number}", lambda *_: None)
            taken = time.perf_counter() - began
            if found["state"] != "queued":
                raise BenchmarkError(f"an upload must be queued, got {found['state']}.")
            return taken

        with ThreadPoolExecutor(parallel) as pool:
            warm = list(pool.map(send, range(parallel)))
            before = _processor_seconds(child.pid)
            began = time.perf_counter()
            seconds = list(pool.map(send, range(parallel, uploads + parallel)))
            total = time.perf_counter() - began
        worked = _processor_seconds(child.pid) - before
        peak = _memory(child.pid, "VmHWM")
    finally:
        child.terminate()
        child.wait(20)
    kept = sum(1 for path in (home / "blobs").rglob("*") if path.is_file())
    if kept != uploads + len(warm):
        raise BenchmarkError(f"archives must be {uploads + len(warm)}, got {kept} kept.")
    plain = spread([_plain(home, body, number) for number in range(5)])
    return {
        "uploads": uploads, "bytes_each": size, "parallel": parallel,
        "a_minute": 60 * uploads / total, "seconds_each": spread(seconds),
        "web_processor_seconds_each": worked / uploads,
        "plain_write_hash_sync_seconds": plain,
        "times_plain": total / uploads / plain["median"],
        "web_bytes_idle": idle, "web_bytes_peak": peak,
        "target_a_minute": TARGET_A_MINUTE, "target_bytes": TARGET_MEMORY,
        "reached": 60 * uploads / total >= TARGET_A_MINUTE and peak <= TARGET_MEMORY,
    }  # fmt: skip


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uploads", type=int, default=30)
    parser.add_argument("--mebibytes", type=float, default=35.0)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="smoke test, nothing written")
    parser.add_argument("--serve", nargs=2, metavar=("HOME", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(Path(given.serve[0]), int(given.serve[1]))
        return
    machine = describe_machine()
    uploads, size = (3, MEBIBYTE) if given.quick else (
        given.uploads, int(given.mebibytes * MEBIBYTE)
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as home:
        result = measure(uploads, size, given.parallel, Path(home))
    result = {"machine": machine, **result}
    print(json.dumps(result, indent=1))
    if not given.quick:
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(result, indent=1) + "\n"
        (RESULTS / "server_uploads.json").write_text(text, encoding="utf-8")


def _settings(home: Path) -> Any:
    from peopleparse.server.settings import Settings

    return Settings(home=home, benchmarks=(home / "folders" / "bench",))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _await(port: int, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise BenchmarkError("the web process must listen within a minute, got none that does.")


def _memory(pid: int, what: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    return 0


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _plain(home: Path, body: bytes, number: int) -> float:
    path = home / f"plain{number}"
    began = time.perf_counter()
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    hashlib.sha256(body).hexdigest()
    taken = time.perf_counter() - began
    path.unlink()
    return taken


if __name__ == "__main__":
    main()
