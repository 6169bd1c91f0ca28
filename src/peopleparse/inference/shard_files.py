"""The bytes of shards: rows as Parquet or as a tar of JSON files, the same rows the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from peopleparse.errors import InputError

ENDINGS = {"parquet": ".parquet", "webdataset": ".tar"}
_PARQUET_MAGIC = b"PAR1"


def encode_rows(rows: Sequence[Mapping[str, Any]], format: str) -> bytes:
    """Return rows as a file; see `encode_shard`."""
    return _encode_parquet(rows) if format == "parquet" else _encode_tar(rows)


def decode_rows(source: str | Path | bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file; see `read_shard`."""
    place = "the bytes given" if isinstance(source, bytes) else str(source)
    with _open(source) as file:
        head = file.read(len(_PARQUET_MAGIC))
        file.seek(0)
        try:
            yield from (_decode_parquet if head == _PARQUET_MAGIC else _decode_tar)(file)
        except (OSError, ValueError, KeyError, tarfile.TarError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"shard must be a whole Parquet or WebDataset file, got '{reason}', at {place}. "
                "Delete it and run again."
            ) from error


def _open(source: str | Path | bytes) -> IO[bytes]:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return Path(source).open("rb")
    except OSError as error:
        raise InputError(
            f"shard must be a file that can be read, got '{error.strerror}', at {source}. "
            "Check the path."
        ) from error


def _encode_tar(rows: Sequence[Mapping[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number, row in enumerate(rows):
            data = json.dumps(row, separators=(",", ":")).encode() + b"\n"
            # A key is unique in all shards together, and has no dot: readers cut it there.
            key = hashlib.sha256(row["photo"].encode()).hexdigest()[:12]
            entry = tarfile.TarInfo(f"{number:06}-{key}.json")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))  # time, owner and mode are TarInfo's fixed ones
    return buffer.getvalue()


def _decode_tar(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if (
        size == 0 or size % tarfile.RECORDSIZE
    ):  # tarfile itself takes a cut-off file for a short one
        raise ValueError(f"{size} bytes, cut off")
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for entry in tar:
            member = tar.extractfile(entry)
            if member is not None:
                row: dict[str, Any] = json.loads(member.read())
                yield row


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(
            "pyarrow must be installed for Parquet, got none. "
            "Install it: pip install 'peopleparse[scale]'"
        ) from error
    return pyarrow, parquet


def _schema(arrow: Any) -> Any:
    rle = arrow.struct([("size", arrow.list_(arrow.int32())), ("counts", arrow.string())])
    part = arrow.struct([("label_id", arrow.uint8()), ("name", arrow.string()), ("rle", rle)])
    box = arrow.list_(arrow.float32())
    person = arrow.struct(
        [
            ("score", arrow.float64()),
            ("box", box),
            ("face_box", box),
            ("parts", arrow.list_(part)),
        ]
    )
    fields = [("photo", arrow.string()), ("error", arrow.string())]
    fields += [("width", arrow.int32()), ("height", arrow.int32()), ("scheme", arrow.string())]
    return arrow.schema([*fields, ("persons", arrow.list_(person)), ("ignored", rle)])


def _encode_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    arrow, parquet = _parquet()
    table = arrow.Table.from_pylist([dict(row) for row in rows], schema=_schema(arrow))
    sink = arrow.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd", row_group_size=1000)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _decode_parquet(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    _, parquet = _parquet()
    for batch in parquet.ParquetFile(file).iter_batches(batch_size=256):
        yield from batch.to_pylist()
