"""Signed results: a number in a paper can be checked after the server is gone (Ed25519)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from peopleparse.errors import InputError
from peopleparse.server.board import shown_scores
from peopleparse.server.tables import Benchmark, Phase, Submission

KEY_FILE = "results.key"
ALGORITHM = "ed25519"
_KEY_BYTES = 32


def load_key(keys: Path) -> Ed25519PrivateKey:
    """Return the key that signs results, made at the first call.

    Args:
        keys: folder; it is made, for its owner alone.

    Raises:
        InputError: the file is not a key.
    """
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = keys / KEY_FILE
    if not path.exists():
        _make_key(path)
    data = path.read_bytes()
    if len(data) != _KEY_BYTES:
        raise InputError(
            f"key must be {_KEY_BYTES} bytes, got {len(data)}, at {path}. "
            "Put it back from a backup; without it no result can be signed as before."
        )
    return Ed25519PrivateKey.from_private_bytes(data)


def _make_key(path: Path) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(part, path)
    finally:
        part.unlink()


def public_text(key: Ed25519PrivateKey) -> str:
    """Return the public half, base64 of its 32 bytes."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def canonical(values: Any) -> bytes:
    """Return the one spelling of a JSON value: keys sorted, no spaces, UTF-8.

    >>> canonical({"b": 0.5, "a": "x"})
    b'{"a":"x","b":0.5}'
    """
    text = json.dumps(
        values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def claim_of(
    benchmark: Benchmark, phase: Phase, submission: Submission, *, is_closed: bool
) -> dict[str, Any]:
    """Return what is said of a scored submission: no score that its board does not show, too."""
    return {
        "benchmark": benchmark.slug,
        "manifest_sha256": benchmark.manifest_sha256,
        "phase": phase.slug,
        "phase_closed": is_closed,
        "submission": submission.key,
        "archive_sha256": submission.blob_sha256,
        "scorer": submission.scorer,
        "scores": shown_scores(submission, phase, is_closed=is_closed),
        "accepted": (submission.queued_at or submission.created_at) // 1000,
    }


def sign_result(key: Ed25519PrivateKey, claim: dict[str, Any]) -> dict[str, Any]:
    """Return a claim with its signature, which `verify_result` takes."""
    return {
        "claim": claim,
        "algorithm": ALGORITHM,
        "public_key": public_text(key),
        "signature": base64.b64encode(key.sign(canonical(claim))).decode(),
    }


def verify_result(result: Any, public_key: str | None = None) -> dict[str, Any]:
    """Return the claim of a signed result whose signature holds.

    Args:
        public_key: base64, from a source that is trusted; None takes the result's own, which says
            only that nobody changed it since it was signed by whoever has that key.

    Raises:
        InputError: it is no signed result, or changed, or of another key.
    """
    try:
        claim, signed_by = result["claim"], str(result["public_key"])
        signature = base64.b64decode(result["signature"], validate=True)
        trusted = base64.b64decode(public_key or signed_by, validate=True)
        key = Ed25519PublicKey.from_public_bytes(trusted)
        message = canonical(claim)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise InputError(
            "result must be a signed one with claim, public_key and signature, got another. "
            "Fetch it from the server or its export."
        ) from None
    if not isinstance(claim, dict):
        raise InputError("claim must be an object, got another. Fetch the result again.")
    try:
        key.verify(signature, message)
    except InvalidSignature:
        raise InputError(
            f"signature must be that of key {(public_key or signed_by)[:12]}..., got another. "
            "The result was changed or comes from another server."
        ) from None
    return claim
