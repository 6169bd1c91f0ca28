"""`peopleparse serve`: a benchmark server with its workers."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.server_options import (
    DATABASE_VARIABLE,
    benchmark_options,
    lease_option,
    make_settings,
    open_home,
)
from peopleparse.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from peopleparse.server.settings import Settings

_HEAD_BYTES = 16 * 1024
_KEEP_ALIVE, _GRACE = 10, 20
_CONNECTIONS = 400
_MAIL_SECONDS = 5.0


@click.command()
@benchmark_options
@lease_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True,
              help="0 takes a free one.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N",
              help="Processes that score.")  # fmt: skip
@click.option("--no-worker", is_flag=True, help="Score elsewhere: see peopleparse worker.")
@click.option("--open-registration", is_flag=True,
              help="Accounts need no approval by an administrator.")  # fmt: skip
@click.option("--behind-https", is_flag=True,
              help="A proxy in front speaks HTTPS: cookies over HTTPS only.")  # fmt: skip
@click.option("--proxy", "proxies", multiple=True, default=("127.0.0.1", "::1"), metavar="ADDRESS",
              help="With --behind-https, whose X-Forwarded-For is believed.")  # fmt: skip
@click.option("--upload-cap", type=click.IntRange(min=1), default=500, show_default=True,
              metavar="MIB", help="Greatest archive.")  # fmt: skip
@click.option("--smtp", default="", envvar="PEOPLEPARSE_SMTP", metavar="URL",
              help="Mail server, smtps://USER:PASSWORD@HOST; best in PEOPLEPARSE_SMTP. "
              "Default: letters as files in HOME/mail.")  # fmt: skip
@click.option("--mail-from", default="peopleparse@localhost", show_default=True, metavar="ADDRESS",
              help="Sender of letters.")  # fmt: skip
def serve(
    home: Path, database: str, benchmarks: tuple[Path, ...], host: str, port: int, **given: Any
) -> None:
    """Serve benchmarks: pages, API and scoring.

    On SQLite and a local folder it needs nothing else. The truth stays in the folders of the
    benchmarks. Stop it with Ctrl-C or SIGTERM: uploads in hand have 20 seconds, jobs go back to
    the queue.
    """
    if not benchmarks:
        raise click.UsageError(
            "--benchmark must be given once or more, got none. "
            "Make one: peopleparse benchmark make."
        )
    settings = make_settings(
        home, database, benchmarks, open_registration=given["open_registration"],
        secure_cookies=given["behind_https"], upload_cap=given["upload_cap"] << 20,
        lease_ms=given["lease"] * 1000,
    )  # fmt: skip
    from peopleparse.server import logs, mail, migrate
    from peopleparse.server.lock import only_server

    send = mail.to_server(given["smtp"]) if given["smtp"] else mail.to_folder(settings.mail)
    sender = mail.check_address(given["mail_from"])
    engine = open_home(settings)
    with ExitStack() as stack:
        stack.enter_context(only_server(settings))
        migrate.upgrade(engine)
        listener = stack.enter_context(_listen(host, port))
        app = _make_app(settings, engine)
        logs.set_up()
        _greet(listener, engine, settings)
        stack.enter_context(_mailing(engine, send, sender))
        workers = stack.enter_context(
            _working(settings, 0 if given["no_worker"] else given["workers"])
        )
        _serve(app, listener, workers, given)


def _make_app(settings: Settings, engine: Engine) -> Any:
    from peopleparse.server import signing
    from peopleparse.server.app import make_app

    signing.load_key(settings.keys)
    app = make_app(settings, engine)
    for benchmark in app.state.benchmarks.values():
        if settings.home in (benchmark.truth, *benchmark.truth.parents):
            raise InputError(
                f"truth must be outside the home {settings.home}, got one inside, of benchmark "
                f"'{benchmark.slug}'. Keep it apart from what the server writes."
            )
    return app


def _serve(app: Any, listener: socket.socket, workers: Any, given: dict[str, Any]) -> None:
    import secrets

    import uvicorn

    from peopleparse.server.logs import RequestLog
    from peopleparse.server.patience import PatientProtocol

    logged = RequestLog(app, lambda: secrets.token_hex(6))
    app.state.requests, app.state.workers = logged, workers
    config = uvicorn.Config(
        logged,
        http=PatientProtocol, ws="none", lifespan="on", log_config=None, access_log=False,
        server_header=False, h11_max_incomplete_event_size=_HEAD_BYTES,
        limit_concurrency=_CONNECTIONS, timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE, proxy_headers=given["behind_https"],
        forwarded_allow_ips=list(given["proxies"]),
    )  # fmt: skip
    # uvicorn raises the signal again at its end: what is below on the stack must still be done.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise InputError(
            f"address must be free and of this machine, got '{error.strerror}', at {host}:{port}. "
            "Choose another with --host or --port."
        ) from None
    with listener:
        yield listener


def _greet(listener: socket.socket, engine: Engine, settings: Settings) -> None:
    from peopleparse.server.doctor import count_admins

    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Serving http://{shown}:{port} from {settings.home}")
    if count_admins(engine) == 0:
        at = "" if settings.database else f" --home {settings.home}"
        click.echo(f"There is no administrator yet: peopleparse admin make EMAIL{at}")
    sys.stdout.flush()


@contextmanager
def _mailing(engine: Engine, send: Any, sender: str) -> Iterator[None]:
    """Deliver letters from a thread."""
    import logging
    import time

    from peopleparse.server import mail

    stop, since = threading.Event(), time.time_ns() // 1_000_000

    def run() -> None:
        while not stop.wait(_MAIL_SECONDS):
            try:
                mail.deliver(engine, send, sender, since)
            except Exception:  # the database may be away: the next round tries again
                logging.getLogger("peopleparse.server.mail").exception("letters wait")

    thread = threading.Thread(target=run, name="mail", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=_MAIL_SECONDS)


@contextmanager
def _working(settings: Settings, count: int) -> Iterator[Any]:
    """Keep workers beside the server; a secret in the database's address is in no command line."""
    from peopleparse.server.supervisor import Supervisor

    command = [sys.executable, "-m", "peopleparse", "worker", "--ends-with-input"]
    command += ["--home", str(settings.home), "--lease", str(settings.lease_ms // 1000)]
    for folder in settings.benchmarks:
        command += ["--benchmark", str(folder)]
    names = [f"local-{number}" for number in range(1, count + 1)]
    workers = Supervisor(
        [[*command, "--name", name] for name in names], {DATABASE_VARIABLE: settings.database}
    )
    workers.start()
    try:
        yield workers
    finally:
        workers.stop()
