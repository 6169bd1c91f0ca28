"""`peopleparse studio`: look at people and parts in a browser, and annotate them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.extras import need_extra
from peopleparse.cli.studio_exchange import export, import_
from peopleparse.errors import InputError

if TYPE_CHECKING:
    from peopleparse.studio.session import Studio

FIRST_PORT, _PORTS = 8321, 40
_EXISTING = click.Path(exists=True, path_type=Path)


class _Studio(click.Group):
    """A group whose command `open` need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Open the page where nothing is said."""
        return super().parse_args(ctx, args or ["open"])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take what names no command as arguments of `open`."""
        if args and args[0] not in self.commands:
            args = ["open", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Studio, context_settings={"ignore_unknown_options": True})
def studio() -> None:
    """See people and parts in a browser, and annotate them.

    `peopleparse studio [PATH...]` opens the page; `peopleparse studio open --help` lists its
    options. A folder that is called like a command is written ./export.
    """


@studio.command("open")
@click.argument("paths", nargs=-1, type=_EXISTING, metavar="[PATH]...")
@click.option("--truth", type=_EXISTING, metavar="PATH", help="Annotations to compare with.")
@click.option(
    "--project", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Annotate in this folder; a new one takes the photos of PATH.",
)  # fmt: skip
@click.option("--model", metavar="NAME|FOLDER", help="A network of your own.")
@click.option("--scheme", type=click.Choice(["gps", "lip"]), help="Labels of what is parsed here.")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Where to listen; where others reach it, a token is needed.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535),
              help=f"By default the first free one from {FIRST_PORT}.")  # fmt: skip
@click.option("--max-mib", type=click.IntRange(1, 4096), default=128, show_default=True,
              metavar="MIB", help="Greatest file that the page may send.")  # fmt: skip
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def open_(
    paths: tuple[Path, ...], truth: Path | None, project: Path | None, model: str | None,
    scheme: str | None, host: str, port: int | None, max_mib: int, no_browser: bool,
) -> None:  # fmt: skip
    """Open the page with photos or results.

    PATH is a photo, a folder of photos, or a folder or archive of results: of peopleparse parse,
    or in any format that peopleparse evaluate reads. Several folders are several systems. Ctrl-C
    ends it; nothing leaves this machine.
    """
    need_extra("server", "fastapi", "uvicorn")
    from peopleparse.studio import security, sources
    from peopleparse.studio.session import Studio

    token = None if security.is_loopback(host) else security.make_token()
    found = Studio(
        make_parser=lambda: _load_parser(model), scheme=scheme, host=host, token=token,
        max_bytes=max_mib << 20,
    )  # fmt: skip
    opened = _open_project(project, paths) if project is not None else None
    found.project = opened
    sources.open_paths(found.items, paths, truth, found.show_photo)
    with _listen(host, port) as listener:
        _greet(listener, found, opened is not None, not no_browser)
        _serve(found, listener)


def _load_parser(model: str | None) -> Any:
    from peopleparse.inference import Parser
    from peopleparse.inference.onnx_engine import DEFAULT_MODEL

    return Parser(model or DEFAULT_MODEL)


def _open_project(folder: Path, paths: tuple[Path, ...]) -> Any:
    """Open a project; a folder that is none becomes one of the photos named, or of its own."""
    from peopleparse.inference.folder import find_photos
    from peopleparse.studio import project

    is_new = not (folder / project.FILE).exists() and not (folder / "annotations").is_dir()
    if is_new and (paths or folder.is_dir()):
        photos = find_photos(paths or [folder])
        found = project.create_project(folder, photos)
    else:
        found = project.open_project(folder)
    for note in found.notes:
        click.echo(f"Note: {note}", err=True)
    return found


def _listen(host: str, port: int | None) -> socket.socket:
    """Take a port: the one that is named, or the first free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = range(FIRST_PORT, FIRST_PORT + _PORTS) if port is None else [port]
    reason = ""
    for number in ports:
        try:
            return socket.create_server((host, number), family=family)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
    if port is None:
        raise InputError(
            f"address must have a free port from {FIRST_PORT} to {FIRST_PORT + _PORTS - 1}, got "
            f"'{reason}', at {host}. Choose another with --host or --port."
        )
    raise InputError(
        f"port must be free, got '{reason}', at {host}:{port}. "
        "Leave --port out to take the next free one."
    )


def _greet(listener: socket.socket, found: Studio, has_project: bool, browse: bool) -> None:
    port = listener.getsockname()[1]
    query = f"?token={found.token}" if found.token else ""
    tab = "#annotate" if has_project else ""
    address = f"http://{_shown(found.host)}:{port}/{query}{tab}"
    click.echo(f"Studio: {address}")
    if found.token:
        click.echo(
            "Who has this address can see and change what is open here. The connection is not "
            "encrypted.", err=True,
        )  # fmt: skip
    sys.stdout.flush()
    if browse:
        # The port listens already: what the browser asks before the server runs waits in line.
        threading.Thread(target=_browse, args=(address,), daemon=True).start()


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _browse(address: str) -> None:
    with suppress(webbrowser.Error):  # the address is printed
        webbrowser.open(address)


def _serve(found: Studio, listener: socket.socket) -> None:
    import uvicorn

    from peopleparse.studio.app import make_app

    config = uvicorn.Config(
        make_app(found), ws="none", lifespan="off", log_level="warning", access_log=False,
        server_header=False, timeout_keep_alive=30, timeout_graceful_shutdown=2,
        proxy_headers=False,
    )  # fmt: skip
    # uvicorn raises the signal again at its end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


studio.add_command(export, "export")
studio.add_command(import_, "import")
