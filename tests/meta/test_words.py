"""Words and sizes: nothing unfinished, no trace of one machine, small files and functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.repo import REPO, list_files

TEXT_SUFFIXES = ("", ".cfg", ".css", ".html", ".js", ".json", ".md", ".py", ".sh", ".toml", ".tsv")
FORBIDDEN = {
    "a path of one machine": r"(?<![\w./~-])/(?:work|root|tmp|home/\w+|opt/\w+)\b",
    "an issue number": r"\bissues? #?\d+|\bissue #",
    "a note of unfinished work": r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b",
    "a package index": r"pypi\.org|pythonhosted\.org|download\.pytorch\.org",
    "an excuse from being tested": r"pragma: no cover",
}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 80

# path, or path::function: why it may be longer.
LONGER: dict[str, str] = {}

THIS_FILE = Path(__file__).resolve()


def find_words(text: str) -> list[str]:
    """Return what a text must not say, with its line."""
    return [
        f"line {text.count(chr(10), 0, match.start()) + 1}: {what}: '{match.group()}'"
        for what, pattern in FORBIDDEN.items()
        for match in re.finditer(pattern, text)
    ]


def find_long(name: str, text: str) -> Iterator[str]:
    """Yield the file or the functions in it that are longer than they should be."""
    lines = len(text.splitlines())
    if lines > MAX_FILE_LINES:
        yield name
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES:
                yield f"{name}::{node.name}"


def test_no_forbidden_words() -> None:
    faults = [
        f"{path.relative_to(REPO)} {word}"
        for path in list_files(*TEXT_SUFFIXES)
        if path.resolve() != THIS_FILE
        for word in find_words(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert faults == []


def test_files_and_functions_are_short() -> None:
    long = {
        name
        for path in list_files(".py")
        for name in find_long(path.relative_to(REPO).as_posix(), path.read_text(encoding="utf-8"))
    }
    assert sorted(long - set(LONGER)) == [], "split it, or name it in LONGER with the reason"
    assert sorted(set(LONGER) - long) == [], "no longer long: take it out of LONGER"


@pytest.mark.parametrize(
    ("text", "faulty"),
    [
        ("see /work/main", True),
        ("'/tmp/x'", True),
        ("https://example.org/work/page", False),
        ("build/root/x and ./tmp/x", False),
        ("as issue #3 says", True),
        ("an issue with 3 photos", False),
        ("# TODO later", True),
        ("raise NotImplementedError", True),
    ],
)
def test_the_word_check_itself(text: str, faulty: bool) -> None:
    assert bool(find_words(text)) is faulty


def test_the_size_check_itself() -> None:
    body = "    x = 1\n" * MAX_FUNCTION_LINES
    assert list(find_long("a.py", f"def f():\n{body}")) == ["a.py::f"]
    assert list(find_long("a.py", "x = 1\n" * (MAX_FILE_LINES + 1))) == ["a.py"]
    assert list(find_long("a.py", "def f():\n    return 1\n")) == []
