"""The checkout as the meta tests see it: its files, its imports and its documented commands."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
SOURCE = REPO / "src" / "peopleparse"


def list_files(*suffixes: str) -> list[Path]:
    """Return the project's own files with these endings: tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
        paths = [REPO / name for name in done.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive has no git
        paths = [path for path in REPO.rglob("*") if not _is_hidden(path.relative_to(REPO))]
    return sorted(path for path in set(paths) if path.is_file() and path.suffix in suffixes)


def _is_hidden(path: Path) -> bool:
    # Hidden folders hold environments and caches, the named ones output; .ci is the project's own.
    if path.parts[0] in ("build", "demo", "dist", "parsed", "runs"):
        return True
    return any(part.startswith(".") and part != ".ci" for part in path.parts)


@dataclass(frozen=True)
class Import:
    """One import found in a file."""

    module: str  # full dotted name, as far as it names a module or a thing in one
    line: int
    at_top: bool  # runs when the file is imported


def read_imports(source: str, package: str) -> list[Import]:
    """Return every import of a file that lies in `package`, also those inside functions.

    >>> [i.module for i in read_imports("from . import a\\nimport b.c", "peopleparse.viz")]
    ['peopleparse.viz.a', 'b.c']
    """
    found = []
    for node, at_top in _walk(ast.parse(source), True):
        found += [Import(name, node.lineno, at_top) for name in _imported_names(node, package)]
    return found


def _walk(node: ast.AST, at_top: bool) -> Iterator[tuple[ast.stmt | ast.expr, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.expr):
            yield child, at_top
        in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        type_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from _walk(child, at_top and not in_function and not type_only)


def _imported_names(node: ast.stmt | ast.expr, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = package.split(".")
        base = base[: len(base) + 1 - node.level] if node.level else []
        module = ".".join([*base, *([node.module] if node.module else [])])
        return [f"{module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = ast.unparse(node.func).split(".")[-1]
        name = node.args[0].value
        if called in ("import_module", "__import__") and isinstance(name, str):
            return [f"{package}{name}" if name.startswith(".") else name]
    return []


def package_of(path: Path) -> str:
    """Return the dotted package that a source file lies in."""
    return ".".join(path.relative_to(SOURCE.parent).parent.parts)


def room_of(path: Path) -> str:
    """Return the room of a source file: its first folder, or its own name at the top."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def read_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield (language, body) of each fenced block of a Markdown text."""
    for match in re.finditer(r"^( *)(```+)([\w-]*)[^\n]*\n(.*?)^\1\2 *$", text, re.M | re.S):
        yield match.group(3).lower(), match.group(4)
