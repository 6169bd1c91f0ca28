"""Tokens: shown once, found by a prefix, compared whole, and ended."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select, update

from peopleparse.server import tokens
from peopleparse.server.database import reading, transaction
from peopleparse.server.tables import Account, Token
from peopleparse.web.problems import Problem
from tests.server.rows import add_account


@pytest.fixture
def ada(engine: Engine) -> Account:
    with transaction(engine) as session:
        return add_account(session)


def test_a_token_is_stored_as_its_hash(engine: Engine, ada: Account) -> None:
    row, text = tokens.make(engine, ada, " my  laptop ", "read", days=1)
    assert text.startswith("pp_") and len(text) == 46 and row.name == "my laptop"
    assert row.prefix == text[3:11] and text[11:] not in str(vars(row))
    account, found = tokens.find(engine, f"bearer {text}")
    assert (account.id, found.id, found.scope) == (ada.id, row.id, "read")
    with reading(engine) as session:
        assert session.get_one(Token, row.id).used_at is not None


def test_use_is_noted_once_a_minute(engine: Engine, ada: Account) -> None:
    row, text = tokens.make(engine, ada, "a")
    tokens.find(engine, f"Bearer {text}")
    with transaction(engine) as session:
        used = session.get_one(Token, row.id).used_at
    tokens.find(engine, f"Bearer {text}")
    with reading(engine) as session:
        assert session.get_one(Token, row.id).used_at == used


def test_a_prefix_alone_opens_nothing(engine: Engine, ada: Account) -> None:
    _, text = tokens.make(engine, ada, "a")
    twin = text[:11] + text[11:][::-1]
    with pytest.raises(Problem, match="token must be a valid one as 'Authorization: Bearer pp_"):
        tokens.find(engine, f"Bearer {twin}")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer pp_" + "\0" * 43, "Bearer " + "x" * 9999],
)
def test_headers_of_another_form(engine: Engine, header: str) -> None:
    with pytest.raises(Problem, match="token must be a valid one") as found:
        tokens.find(engine, header)
    assert found.value.status == 401


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_ended_tokens(engine: Engine, ada: Account, column: str) -> None:
    row, text = tokens.make(engine, ada, "a")
    with transaction(engine) as session:
        session.execute(update(Token).values({column: row.created_at}))
    with pytest.raises(Problem, match="token must be a valid one"):
        tokens.find(engine, f"Bearer {text}")


def test_only_the_owner_revokes(engine: Engine, ada: Account) -> None:
    row, _ = tokens.make(engine, ada, "a")
    with transaction(engine) as session:
        eve = add_account(session)
    with pytest.raises(Problem, match="page must exist and be yours to see"):
        tokens.revoke(engine, eve, row.id)
    tokens.revoke(engine, ada, row.id)
    tokens.revoke(engine, ada, row.id)
    [one] = tokens.tokens_of(engine, ada)
    assert one.revoked_at is not None and tokens.tokens_of(engine, eve) == []


def test_what_a_token_may_be(engine: Engine, ada: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match="scope must be read or submit, got 'admin'"):
        tokens.make(engine, ada, "a", "admin")
    with pytest.raises(Problem, match="days must be 1 to 366, got 0"):
        tokens.make(engine, ada, "a", days=0)
    with pytest.raises(Problem, match="name of a token must be of 1 to 80 characters"):
        tokens.make(engine, ada, " ")
    monkeypatch.setattr(tokens, "MOST_TOKENS", 1)
    row, _ = tokens.make(engine, ada, "a")
    with pytest.raises(Problem, match="tokens must be at most 1, got one more"):
        tokens.make(engine, ada, "b")
    tokens.revoke(engine, ada, row.id)
    tokens.make(engine, ada, "b")
    with reading(engine) as session:
        assert len(session.scalars(select(Token)).all()) == 2
