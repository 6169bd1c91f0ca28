"""What the texts of all benchmarks share: tables, ratios, the machine, pages and result files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.harness import REPO, RESULTS, BenchmarkError
from peopleparse.data.files import write_file

PAGE = REPO / "docs" / "performance.md"
# Each table of that page: the name of its markers and of its result file, and who makes its text.
TABLES = {
    "engines": "benchmarks.engines_report:engines_table",
    "photo": "benchmarks.photo_report:photo_table",
    "spinning": "benchmarks.photo_report:spinning_table",
    "startup": "benchmarks.startup:startup_table",
    "growth": "benchmarks.growth_report:growth_table",
    "train_step": "benchmarks.train_step_report:step_table",
    "structure_loss": "benchmarks.structure_loss_report:loss_table",
}
Result = Mapping[str, Any]
SMOKE = "SMOKE TEST, these figures mean nothing. "


def begin_result(name: str, quick: bool, machine: Result, **more: Any) -> dict[str, Any]:
    """Return what every result says first.

    Args:
        name: of the benchmark.
        quick: whether this is a smoke test.
        machine: of `describe_machine`, asked before anything ran.
        more: further fields: seed, repetitions.
    """
    written = datetime.now(UTC).isoformat(timespec="seconds")
    return {"benchmark": name, "written": written, "quick": quick, **more, "machine": machine}


def keep_result(result: Result, text: str, out: Path | None = None) -> None:
    """Print a result's text and write its file; of a smoke test only where `out` is given."""
    print(text)
    path = out or (None if result["quick"] else RESULTS / f"{result['benchmark']}.json")
    if path is not None:
        print(f"\nWrote {write_file(path, (json.dumps(result, indent=1) + chr(10)).encode())}")


def fill_page(text: str, results: Path, tables: Mapping[str, str | Callable[[Result], str]]) -> str:
    """Return a page with the tables between its markers made from the results that exist.

    Args:
        text: Markdown with `<!-- NAME:begin -->` and `<!-- NAME:end -->` for each table.
        results: folder of NAME.json.
        tables: by NAME, what makes the text of a result: a function, or "module:function".

    Raises:
        BenchmarkError: a marker is missing, or a result is one of a smoke test.
    """
    for name, make in tables.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise BenchmarkError(
                f"the page must hold '{begin}' and then '{end}' once each, got "
                f"{text.count(begin)} and {text.count(end)}. Put them where the table belongs."
            )
        body = _make_text(make, name, results / f"{name}.json")
        pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.S)
        text = pattern.sub(f"{begin}\n{body}\n{end}".replace("\\", r"\\"), text)
    return text


def _make_text(make: str | Callable[[Result], str], name: str, path: Path) -> str:
    if not path.is_file():
        return f"No result yet: `benchmarks/results/{name}.json` does not exist."
    result = json.loads(path.read_text(encoding="utf-8"))
    if result["quick"]:
        raise BenchmarkError(
            f"result must be of a whole run, got one of --quick, at {path}. "
            "Run the benchmark without --quick."
        )
    if isinstance(make, str):
        module, _, function = make.partition(":")
        make = getattr(import_module(module), function)
    assert callable(make)
    return make(result)


def write_docs(
    page: Path = PAGE,
    results: Path = RESULTS,
    tables: Mapping[str, str | Callable[[Result], str]] = TABLES,
) -> None:
    """Bring all tables of a page up to date; the default is docs/performance.md."""
    filled = fill_page(page.read_text(encoding="utf-8"), results, tables)
    write_file(page, filled.encode("utf-8"))
    print(f"Wrote the tables of {page}")


def format_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table.

    >>> print(format_table(["a", "b"], [["1", "2"]]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def format_ratio(ratio: Mapping[str, float]) -> str:
    """Return a ratio with its lowest and highest.

    >>> format_ratio({"median": 12.34, "low": 1.0, "high": 20.0})
    '12.3 (1.0 to 20.0)'
    """
    digits = 1 if ratio["median"] >= 10 else 2
    return f"{ratio['median']:.{digits}f} ({ratio['low']:.{digits}f} to {ratio['high']:.{digits}f})"


def format_megabytes(count: float | None) -> str:
    """Return bytes as megabytes.

    >>> format_megabytes(1_234_000_000), format_megabytes(None)
    ('1,234 MB', 'unknown')
    """
    return "unknown" if count is None else f"{count / 1e6:,.0f} MB"


def format_verdict(met: bool | None) -> str:
    """Return how a target came out.

    >>> format_verdict(True), format_verdict(False), format_verdict(None)
    ('met', 'NOT met', 'unknown')
    """
    return "unknown" if met is None else "met" if met else "NOT met"


def format_hashes(about: Result) -> str:
    """Return which files a network was, by the beginning of their sha256."""
    found = [f"`{name}` sha256 `{digest[:16]}`" for name, digest in about["sha256"].items()]
    return ", ".join(found) or "no passport"


def format_versions(versions: Mapping[str, str]) -> str:
    """Return names and versions of libraries in one line."""
    return f"{', '.join(f'{name} {version}' for name, version in versions.items())}."


def format_machine(result: Result) -> str:
    """Return when and on what a result was measured, and a warning where it was not quiet."""
    machine = result["machine"]
    load = machine["load_before"]
    busy = "unknown load" if load is None else f"load {load:.2f} before the run"
    note = "" if machine["quiet"] else " **The machine was not known to be quiet: run it again.**"
    return (
        f"Run of {result['written']}: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, {busy}.{note}"
    )
