"""What metrics share that keep one record an image: how images come in, and how shards join."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

from numpy.typing import ArrayLike

from peopleparse.errors import InputError
from peopleparse.metrics.checks import check_new
from peopleparse.metrics.overlap import Persons
from peopleparse.metrics.tally import Tally, make_tally


class ByImage(ABC):
    """A metric that keeps one record an image, so that shards can be joined in any order."""

    _records: dict[str, Any]

    @abstractmethod
    def settings(self) -> tuple[Any, ...]:
        """Return what all shards must have in common."""

    def merge(self, other: Self) -> None:
        """Add the images of another shard.

        Raises:
            InputError: the settings differ, or an image is in both; nothing is added.
        """
        name = type(self).__name__
        if type(other).__name__ != name or self.settings() != other.settings():
            raise InputError(
                f"merged {name} must have equal settings {self.settings()}, got "
                f"{type(other).__name__} {other.settings()}. "
                "Make all shards with the same arguments."
            )
        for image_id in other._records:
            check_new(image_id, self._records)
        self._records.update(other._records)


class ByPersons(ByImage):
    """A metric of persons: its images come as label maps, or with their pixels counted."""

    num_ids: int
    ignore_id: int

    def update(
        self,
        image_id: str,
        truth: Persons,
        prediction: Persons | None,
        scores: ArrayLike | None = None,
    ) -> None:
        """Add one image.

        Args:
            image_id: name of the image, new to the set.
            truth: (T, H, W) label ids, one map a person, everyone else 0.
            prediction: (P, H, W) label ids, one map a person; or the pair (parsing, instances),
                each (H, W), with persons 1 to P; or None where the system gave nothing.
            scores: (P,), or None for a system without scores. Of a pair, `scores[n - 1]` is
                person n, who may have no pixel.

        Raises:
            InputError: shapes, labels, scores or the image_id are not as above; nothing is added.
        """
        self.add(
            make_tally(
                image_id, truth, prediction, scores, num_ids=self.num_ids, ignore_id=self.ignore_id
            )
        )

    @abstractmethod
    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted.

        Raises:
            InputError: the image is known, or it was counted without persons or in other labels.
        """
