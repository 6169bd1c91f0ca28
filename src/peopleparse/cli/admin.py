"""`peopleparse admin`: look after a benchmark server from its machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.server_options import (
    FOLDER,
    benchmark_options,
    make_settings,
    open_existing,
    open_home,
    place_options,
)
from peopleparse.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from peopleparse.server.tables import Account


@click.group()
def admin() -> None:
    """Look after a benchmark server: people, submissions, backups, export.

    The server may run meanwhile.
    """


@admin.command()
@click.argument("email")
@click.option("--name", default="Administrator", show_default=True, help="Of a new account.")
@place_options
def make(email: str, name: str, home: Path, database: str) -> None:
    """Make EMAIL an administrator; an account that is not there is made, with a password."""
    import secrets

    engine = open_existing(make_settings(home, database))
    from peopleparse.server import accounts

    known = accounts.find_by_email(engine, email)
    if known is not None:
        accounts.make_admin(engine, known.id)
        click.echo(f"{known.email} is an administrator.")
        return
    password = secrets.token_urlsafe(15)
    made = accounts.register(engine, email=email, name=name, password=password, is_admin=True)
    if made is None:
        raise InputError("account must be new or there, got one made meanwhile. Try again.")
    click.echo(f"{made.email} is an administrator. Password, shown this once: {password}")


@admin.command()
@click.argument("email")
@place_options
def approve(email: str, home: Path, database: str) -> None:
    """Let EMAIL take part."""
    engine = open_existing(make_settings(home, database))
    from peopleparse.server import accounts

    account = _find_account(engine, email)
    if account.disabled_at is not None:
        accounts.enable(engine, account.id)
    accounts.approve(engine, account.id)
    click.echo(f"{account.email} may take part.")


@admin.command()
@click.argument("email")
@place_options
def disable(email: str, home: Path, database: str) -> None:
    """Shut EMAIL out: logins and tokens end. `approve` takes it back."""
    engine = open_existing(make_settings(home, database))
    from peopleparse.server import accounts

    account = accounts.disable(engine, _find_account(engine, email).id)
    click.echo(f"{account.email} is shut out.")


@admin.command()
@click.argument("key")
@place_options
def retry(key: str, home: Path, database: str) -> None:
    """Score submission KEY again, that failed by our fault."""
    engine = open_existing(make_settings(home, database))
    from sqlalchemy import select

    from peopleparse.server import submissions
    from peopleparse.server.database import transaction
    from peopleparse.server.tables import Submission

    with transaction(engine) as session:
        found = session.scalar(select(Submission.id).where(Submission.key == key))
        if found is None:
            raise InputError(f"submission must be there, got none with the key '{key}'.")
        submissions.retry(session, found)
    click.echo(f"{key} is queued.")


@admin.command("list")
@click.option("--all", "everything", is_flag=True, help="Accounts and ended submissions, too.")
@place_options
def list_(everything: bool, home: Path, database: str) -> None:
    """List what waits for somebody: accounts, submissions, archives that two teams sent."""
    engine = open_existing(make_settings(home, database))
    from peopleparse.server import overview

    for line in overview.list_accounts(engine, everything):
        click.echo(line)
    for line in overview.list_submissions(engine, everything):
        click.echo(line)
    for line in overview.list_shared_archives(engine):
        click.echo(line)


@admin.command()
@click.option("--all", "everything", is_flag=True, help="Read every archive, not the newest 20.")
@benchmark_options
def doctor(everything: bool, home: Path, database: str, benchmarks: tuple[Path, ...]) -> None:
    """Say what is wrong with a server; exit 1 where something is.

    Run it as the user that the server runs as. Give each --benchmark, to have its truth looked at.
    """
    settings = make_settings(home, database, benchmarks)
    if not settings.home.is_dir():
        raise InputError(f"home must be that of a server, got none, at {settings.home}.")
    from peopleparse.server.doctor import examine

    findings = examine(settings, open_home(settings), everything=everything)
    for finding in findings:
        click.echo(f"{finding.level:<8}{finding.check:<15}{finding.text}".rstrip())
    if any(finding.level == "error" for finding in findings):
        raise click.exceptions.Exit(1)


@admin.command()
@click.argument("folder", type=FOLDER)
@place_options
def backup(folder: Path, home: Path, database: str) -> None:
    """Write rows, archives and keys into a new FOLDER. It holds secrets: keep it as you keep those.

    Benchmarks, with the truth, are not in it: they are folders of their own.
    """
    settings = make_settings(home, database)
    engine = open_existing(settings)
    from peopleparse.server.backup import make_backup

    manifest = make_backup(settings, engine, folder)
    click.echo(f"{_describe(manifest)} are in {folder}")


@admin.command()
@click.argument("folder", type=FOLDER)
@place_options
def restore(folder: Path, home: Path, database: str) -> None:
    """Put the backup FOLDER into an empty home and an empty database, of either engine."""
    settings = make_settings(home, database)
    from peopleparse.server.backup import read_manifest, restore_backup

    read_manifest(folder)
    manifest = restore_backup(settings, open_home(settings), folder)
    click.echo(f"{_describe(manifest)} are in {settings.home}")


@admin.command()
@click.argument("folder", type=FOLDER)
@benchmark_options
def export(folder: Path, home: Path, database: str, benchmarks: tuple[Path, ...]) -> None:
    """Write rules, images and signed boards into a new FOLDER that anyone may have."""
    if not benchmarks:
        raise click.UsageError("--benchmark must be given once or more, got none.")
    settings = make_settings(home, database, benchmarks)
    engine = open_existing(settings)
    from peopleparse.server.export import write_export

    for path in write_export(settings, engine, folder):
        click.echo(path)


@admin.command()
@click.argument("file", type=FOLDER)
@click.option("--key", default=None, metavar="BASE64",
              help="Public key that is trusted; default: the one in FILE.")  # fmt: skip
def verify(file: Path, key: str | None) -> None:
    """Check the signatures in FILE: a result, or a board of an export. No server is asked."""
    from peopleparse.cli.extras import need_extra

    need_extra("server", "cryptography", "sqlalchemy")
    from peopleparse.server.export import read_signed
    from peopleparse.server.signing import verify_result

    try:
        results = read_signed(json.loads(file.read_bytes()))
    except (OSError, ValueError) as error:
        raise InputError(
            f"file must be JSON with signed results, got '{error}', at {file}."
        ) from None
    for result in results:
        claim = verify_result(result, key)
        score = (claim.get("scores") or {}).get("score")
        shown = "-" if score is None else f"{100 * score:.6g} %"
        click.echo(f"good  {claim.get('benchmark')}  {claim.get('submission')}  {shown}")
    if key is None and results:
        click.echo(f"All by key {results[0]['public_key']}: compare it with the server's own.")


def _find_account(engine: Engine, email: str) -> Account:
    from peopleparse.server import accounts

    found = accounts.find_by_email(engine, email)
    if found is None:
        raise InputError(f"account must be there, got none for '{email}'. See admin list --all.")
    return found


def _describe(manifest: dict[str, Any]) -> str:
    rows = sum(table["rows"] for table in manifest["tables"].values())
    size = manifest["blob_bytes"] / (1 << 20)
    return f"{rows} rows, {manifest['blobs']} archives ({size:.1f} MiB)"
