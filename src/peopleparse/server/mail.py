"""The outbox: letters leave at least once, as files by default, over SMTP where it is named."""

from __future__ import annotations

import logging
import os
import re
import smtplib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine, select, update

from peopleparse.data.files import part_path
from peopleparse.errors import InputError
from peopleparse.server.database import now, reading, transaction
from peopleparse.server.tables import Letter

Send = Callable[[int, EmailMessage], None]
MOST_ATTEMPTS = 10
_FIRST_WAIT_MS = 60_000
_TIMEOUT = 30
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_LOG = logging.getLogger(__name__)


def check_address(address: str) -> str:
    """Return an e-mail address that is exactly one.

    Raises:
        InputError: it is none, or could bring a line of its own into a letter.
    """
    if not _ADDRESS.fullmatch(address):
        raise InputError("e-mail address must be one of the form name@host, got another.")
    return address


def make_message(sender: str, letter: Letter) -> EmailMessage:
    """Return a letter as it goes out.

    Raises:
        InputError: an address is not one, or the subject has more than one line.
    """
    if _CONTROL.search(letter.subject):
        raise InputError("subject must be one line of text, got control characters.")
    message = EmailMessage(policy=SMTP)
    message["From"] = check_address(sender)
    message["To"] = check_address(letter.recipient)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.created_at / 1000, UTC))
    # The same at each try, so that a second copy can be known as one.
    message["Message-ID"] = make_id(letter, sender)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message


def make_id(letter: Letter, sender: str) -> str:
    """Return the Message-ID of a letter, without anything about a person."""
    host = sender.rpartition("@")[2]
    return f"<peopleparse.{letter.created_at}.{letter.id}@{host}>"


def to_folder(folder: Path) -> Send:
    """Return what writes letters as files NUMBER.eml, for their owner alone."""

    def send(number: int, message: EmailMessage) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{number:08d}.eml"
        part = part_path(path)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message.as_bytes())
        os.replace(part, path)

    return send


def to_server(address: str) -> Send:
    """Return what hands letters to a mail server.

    Args:
        address: smtps://USER:PASSWORD@HOST:PORT, or smtp:// with STARTTLS where a password is
            given or the server offers it.

    Raises:
        InputError: the address is of another form.
    """
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
        url = urlsplit("")
    if url.scheme not in ("smtp", "smtps") or not host:
        # It is not repeated: it may hold a password.
        raise InputError(
            "mail server must be smtp://HOST:PORT or smtps://USER:PASSWORD@HOST:PORT, got another. "
            "Give its full address."
        )
    user, password = unquote(url.username or ""), unquote(url.password or "")

    def send(number: int, message: EmailMessage) -> None:
        secure = ssl.create_default_context()
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port or 465, timeout=_TIMEOUT, context=secure
            )
        else:
            server = smtplib.SMTP(host, port or 587, timeout=_TIMEOUT)
        with server:
            server.ehlo()
            if url.scheme == "smtp" and (user or server.has_extn("starttls")):
                server.starttls(context=secure)  # a password never goes out in the clear
            if user:
                server.login(user, password)
            server.send_message(message)

    return send


def deliver(engine: Engine, send: Send, sender: str, since: int = 0, most: int = 50) -> int:
    """Send the letters that are due and return how many left.

    A letter that could not leave is tried again after 1, 2, 4, ... minutes, ten times in all.

    Args:
        since: milliseconds; waiting is counted from there for letters that are older, so that a
            long stop does not use up all tries at once.
    """
    with reading(engine) as session:
        time = now(session)
        waiting = session.scalars(
            select(Letter)
            .where(Letter.sent_at.is_(None), Letter.attempts < MOST_ATTEMPTS)
            .order_by(Letter.attempts, Letter.id)
            .limit(1000)
        ).all()
    due = [letter for letter in waiting if _due_at(letter, since) <= time]
    return sum(_deliver_one(engine, send, sender, letter) for letter in due[:most])


def _due_at(letter: Letter, since: int) -> int:
    if letter.attempts == 0:
        return 0
    return max(letter.created_at, since) + _FIRST_WAIT_MS * (2**letter.attempts - 1)


def _deliver_one(engine: Engine, send: Send, sender: str, letter: Letter) -> bool:
    """Count the try first: who dies in it sends once more, and two never send the same try."""
    with transaction(engine) as session:
        taken = session.execute(
            update(Letter)
            .where(
                Letter.id == letter.id,
                Letter.attempts == letter.attempts,
                Letter.sent_at.is_(None),
            )
            .values(attempts=letter.attempts + 1)
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]
            return False
    try:
        send(letter.id, make_message(sender, letter))
    except (InputError, OSError, smtplib.SMTPException, ValueError) as error:
        _LOG.warning("letter not sent: %s", type(error).__name__, extra={"letter": letter.id})
        # Servers repeat addresses in their answers; the type and the code are enough.
        reason = f"{type(error).__name__} {getattr(error, 'smtp_code', '')}".strip()
        with transaction(engine) as session:
            session.execute(update(Letter).where(Letter.id == letter.id).values(error=reason))
        return False
    with transaction(engine) as session:
        session.execute(
            update(Letter).where(Letter.id == letter.id).values(sent_at=now(session), error="")
        )
    return True
