"""What scoring an archive comes to; it crosses from the scoring process as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

MOST_FAULTS = 20  # more are counted, not listed


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an archive.

    Attributes:
        code: a word for programs, such as `png-size`.
        file: a member of the archive, "" for the archive.
        expected, found: what should be there, and what is.
    """

    code: str
    file: str
    expected: str
    found: str

    def __str__(self) -> str:
        place = f", at {self.file}" if self.file else ""
        return f"{self.code}: expected {self.expected}, found {self.found}{place}"


@dataclass(frozen=True)
class Outcome:
    """The end of a submission.

    Attributes:
        state: scored, rejected or failed.
        faults: what is wrong with the archive; of rejected ones only.
        message: a sentence for its owner.
        public_scores, private_scores: headline fractions by name, and by sub-data set under
            `subsets`; never of one image, person or label.
        public_score, private_score: those that rank.
        scorer: version of what scored.
    """

    state: str
    faults: tuple[Fault, ...] = ()
    message: str = ""
    public_scores: dict[str, Any] = field(default_factory=dict)
    private_scores: dict[str, Any] = field(default_factory=dict)
    public_score: float | None = None
    private_score: float | None = None
    scorer: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Outcome:
        """Return what `to_dict` gave."""
        faults = tuple(Fault(**fault) for fault in values["faults"])
        return cls(**{**values, "faults": faults})
