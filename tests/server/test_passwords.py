"""Passwords: stored with their parameters, the same work for nobody as for somebody."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from peopleparse.server import passwords
from peopleparse.web.problems import Problem

REAL_COST = passwords.COST


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))


def test_a_stored_password_knows_its_own_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = passwords.hash_password("correct horse battery")
    assert stored.startswith("scrypt$16$8$1$") and len(stored) <= 255
    monkeypatch.setattr(passwords, "COST", (1 << 5, 8, 2))
    assert passwords.is_password("correct horse battery", stored)
    assert not passwords.is_password("correct horse batterz", stored)
    assert stored != passwords.hash_password("correct horse battery"), "salted"


def test_composed_and_decomposed_letters_are_one_password() -> None:
    assert passwords.is_password("cafe\u0301 au lait", passwords.hash_password("caf\u00e9 au lait"))


def test_nobody_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    real = hashlib.scrypt

    def spy(text: bytes, **given: Any) -> bytes:
        calls.append({name: given[name] for name in ("n", "r", "p", "dklen")})
        return real(text, **given)

    stored = passwords.hash_password("correct horse battery")
    monkeypatch.setattr(hashlib, "scrypt", spy)
    assert not passwords.is_password("correct horse battery", None)
    assert not passwords.is_password("another horse battery", stored)
    assert len(calls) == 2 and calls[0] == calls[1]


def test_the_real_cost_is_what_is_advised_today() -> None:
    n, r, p = REAL_COST
    assert n * r * p >= (1 << 14) * 8 * 5 and 128 * n * r <= 64 << 20


@pytest.mark.parametrize("password", ["short", "x" * 201])
def test_length(password: str) -> None:
    with pytest.raises(Problem, match="password must be of 10 to 200 characters, got"):
        passwords.check_password(password)


@pytest.mark.parametrize("password", ["aaaaaaaaaaaa", "ADA@example.org", "abababababab"])
def test_easy_ones(password: str) -> None:
    with pytest.raises(Problem, match="password must be hard to guess, got an easy one"):
        passwords.check_password(password, "ada@example.org", "Ada")
