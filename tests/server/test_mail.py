"""The outbox: at least once, never two at a time, and no line that somebody smuggled in."""

from __future__ import annotations

import smtplib
import stat
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from peopleparse.errors import InputError
from peopleparse.server import mail
from peopleparse.server.database import now, reading, transaction
from peopleparse.server.tables import Letter

SENDER = "board@example.org"
MINUTE = 60_000


def _add(engine: Engine, **values: object) -> int:
    with transaction(engine) as session:
        given = {"recipient": "ada@example.org", "subject": "Scored", "body": "Grüße\n"}
        letter = Letter(created_at=now(session), **{**given, **values})
        session.add(letter)
        session.flush()
        return letter.id


def _read(engine: Engine, number: int) -> Letter:
    with reading(engine) as session:
        return session.get_one(Letter, number)


def test_a_letter_becomes_a_file_that_names_nobody(engine: Engine, tmp_path: Path) -> None:
    number = _add(engine)
    send = mail.to_folder(tmp_path / "mail")
    assert mail.deliver(engine, send, SENDER) == 1
    assert mail.deliver(engine, send, SENDER) == 0
    (path,) = (tmp_path / "mail").iterdir()
    assert path.name == f"{number:08d}.eml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    message = message_from_bytes(path.read_bytes())
    assert message["To"] == "ada@example.org"
    assert message.get_payload(decode=True).decode() == "Grüße\r\n"
    assert _read(engine, number).sent_at is not None


def test_what_fails_is_tried_again_later_and_not_for_ever(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = _add(engine)
    start = _read(engine, number).created_at
    time, tries = start, 0

    def refuse(_: int, message: EmailMessage) -> None:
        nonlocal tries
        tries += 1
        raise smtplib.SMTPRecipientsRefused({message["To"]: (550, b"no such user ada")})

    monkeypatch.setattr(mail, "now", lambda session: time)
    for minutes, expected in ((0, 1), (0.5, 1), (1, 2), (2, 2), (3, 3), (6, 3), (7, 4)):
        time = int(start + minutes * MINUTE)
        assert mail.deliver(engine, refuse, SENDER) == 0
        assert tries == expected
    letter = _read(engine, number)
    assert letter.error == "SMTPRecipientsRefused"  # no address of a person
    assert letter.sent_at is None
    # After a long stop, waiting begins anew.
    time = start + 10_000 * MINUTE
    mail.deliver(engine, refuse, SENDER, since=time)
    assert tries == 4
    for _ in range(20):
        mail.deliver(engine, refuse, SENDER)
    assert tries == mail.MOST_ATTEMPTS


def test_a_crash_while_sending_sends_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    number = _add(engine)

    def die(_: int, message: EmailMessage) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mail.deliver(engine, die, SENDER)
    later = _read(engine, number).created_at + MINUTE
    monkeypatch.setattr(mail, "now", lambda session: later)
    sent: list[int] = []
    assert mail.deliver(engine, lambda number, _: sent.append(number), SENDER) == 1
    assert sent == [number]


def test_two_that_deliver_do_not_send_the_same_try(engine: Engine) -> None:
    number = _add(engine)
    sent: list[int] = []
    letter = _read(engine, number)
    assert mail._deliver_one(engine, lambda one, _: sent.append(one), SENDER, letter)
    assert not mail._deliver_one(engine, lambda one, _: sent.append(one), SENDER, letter)
    assert sent == [number]


@pytest.mark.parametrize(
    "values",
    [
        {"recipient": "a@example.org\r\nBcc: b@example.org"},
        {"recipient": "a@example.org, b@example.org"},
        {"recipient": "a@example.org\n"},
        {"recipient": '"x\r\nBcc: b"@example.org'},
        {"subject": "Hello\r\nBcc: b@example.org"},
        {"subject": "Hello\u2028Bcc: b@example.org"},
    ],
)
def test_headers_cannot_be_smuggled_in(engine: Engine, values: dict[str, str]) -> None:
    number = _add(engine, **values)
    sent: list[int] = []
    assert mail.deliver(engine, lambda one, _: sent.append(one), SENDER) == 0
    assert sent == []
    assert _read(engine, number).error == "InputError"


def test_the_errors_of_addresses_say_what_is_wanted() -> None:
    letter = Letter(id=1, created_at=0, recipient="a@b.c", subject="a\nb", body="")
    with pytest.raises(InputError, match="subject must be one line"):
        mail.make_message(SENDER, letter)
    with pytest.raises(InputError, match="e-mail address must be one of the form name@host"):
        mail.check_address("nobody")


@pytest.mark.parametrize("address", ["http://host", "smtps://:p@", "host:25", "smtp://host:port"])
def test_a_mail_server_is_named_whole_and_never_repeated(address: str) -> None:
    with pytest.raises(InputError, match="mail server must be smtp://HOST:PORT") as caught:
        mail.to_server(address)
    assert address not in str(caught.value)


class _Server:
    """What smtplib would talk to."""

    calls: list[str] = []

    def __init__(self, host: str, port: int, **_: object) -> None:
        self.calls.append(f"{host}:{port}")

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("quit")

    def has_extn(self, name: str) -> bool:
        return False

    def ehlo(self) -> None: ...

    def starttls(self, **_: object) -> None:
        self.calls.append("starttls")

    def login(self, user: str, password: str) -> None:
        self.calls.append(f"login {user} {password}")

    def send_message(self, message: EmailMessage) -> None:
        self.calls.append(f"send {message['Subject']}")


@pytest.mark.parametrize(
    ("address", "calls"),
    [
        ("smtp://host:25", ["host:25"]),
        ("smtp://u:p%40ss@host", ["host:587", "starttls", "login u p@ss"]),
        ("smtps://u:p@host", ["host:465", "login u p"]),
    ],
)
def test_a_password_goes_out_over_tls_alone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, address: str, calls: list[str]
) -> None:
    monkeypatch.setattr(_Server, "calls", [])
    monkeypatch.setattr(smtplib, "SMTP", _Server)
    monkeypatch.setattr(smtplib, "SMTP_SSL", _Server)
    _add(engine)
    assert mail.deliver(engine, mail.to_server(address), SENDER) == 1
    assert _Server.calls == [*calls, "send Scored", "quit"]
    with transaction(engine) as session:
        session.execute(update(Letter).values(sent_at=None))
        assert session.scalars(select(Letter.error)).all() == [""]
