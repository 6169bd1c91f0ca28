"""Passwords: scrypt with its parameters beside the hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import unicodedata

from peopleparse.web.problems import Problem

LEAST, MOST = 10, 200
COST = (1 << 14, 8, 5)  # n, r, p: 16 MB and about a fifth of a second
_LENGTH, _MEMORY = 32, 128 << 20
_FEW = threading.BoundedSemaphore(2)  # logins cannot take all memory and all processors


def check_password(password: str, *names: str) -> None:
    """Refuse a password that is easily guessed.

    Args:
        names: what it must not be: the e-mail address, the name.

    Raises:
        Problem: 422.
    """
    if not LEAST <= len(password) <= MOST:
        raise Problem(
            422, "password",
            f"password must be of {LEAST} to {MOST} characters, got {len(password)}.",
        )  # fmt: skip
    if len(set(password)) < 5 or password.casefold() in {name.casefold() for name in names}:
        raise Problem(422, "password", "password must be hard to guess, got an easy one.")


def hash_password(password: str) -> str:
    """Return `scrypt$n$r$p$salt$hash`."""
    n, r, p = COST
    salt = secrets.token_bytes(16)
    return f"scrypt${n}${r}${p}${_text(salt)}${_text(_scrypt(password, salt, n, r, p))}"


def is_password(password: str, stored: str | None) -> bool:
    """Return whether a password is the stored one; None costs the same work and is never it."""
    known = stored or _nobody()
    _, n, r, p, salt, wanted = known.split("$")
    found = _scrypt(password[: MOST + 1], base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(wanted)) and stored is not None


def _nobody() -> str:
    n, r, p = COST
    return f"scrypt${n}${r}${p}${_text(bytes(16))}${_text(bytes(_LENGTH))}"


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    text = unicodedata.normalize("NFKC", password).encode(errors="replace")
    with _FEW:
        return hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=_LENGTH)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
