"""What the docs say can be done: links lead somewhere, commands and names exist."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.meta.commands import check_command, load_cli, read_commands
from tests.meta.repo import REPO, list_files, read_blocks

PAGES = list_files(".md")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)=\"([^\"]+)\"")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(REPO).as_posix())


def read_links(text: str) -> Iterator[str]:
    """Yield the targets of a Markdown text's links and pictures, outside code."""
    prose = re.sub(r"^( *)```.*?^\1``` *$|`[^`\n]*`", "", text, flags=re.M | re.S)
    for match in LINK.finditer(prose):
        yield match.group(1) or match.group(2)


def read_anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a Markdown text."""
    prose = re.sub(r"^( *)```.*?^\1``` *$", "", text, flags=re.M | re.S)
    titles = re.findall(r"^#+ +(.+?) *#*$", prose, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def find_dead_links(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead to no file or no heading."""
    dead = []
    for link in read_links(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            dead.append(link)
        elif anchor and (not name or target.suffix == ".md"):
            heading_text = target.read_text(encoding="utf-8") if name else text
            if anchor not in read_anchors(heading_text):
                dead.append(link)
    return dead


@pages
def test_relative_links_resolve(page: Path) -> None:
    assert find_dead_links(page, page.read_text(encoding="utf-8")) == []


@pages
def test_peopleparse_commands_exist(page: Path) -> None:
    commands = [
        words
        for words in read_commands(page.read_text(encoding="utf-8"))
        if Path(words[0]).name == "peopleparse"
    ]
    if not commands:
        return
    if importlib.util.find_spec("peopleparse.cli") is None:
        pytest.skip("peopleparse.cli does not exist")
    faults = []
    for words in commands:
        try:
            check_command(words, load_cli())
        except click.UsageError as error:
            faults.append(f"{' '.join(words)}: {error.format_message()}")
    assert faults == []


@pages
def test_make_targets_and_scripts_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (REPO / "Makefile").read_text(), re.M))
    for words in read_commands(page.read_text(encoding="utf-8")):
        if words[0] == "make":
            named = {word for word in words[1:] if "=" not in word and not word.startswith("-")}
            assert named <= targets
        if re.fullmatch(r"(.*/)?(python3?|torchrun)", words[0]):
            for script in (word for word in words[1:] if word.endswith(".py")):
                assert (REPO / script).is_file(), script


@pages
def test_named_extras_exist(page: Path) -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for names in re.findall(r"(?:peopleparse|\.)\[([a-z,]+)\]", page.read_text(encoding="utf-8")):
        assert set(names.split(",")) <= set(project["optional-dependencies"])


@pages
def test_python_blocks_parse_and_name_what_exists(page: Path) -> None:
    package = importlib.import_module("peopleparse")
    for language, body in read_blocks(page.read_text(encoding="utf-8")):
        if language not in ("python", "py"):
            continue
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "peopleparse":
                module = f"peopleparse.{node.attr}"
                assert node.attr in package.__all__ or importlib.util.find_spec(module), module
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("peopleparse"):
                assert importlib.util.find_spec(str(node.module)), node.module


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[a](repo.py) ![b](<test_docs.py>)", []),
        ("[a](missing.md)", ["missing.md"]),
        ("`[a](missing.md)` and\n```\n[a](missing.md)\n```\n", []),
        ('<img src="missing.png">', ["missing.png"]),
        ("# Two words!\n[a](#two-words) [b](#three)", ["#three"]),
        ("[a](https://example.org/x)", []),
    ],
)
def test_the_link_check_itself(text: str, dead: list[str]) -> None:
    assert find_dead_links(Path(__file__), text) == dead


def test_commands_are_read_from_shell_blocks_only() -> None:
    text = (
        "peopleparse no\n```bash\n$ peopleparse parse a.jpg \\\n  --out b  # why\n"
        "X=1 make test && ls | wc\n```\n```python\nmake no\n```\n"
    )
    assert list(read_commands(text)) == [
        ["peopleparse", "parse", "a.jpg", "--out", "b"],
        ["make", "test"],
        ["ls"],
        ["wc"],
    ]


@click.group()
@click.option("--debug", is_flag=True)
def _group(debug: bool) -> None:
    raise AssertionError("a check must not run the command")


@_group.command()
@click.argument("photo", type=click.Path(exists=True))
@click.option("--save", type=click.Choice(["png", "json"]))
@click.option("--limit", type=click.IntRange(min=1))
@click.option("--out", required=True)
def _parse(photo: str, save: str, limit: int, out: str) -> None:
    raise AssertionError("a check must not run the command")


_group.add_command(_parse, "parse")


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("peopleparse", None),
        ("peopleparse --help", None),
        ("peopleparse --debug parse a.jpg --out b --save png --limit 3", None),
        ("peopleparse parse --help", None),
        ("peopleparse prase a.jpg --out b", "prase"),
        ("peopleparse parse a.jpg --out b --sav png", "No such option"),
        ("peopleparse parse a.jpg --out b --save gif", "gif"),
        ("peopleparse parse a.jpg --out b --limit 0", "0 is not in the range"),
        ("peopleparse parse a.jpg", "Missing option"),
        ("peopleparse parse --out b", "Missing argument"),
        ("peopleparse parse a.jpg b.jpg --out b", "unexpected extra"),
    ],
)
def test_the_command_check_itself(command: str, fault: str | None) -> None:
    words = command.split()
    if fault is None:
        check_command(words, _group)
        return
    with pytest.raises(click.UsageError) as caught:
        check_command(words, _group)
    assert fault in caught.value.format_message()
