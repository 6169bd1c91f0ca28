"""Names and addresses as people type them."""

from __future__ import annotations

import re
import unicodedata

from peopleparse.web.problems import Problem

_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])"
)
_MOST_EMAIL, _MOST_NAME = 254, 80
_HIDDEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")  # categories of Unicode
# Letters of other alphabets that look like these, so that no team passes for another.
_TWINS = str.maketrans("аеорсухіјѕԁһӏοαενρτυικ01|", "aeopcyxijsdhloavvptuikoll")


def clean_email(text: str) -> str:
    """Return an e-mail address in lower case.

    Raises:
        Problem: 422; letters of other alphabets, spaces and line ends are not taken.
    """
    email = text.strip().lower()
    if len(email) > _MOST_EMAIL or not _EMAIL.fullmatch(email):
        raise Problem(
            422, "email", "e-mail must be an address such as ada@example.org, got another text."
        )
    return email


def clean_name(text: str, what: str = "name", most: int = _MOST_NAME) -> str:
    """Return a name in composed form, with single spaces.

    Raises:
        Problem: 422 where it is empty, too long, or has characters that cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= most:
        raise Problem(422, "name", f"{what} must be of 1 to {most} characters, got {len(name)}.")
    hidden = [letter for letter in name if unicodedata.category(letter) in _HIDDEN]
    if hidden:
        raise Problem(
            422, "name",
            f"{what} must be of letters that can be seen, got U+{ord(hidden[0]):04X}.",
        )  # fmt: skip
    return name


def fold_name(name: str) -> str:
    """Return what two names share that look alike."""
    folded = unicodedata.normalize("NFKD", name).casefold().translate(_TWINS)
    kept = "".join(letter for letter in folded if letter.isalnum())
    return (kept or folded)[:_MOST_NAME]


def typed_email(text: str) -> str:
    """Return an address to look for, "" for what nobody can have."""
    try:
        return clean_email(text)
    except Problem:
        return ""
