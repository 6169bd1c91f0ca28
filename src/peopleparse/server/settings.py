"""What a server is told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1 << 20
DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True)
class Settings:
    """One server.

    Attributes:
        home: folder of everything that the server writes: database, blobs, quarantine, mail, keys.
        benchmarks: folders of benchmarks; the truth stays there and nowhere else.
        database: address; default: SQLite in `home`.
        upload_cap: bytes of an archive.
        secure_cookies: send cookies over HTTPS only; off on loopback.
        open_registration: accounts may take part at once; otherwise an administrator approves each.
        lease_ms: how long a worker may be silent; heartbeats come six times as often.
        attempts: how often a submission is tried whose worker died.
        child_seconds, child_bytes: what scoring one archive may take, of time and of memory.
        session_ms: how long a browser stays logged in.
    """

    home: Path
    benchmarks: tuple[Path, ...] = ()
    database: str = ""
    upload_cap: int = 500 * MEBIBYTE
    secure_cookies: bool = False
    open_registration: bool = False
    lease_ms: int = 30_000
    attempts: int = 3
    child_seconds: int = 600
    child_bytes: int = 1024 * MEBIBYTE
    session_ms: int = 14 * DAY_MS

    @property
    def database_url(self) -> str:
        """The address of the database."""
        return self.database or f"sqlite:///{self.home / 'server.sqlite3'}"

    @property
    def blobs(self) -> Path:
        """Archives, by their SHA-256."""
        return self.home / "blobs"

    @property
    def quarantine(self) -> Path:
        """Uploads that are not whole yet."""
        return self.home / "quarantine"

    @property
    def mail(self) -> Path:
        """Letters as files, where no mail server is named."""
        return self.home / "mail"

    @property
    def keys(self) -> Path:
        """The key that signs results and the one that signs forms."""
        return self.home / "keys"
