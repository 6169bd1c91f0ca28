"""What was counted of one image, to bytes and back: exact, and small enough for millions."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.metrics.overlap import Overlap
from peopleparse.metrics.regions import Regions
from peopleparse.metrics.tally import Tally


@dataclass(frozen=True, eq=False)
class Record:
    """One image of one system.

    Attributes:
        image_id: name of the image.
        truth_sha256: hash of the image's truth files.
        prediction_sha256: hash of the image's prediction files; "" where the system gave nothing.
        tally: what was counted; None where the truth cannot be read.
        fault: what was wrong with a file; "" where nothing was. A prediction that cannot be read
            counts as missing.
        subset: the sub-data set that the truth's files name for the image, or "".
    """

    image_id: str
    truth_sha256: str
    prediction_sha256: str
    tally: Tally | None
    fault: str = ""
    subset: str = ""


def pack_record(record: Record) -> bytes:
    """Return the bytes of a record: its image id, then all else compressed."""
    tally = record.tally
    whole, real = ([], []) if tally is None else (_whole_arrays(tally), _real_arrays(tally))
    head = {
        "truth": record.truth_sha256,
        "prediction": record.prediction_sha256,
        "fault": record.fault,
        "subset": record.subset,
        "tally": None if tally is None else {"size": tally.size, "missing": tally.missing},
        "whole": [None if array is None else array.shape for array in whole],
        "real": [None if array is None else array.shape for array in real],
    }
    numbers = _join(whole, np.dtype(np.int64))
    places = np.flatnonzero(numbers)  # most counts are 0
    floats = _join(real, np.dtype(np.float64))
    text = json.dumps(head, separators=(",", ":")).encode()
    lengths = np.array([len(text), len(places)], "<u4").tobytes()
    body = (places.astype("<u4"), numbers[places].astype("<i8"), floats.astype("<f8"))
    name = record.image_id.encode()
    rest = zlib.compress(lengths + text + b"".join(part.tobytes() for part in body), 1)
    return len(name).to_bytes(4, "little") + name + rest


def packed_id(data: bytes) -> str:
    """Return the image id of packed bytes."""
    return data[4 : 4 + int.from_bytes(data[:4], "little")].decode()


def unpack_record(data: bytes) -> Record:
    """Return the record that `pack_record` made the bytes of."""
    raw = zlib.decompress(data[4 + int.from_bytes(data[:4], "little") :])
    text, filled = (int(n) for n in np.frombuffer(raw, "<u4", 2))
    start = 8 + text
    head = json.loads(raw[8:start])
    places = np.frombuffer(raw, "<u4", filled, start)
    values = np.frombuffer(raw, "<i8", filled, start + 4 * filled)
    floats = np.frombuffer(raw, "<f8", offset=start + 12 * filled)
    tally = None
    if head["tally"] is not None:
        numbers = np.zeros(sum(_size(shape) for shape in head["whole"]), np.int64)
        numbers[places] = values
        whole, real = _split(numbers, head["whole"]), _split(floats, head["real"])
        tally = _make_tally(packed_id(data), head["tally"], whole, real)
    hashes = head["truth"], head["prediction"]
    return Record(packed_id(data), *hashes, tally, head["fault"], head["subset"])


def _whole_arrays(tally: Tally) -> list[NDArray[Any] | None]:
    o, r = tally.overlap, tally.regions
    overlap = (o.intersections, o.truth_areas, o.pred_areas, o.ignored, o.foreground) if o else ()
    return [
        tally.confusion,
        *(overlap or [None] * 5),
        tally.truth_boxes,
        tally.pred_boxes,
        tally.truth_order,
        tally.pred_order,
        *((r.truth_ids, r.pred_ids, r.pred_order, r.pred_empty) if r else [None] * 4),
    ]


def _real_arrays(tally: Tally) -> list[NDArray[Any] | None]:
    regions = tally.regions
    return [tally.scores, *((regions.iou, regions.scores) if regions else (None, None))]


def _make_tally(
    image_id: str,
    head: dict[str, Any],
    whole: list[NDArray[Any] | None],
    real: list[NDArray[Any] | None],
) -> Tally:
    confusion, *overlap, truth_boxes, pred_boxes, truth_order, pred_order = whole[:10]
    scores, *of_regions = real
    assert confusion is not None and truth_boxes is not None and pred_boxes is not None
    assert truth_order is not None and pred_order is not None
    return Tally(
        image_id=image_id,
        size=(head["size"][0], head["size"][1]),
        confusion=confusion,
        overlap=None if overlap[0] is None else Overlap(*overlap),  # type: ignore[arg-type]
        scores=scores,
        truth_boxes=truth_boxes.astype(np.int32),
        pred_boxes=pred_boxes.astype(np.int32),
        truth_order=truth_order.astype(np.intp),
        pred_order=pred_order.astype(np.intp),
        regions=_make_regions(whole[10:], of_regions),
        missing=head["missing"],
    )


def _make_regions(
    whole: list[NDArray[Any] | None], real: list[NDArray[Any] | None]
) -> Regions | None:
    truth_ids, pred_ids, order, empty = whole
    iou, scores = real
    if truth_ids is None or pred_ids is None or iou is None:
        return None
    return Regions(
        truth_ids.astype(np.intp),
        pred_ids.astype(np.intp),
        iou,
        scores,
        None if order is None else order.astype(np.intp),
        None if empty is None else empty.astype(bool),
    )


def _join(arrays: list[NDArray[Any] | None], dtype: np.dtype[Any]) -> NDArray[Any]:
    flat = [np.ravel(array) for array in arrays if array is not None]
    return np.concatenate([np.zeros(0, dtype), *flat]).astype(dtype)


def _split(flat: NDArray[Any], shapes: list[list[int] | None]) -> list[NDArray[Any] | None]:
    found: list[NDArray[Any] | None] = []
    start = 0
    for shape in shapes:
        end = start + _size(shape)
        found.append(None if shape is None else flat[start:end].reshape(shape).copy())
        start = end
    return found


def _size(shape: list[int] | None) -> int:
    return 0 if shape is None else math.prod(shape)
