"""Forms with a file: read as they come, however they are cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.server.multipart import read_form
from peopleparse.web.problems import Problem

TYPE = "multipart/form-data; boundary=XX"
FILE = b'--XX\r\nContent-Disposition: form-data; name="archive"; filename="..\\\\a"\r\n\r\n'
END = b"\r\n--XX--\r\n"


def field(name: str, value: bytes) -> bytes:
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + value + b"\r\n"


def read(body: bytes, size: int = 7, kind: str = TYPE) -> tuple[dict[str, str], bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    async def work() -> tuple[dict[str, str], bytes]:
        fields, archive = await read_form(kind, chunks())
        return fields, b"".join([part async for part in archive])

    return asyncio.run(work())


@given(data=st.binary(max_size=300), size=st.integers(1, 400))
def test_any_bytes_in_any_pieces(data: bytes, size: int) -> None:
    data = data.replace(b"\r\n--XX", b"")
    body = field("method", "M\u00e9thode".encode()) + field("link", b"") + FILE + data + END
    assert read(body, size) == ({"method": "M\u00e9thode", "link": ""}, data)


def test_what_looks_like_a_boundary_is_data() -> None:
    data = b"\r\n--X\r\n--\r\n\r--XX\r\r\n-"
    assert read(FILE + data + END, 3)[1] == data


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (field("method", b"x") + b"--XX--\r\n", "a file in the field 'archive', got none"),
        (b"", "a file in the field 'archive', got none"),
        (FILE + b"PK", "a closing boundary, got none"),
        (FILE + b"PK\r\n" + field("method", b"x") + b"--XX--", "as the last field, got another"),
        (b"PK\x03\x04 no form at all", "parts as RFC 7578 has them, got others"),
        (b"--XX\r\nX: y\r\n\r\nz" + END, "parts with a name, got one without"),
        (b'--XX\r\nContent-Disposition: x; name="a"\r\n\r\nz' + END, "got one without"),
        (field("method", b"x" * 40_000) + FILE + END, "at most 16 short fields before the file"),
        (b"".join(field(f"f{n}", b"") for n in range(30)) + FILE + END, "at most 16 short fields"),
        (b"--XX\r\n" + b"X-Y: zzzzzzzzzzzz\r\n" * 5000, "got"),
        (b"--XX\r\nX: " + b"z" * 90_000, "got"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [5, 1 << 20])
def test_forms_that_are_none(body: bytes, message: str, size: int) -> None:
    with pytest.raises(Problem, match=f"form must have .*{message}") as found:
        read(body, size)
    assert found.value.status == 400


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", f"{TYPE}{'X' * 999}"]
)
def test_boundaries_that_are_none(kind: str) -> None:
    with pytest.raises(Problem, match="form must have a boundary, got none"):
        read(FILE + END, kind=kind)
