"""What the server refuses: one shape for pages and programs (RFC 9457)."""

from __future__ import annotations

from typing import Any

from peopleparse.errors import PeopleparseError


class Problem(PeopleparseError):
    """A request that is refused.

    Attributes:
        status: of HTTP.
        code: a word for programs, such as `quota-reached`.
        retry_after: seconds after which it may work, or None.
        extra: more members of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.retry_after = status, code, retry_after
        self.extra = extra

    def to_dict(self) -> dict[str, Any]:
        """Return the body of the answer, as application/problem+json."""
        body = {"type": f"about:blank#{self.code}", "code": self.code, "status": self.status}
        return body | {"detail": str(self)} | self.extra


def not_found() -> Problem:
    """What is not there and what may not be seen answer alike."""
    return Problem(404, "not-found", "page must exist and be yours to see, got neither.")
