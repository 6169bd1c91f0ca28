"""Commands written in the docs: find them, and parse them without running them."""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Iterator

import click

from tests.meta.repo import read_blocks

SHELL_LANGUAGES = {"", "bash", "sh", "shell", "console", "text"}
_ENDS = {"|", "||", "&&", ";", ">", ">>", "2>", "<", "&"}


def read_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in the shell blocks of a Markdown text."""
    for language, body in read_blocks(text):
        if language not in SHELL_LANGUAGES:
            continue
        for line in body.replace("\\\n", " ").splitlines():
            try:
                words = shlex.split(line.strip().removeprefix("$ "), comments=True)
            except ValueError:  # output or prose with a lone quote
                continue
            yield from _split(words)


def _split(words: list[str]) -> Iterator[list[str]]:
    # `a | b > c` are the commands a and b; VAR=value before a command is not part of it.
    command: list[str] = []
    for word in [*words, ";"]:
        if word in _ENDS:
            if command:
                yield command
            command = []
        elif command or "=" not in word:
            command.append(word)


def load_cli() -> click.Command:
    """Return the click command behind `peopleparse`, wherever `main` keeps it."""
    cli = importlib.import_module("peopleparse.cli")
    commands = [cli.main, *(getattr(cli, name) for name in dir(cli))]
    return next(c for c in commands if isinstance(c, click.Group))


def check_command(words: list[str], command: click.Command) -> None:
    """Raise click.UsageError where a sub-command, option, value or argument does not exist.

    Paths need not exist, and nothing is run: click's parser reads the words, and only values
    whose type is a closed set or a number are converted.
    """
    context = click.Context(command, info_name=words[0], **command.context_settings)
    rest = words[1:]
    while True:
        values, rest, _ = command.make_parser(context).parse_args(list(rest))
        help_option = command.get_help_option(context)
        if help_option is not None and values.get(help_option.name or "") is True:
            return
        for parameter in command.params:
            _check_value(parameter, values.get(parameter.name or ""), context)
        if not isinstance(command, click.Group):
            break
        if not rest:
            return
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command, context = (
            found,
            click.Context(found, info_name=name, parent=context, **found.context_settings),
        )
    if rest:
        raise click.UsageError(f"Got unexpected extra arguments: {' '.join(rest)}", context)


def _check_value(parameter: click.Parameter, value: object, context: click.Context) -> None:
    # What was not given is None, an empty tuple or a mark of click's own, by version.
    given = value != () and isinstance(value, str | bool | int | tuple | list)
    if parameter.required and not given:
        raise click.MissingParameter(ctx=context, param=parameter)
    closed = click.Choice | click.types.IntParamType | click.types.FloatParamType
    if isinstance(value, str) and isinstance(parameter.type, closed):
        parameter.type.convert(value, parameter, context)
