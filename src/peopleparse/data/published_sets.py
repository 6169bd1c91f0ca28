"""Data sets as the papers print them, to stand beside the ones that are counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

GPS_PAPER = "GPS paper, Table 1, persons per image from section 3"
LIP_PAPER = "LIP paper, Table 1"


@dataclass(frozen=True)
class PublishedSet:
    """One row of a printed table.

    Attributes:
        name: of the data set, as printed.
        images: number of images; None where the table counts persons.
        categories: number of labels, background counted.
        source: paper and place.
        instance_level: whether persons are told apart; None where the table does not say.
        mean_persons: persons per image, of the paper's text; None where it does not say.
        persons: annotated persons in training, validation and test set; None for a set that does
            not exist.
        remark: what is odd about the row, or "".
    """

    name: str
    images: int | None
    categories: int
    source: str
    instance_level: bool | None = None
    mean_persons: float | None = None
    persons: tuple[int | None, int | None, int | None] | None = None
    remark: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


GPS_TABLE = (
    PublishedSet("PASCAL-Part", 3_533, 7, GPS_PAPER, False),
    PublishedSet("ATR", 17_700, 18, GPS_PAPER, False),
    PublishedSet("LIP", 50_462, 20, GPS_PAPER, False),
    PublishedSet("MHP", 4_980, 19, GPS_PAPER, True),
    PublishedSet("GPS-Indoor", 7_500, 20, GPS_PAPER, True, 5.23),
    PublishedSet(
        "GPS-Outdoor",
        6_500,
        20,
        GPS_PAPER,
        True,
        3.54,
        remark="GPS-Outdoor has no tie, so 19, but the paper prints 20.",
    ),  # fmt: skip
)
LIP_TABLE = (
    PublishedSet("Fashionista", None, 56, LIP_PAPER, persons=(456, None, 229)),
    PublishedSet("PASCAL-Person-Part", None, 7, LIP_PAPER, persons=(1_716, None, 1_817)),
    PublishedSet("ATR", None, 18, LIP_PAPER, persons=(16_000, 700, 1_000)),
    PublishedSet("LIP", None, 20, LIP_PAPER, persons=(30_462, 10_000, 10_000)),
)
