"""Logins: hashed secrets, a new one each time, and an end."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import Engine, select, update
from starlette.responses import Response

from peopleparse.server import accounts, logins, passwords
from peopleparse.server.database import reading, transaction
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Account, Login
from peopleparse.web.problems import Problem

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))


@pytest.fixture
def ada(engine: Engine) -> Account:
    made = accounts.register(engine, email="ada@example.org", name="Ada", password=PASSWORD)
    assert made is not None
    return made


def rows(engine: Engine) -> list[Login]:
    with reading(engine) as session:
        return list(session.scalars(select(Login).order_by(Login.id)))


def test_the_secret_is_stored_as_its_hash(engine: Engine, settings: Settings, ada: Account) -> None:
    account, secret = logins.log_in(engine, settings, " ADA@example.org ", PASSWORD)
    assert account.id == ada.id and len(secret) == 43
    [row] = rows(engine)
    assert row.secret_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    found = logins.find(engine, secret)
    assert found is not None and found[0].id == ada.id
    assert logins.find(engine, row.secret_sha256) is None, "the hash opens nothing"


def test_logging_in_again_ends_the_old_login(
    engine: Engine, settings: Settings, ada: Account
) -> None:
    _, first = logins.log_in(engine, settings, ada.email, PASSWORD)
    _, second = logins.log_in(engine, settings, ada.email, PASSWORD, old_secret=first)
    assert first != second and len(rows(engine)) == 1
    assert logins.find(engine, first) is None and logins.find(engine, second) is not None


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.org", "wrong horse battery"), ("eve@example.org", PASSWORD), ("", ""),
     ("a\0@b", "\ud800")],
)  # fmt: skip
def test_every_wrong_login_answers_alike(
    engine: Engine, settings: Settings, ada: Account, email: str, password: str
) -> None:
    with pytest.raises(Problem, match="e-mail and password must be those of an account") as found:
        logins.log_in(engine, settings, email, password)
    assert found.value.status == 401 and rows(engine) == []


@pytest.mark.parametrize("column", ["expires_at", "used_at"])
def test_logins_end(engine: Engine, settings: Settings, ada: Account, column: str) -> None:
    _, secret = logins.log_in(engine, settings, ada.email, PASSWORD)
    row = rows(engine)[0]
    past = row.used_at - (logins.IDLE_MS if column == "used_at" else 0)
    with transaction(engine) as session:
        session.execute(update(Login).values({column: past}))
    assert logins.find(engine, secret) is None


def test_use_is_noted_once_a_minute(engine: Engine, settings: Settings, ada: Account) -> None:
    _, secret = logins.log_in(engine, settings, ada.email, PASSWORD)
    before = rows(engine)[0].used_at
    logins.find(engine, secret)
    assert rows(engine)[0].used_at == before
    with transaction(engine) as session:
        session.execute(update(Login).values(used_at=before - 60_000))
    logins.find(engine, secret)
    assert rows(engine)[0].used_at >= before


def test_log_out_here_and_everywhere(engine: Engine, settings: Settings, ada: Account) -> None:
    _, first = logins.log_in(engine, settings, ada.email, PASSWORD)
    _, second = logins.log_in(engine, settings, ada.email, PASSWORD)
    found = logins.find(engine, first)
    assert found is not None
    logins.log_out(engine, found[1])
    assert logins.find(engine, first) is None and logins.find(engine, second) is not None
    assert logins.log_out_everywhere(engine, ada.id) == 1
    assert logins.find(engine, second) is None


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie(tmp_path: object, secure: bool) -> None:
    settings = Settings(home=tmp_path, secure_cookies=secure)  # type: ignore[arg-type]
    response = Response()
    logins.set_cookie(response, settings, "s")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-peopleparse=s" if secure else "peopleparse=s")
    assert ("Secure" in cookie) is secure
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    assert "Domain" not in cookie
    logins.clear_cookie(response, settings)
    assert "Max-Age=0" in response.headers.getlist("set-cookie")[1]


@pytest.mark.parametrize(
    "address",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "evil",
     "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "", None, "/a\\b", " /x"],
)  # fmt: skip
def test_no_open_redirect(address: str | None) -> None:
    assert logins.local_path(address) == "/"


def test_local_paths_are_kept() -> None:
    assert logins.local_path("/submissions/abc?x=1") == "/submissions/abc?x=1"
    assert logins.local_path("//x", otherwise="/account") == "/account"
