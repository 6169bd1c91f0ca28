"""One running studio: what it shows, the project it annotates, its parser and its limits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from peopleparse.data.files import hash_bytes
from peopleparse.errors import ModelError
from peopleparse.inference.scheme import translate_people
from peopleparse.structures import ParsedPeople
from peopleparse.studio.items import Item, Items
from peopleparse.studio.photo_bytes import read_photo, shorten
from peopleparse.studio.shown import Shown, show_result
from peopleparse.web.problems import Problem

MAX_BYTES = 128 << 20
Parse = Callable[[NDArray[np.uint8]], ParsedPeople]


@dataclass(eq=False)
class Studio:
    """A studio.

    Attributes:
        items: what can be looked at.
        project: a `studio.project.Project`, or None.
        make_parser: loads the network, called once and only when needed; None where there is none.
        scheme: results are translated to it; None leaves them as the network makes them.
        host: address that is listened on.
        token: what a stranger must know; None where only this machine can ask.
        max_bytes: of one file that is sent.
    """

    items: Items = field(default_factory=Items)
    project: Any = None
    make_parser: Callable[[], Parse] | None = None
    scheme: str | None = None
    host: str = "127.0.0.1"
    token: str | None = None
    max_bytes: int = MAX_BYTES
    _parser: Parse | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def has_model(self) -> bool:
        """Whether photos can be parsed."""
        return self.make_parser is not None

    def parse(self, image: NDArray[np.uint8], name: str | None = None) -> ParsedPeople:
        """Parse a photo, one at a time: the network takes all processors.

        Args:
            image: (H, W, 3) uint8 RGB, upright.
            name: of its file, for the result.

        Raises:
            Problem: 503 where there is no network, or it cannot be loaded.
        """
        if self.make_parser is None:
            raise Problem(
                503, "no-model", "studio must have a model to parse photos, got started without."
            )
        with self._lock:
            try:
                if self._parser is None:
                    self._parser = self.make_parser()
                result = self._parser(image)
            except ModelError as error:
                raise Problem(503, "no-model", str(error)) from error
        if self.scheme is not None and result.scheme.name != self.scheme:
            result, _ = translate_people(result, self.scheme)
        result.source = name if name is not None else result.source
        return result

    def show_photo(self, data: bytes, name: str) -> Shown:
        """Parse a file's bytes to be shown.

        Raises:
            Problem: it is no photo, or cannot be parsed.
        """
        image, photo = read_photo(data, name)
        return show_result(self.parse(image, name), photo)

    def add_upload(self, data: bytes, name: str) -> tuple[Item, list[str]]:
        """Parse a photo that was sent and add its result.

        Returns:
            The item, and the names of results that had to go to make room.

        Raises:
            Problem: it is no photo, or cannot be parsed.
        """
        name = shorten(name)
        shown = self.show_photo(data, name)
        return self.items.add(name, "result", self._key(data, name, shown.size), shown=shown)

    def _key(self, data: bytes, name: str, size: tuple[int, int]) -> str:
        """Return the key of a photo that was sent: that of opened results of its name and size."""
        stem = PurePosixPath(name).stem
        opened = [item for item in self.items if item.photo_key == photo_key(stem)]
        if any(item.size in (None, size) for item in opened):
            return photo_key(stem)
        return f"sent:{hash_bytes(data)}"


def photo_key(image_id: str) -> str:
    """Return the key of a photo in opened folders: its name without folder and ending."""
    return f"id:{image_id}"


def get_studio(request: Request) -> Studio:
    """Return the studio that a request is for; a FastAPI dependency."""
    found: Studio = request.app.state.studio
    return found
