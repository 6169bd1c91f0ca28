"""What a Ray worker does: one shard of photos in, one file out, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from peopleparse import __version__
from peopleparse.errors import InputError, PeopleparseError
from peopleparse.inference.remote_files import (
    StoreError,
    is_remote,
    join_path,
    read_ahead,
    show_path,
    write_whole,
)
from peopleparse.inference.scheme import translate_people
from peopleparse.inference.shards import Shard, encode_shard, make_row, shard_name
from peopleparse.structures import ParsedPeople

Parse = Callable[[Any], ParsedPeople]


def make_rows(
    parse: Parse, photos: Sequence[str], scheme: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield one row a photo, in order; a photo that cannot be parsed becomes a row with an error.

    Args:
        parse: a `Parser`.
        photos: local paths or URLs.
        scheme: translate results to this scheme first.

    Raises:
        StoreError: a store cannot be reached: not the fault of a photo.
    """
    remote = iter(read_ahead([photo for photo in photos if is_remote(photo)]))
    for photo in photos:
        try:
            source: Any = next(remote) if is_remote(photo) else Path(photo)
            if isinstance(source, InputError):
                raise source
            result = parse(source)
            if scheme and scheme != result.scheme.name:
                result = translate_people(result, scheme)[0]
        except StoreError:
            raise
        except PeopleparseError as error:
            reason = str(error).replace(", in the bytes given", f", at {show_path(photo)}")
            yield make_row(None, photo, reason)
        except Exception as error:  # one strange photo must not end a run over thousands
            yield make_row(None, photo, f"unexpected {type(error).__name__}: {error}")
        else:
            yield make_row(result, photo, None)


class ShardWorker:
    """An actor that keeps the engine and writes shard after shard.

    A call made again, after a worker died in the middle, writes the same bytes to the same name.

    Args:
        settings: out, format, scheme, version, cwd, and parser: the options of `Parser`.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        with suppress(OSError):  # relative paths; another machine may not have the folder
            os.chdir(settings["cwd"])

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Do the shards of a batch: columns index, count and photos (a JSON list)."""
        columns = batch["index"], batch["count"], batch["photos"]
        done = [
            self._do(Shard(int(index), int(count), tuple(json.loads(photos))))
            for index, count, photos in zip(*columns, strict=True)
        ]
        return {name: [answer[name] for answer in done] for name in done[0]}

    def _do(self, shard: Shard) -> dict[str, Any]:
        """Write one shard; what stopped it goes back as text: Ray would wrap it in pages."""
        answer = {"index": shard.index, "people": 0, "failed": "{}", "fault": ""}
        settings = self.settings
        try:
            _check_version(settings["version"])
            rows = list(make_rows(self._parser, shard.photos, settings["scheme"]))
            path = join_path(settings["out"], shard_name(shard, settings["format"]))
            write_whole(path, encode_shard(rows, settings["format"]))
        except PeopleparseError as error:
            return {**answer, "fault": str(error)}
        except Exception as error:  # the run must end with one line, whatever it was
            return {**answer, "fault": f"unexpected {type(error).__name__}: {error}."}
        answer["people"] = sum(len(row["persons"]) for row in rows)
        answer["failed"] = json.dumps({r["photo"]: r["error"] for r in rows if r["error"]})
        return answer

    @cached_property
    def _parser(self) -> Parse:
        import cv2

        from peopleparse.inference.parser import Parser

        options = dict(self.settings["parser"])
        cv2.setNumThreads(options["threads"])
        return Parser(**options)


def _check_version(wanted: str) -> None:
    if wanted != __version__:
        raise InputError(
            f"every machine must have peopleparse {wanted}, got {__version__}. "
            "Install the same version on all."
        )
