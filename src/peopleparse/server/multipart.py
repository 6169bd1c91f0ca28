"""A form with a file, read as it comes: nothing of the file is kept in memory or in a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from peopleparse.web.problems import Problem

FILE = "archive"  # field of the file; it comes last
MOST_FIELDS, MOST_BYTES = 16, 32 * 1024  # of all that is not the file, headers included

_Events = list[tuple[str, bytes]]


async def read_form(
    content_type: str, chunks: AsyncIterator[bytes]
) -> tuple[dict[str, str], AsyncIterator[bytes]]:
    """Return the fields that come before the file, and the file's bytes as they come.

    Args:
        content_type: header of the request, multipart/form-data with a boundary.
        chunks: its body.

    Raises:
        Problem: 400 where it is no such form, has too much before the file, or no file; the bytes
            raise it too where something follows the file, or the end is missing.
    """
    _, options = parse_options_header(content_type)
    events: _Events = []
    try:
        parser = MultipartParser(options.get(b"boundary", b""), _callbacks(events))
    except (FormParserError, ValueError):
        raise _broken("a boundary", "none that can be used") from None
    if not options.get(b"boundary"):
        raise _broken("a boundary", "none")
    stream = _parse(parser, events, chunks)
    fields: dict[str, str] = {}
    size = 0
    name, value = "", bytearray()
    async for kind, data in stream:
        size += len(data)
        if size > MOST_BYTES or len(fields) > MOST_FIELDS:
            raise _broken(f"at most {MOST_FIELDS} short fields before the file", "more")
        if kind == "head":
            name, value = _field_name(data), bytearray()
            if name == FILE:
                return fields, _file_bytes(stream)
        elif kind == "data":
            value += data
        elif kind == "part-end":
            fields[name] = value.decode("utf-8", errors="replace")
    raise _broken(f"a file in the field '{FILE}'", "none")


async def _file_bytes(stream: AsyncIterator[tuple[str, bytes]]) -> AsyncIterator[bytes]:
    is_whole = False
    async for kind, data in stream:
        if kind == "data":
            yield data
        elif kind == "head":
            raise _broken(f"'{FILE}' as the last field", "another after it")
        elif kind == "end":
            is_whole = True
    if not is_whole:
        raise _broken("a closing boundary", "none")


async def _parse(
    parser: Any, events: _Events, chunks: AsyncIterator[bytes]
) -> AsyncIterator[tuple[str, bytes]]:
    async for chunk in chunks:
        if not chunk:
            continue
        try:
            parser.write(chunk)
        except FormParserError:
            raise _broken("parts as RFC 7578 has them", "others") from None
        pending = sum(len(data) for kind, data in events if kind == "head-part")
        if pending > MOST_BYTES:
            raise _broken("short headers of parts", "long ones")
        for event in _join_heads(events):
            yield event


def _join_heads(events: _Events) -> _Events:
    """Take the whole events from the list; headers wait until theirs are all there."""
    ready: _Events = []
    head: _Events = []
    for kind, data in events:
        if kind == "head-part":
            head.append((kind, data))
        elif kind == "head":
            ready.append(("head", b"".join(part for _, part in head)))
            head = []
        else:
            ready.append((kind, data))
    events[:] = head
    return ready


def _callbacks(events: _Events) -> Any:
    def add(kind: str, mark: bytes = b"") -> Any:
        return lambda data, start, end: events.append((kind, bytes(data[start:end]) + mark))

    def note(kind: str, mark: bytes = b"") -> Any:
        return lambda: events.append((kind, mark))

    return {
        "on_header_field": add("head-part"),
        "on_header_value": add("head-part"),
        "on_header_begin": note("head-part", b"\n"),
        "on_headers_finished": note("head"),
        "on_part_data": add("data"),
        "on_part_end": note("part-end"),
        "on_end": note("end"),
    }


def _field_name(head: bytes) -> str:
    """Return the name in Content-Disposition; the name of the file is never looked at."""
    start = b"content-disposition"
    for line in head.split(b"\n"):
        if line[: len(start)].lower() == start:
            kind, options = parse_options_header(line[len(start) :].lstrip(b": ").strip())
            if kind == b"form-data" and b"name" in options:
                return options[b"name"].decode("utf-8", errors="replace")
    raise _broken("parts with a name", "one without")


def _broken(expected: str, found: str) -> Problem:
    return Problem(
        400, "broken-form", f"form must have {expected}, got {found}. Send multipart/form-data "
        f"with the fields first and the file last, in '{FILE}'.",
    )  # fmt: skip
