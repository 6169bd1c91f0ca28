"""The command `peopleparse`: one file a command, loaded when it is called."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

import click

from peopleparse import __version__
from peopleparse.errors import PeopleparseError, suggest

# The command NAME is the click command `NAME` of the module peopleparse.cli.NAME.
COMMANDS = (
    *("parse", "video", "labels", "demo", "evaluate", "data", "scenes", "audit"),
    *("train", "validate", "export", "quantize", "experiment"),
    *("studio", "benchmark", "serve", "worker", "admin", "submit"),
)
_BROKEN, _USAGE, _STOPPED = 1, 2, 130


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for, and reports errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands of this installation, in the order of `COMMANDS`."""
        return [name for name in COMMANDS if find_spec(f"{__name__}.{name}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, None where there is no such command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        if args and self.get_command(ctx, args[0]) is None:
            hint = suggest(args[0], self.list_commands(ctx))
            raise click.UsageError(f"command must be a known name, got '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Run a command and exit: 0, 1 for an error, 2 for wrong usage, 130 when interrupted."""
        given = list(sys.argv[1:] if args is None else args)
        debug, given = _take_debug(given)
        extra.update(standalone_mode=False, prog_name="peopleparse")
        try:
            code = super().main(given, *rest, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            code = _USAGE
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "peopleparse"
            code = _report(f"{error.format_message()} See '{command} --help'.", _USAGE, debug)
        except (click.Abort, KeyboardInterrupt):
            code = _report("Interrupted.", _STOPPED, debug)
        except click.ClickException as error:
            code = _report(error.format_message(), _BROKEN, debug)
        except PeopleparseError as error:
            code = _report(str(error), _BROKEN, debug)
        except Exception as error:  # a fault of the program: still one line
            reason = f"unexpected {type(error).__name__}: {error}. Add --debug to see where."
            code = _report(reason, _BROKEN, debug)
        sys.exit(code if isinstance(code, int) else 0)


def _take_debug(args: list[str]) -> tuple[bool, list[str]]:
    """Take --debug out of the arguments, wherever it stands before a `--`."""
    end = args.index("--") if "--" in args else len(args)
    kept = [arg for arg in args[:end] if arg != "--debug"]
    return len(kept) < end, kept + args[end:]


def _report(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


@click.group("peopleparse", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="peopleparse")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def main() -> None:
    """Every person in a photo, and every part of every person."""
