"""Folders in, tallies out: every image is read once, in one process or several."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.image_labels import LabelSource
from peopleparse.errors import InputError, PeopleparseError
from peopleparse.evaluation.packing import Record, pack_record
from peopleparse.evaluation.pairs import tally_pair
from peopleparse.evaluation.tally_file import TallyFile, TallyWriter, read_tally_file

Progress = Callable[[str], None]
_CHUNK = 16  # images a process takes at once


def count_images(
    truth: LabelSource,
    prediction: LabelSource,
    path: str | Path,
    *,
    name: str | None = None,
    workers: int = 1,
    shard: tuple[int, int] = (1, 1),
    progress: Progress | None = None,
) -> TallyFile:
    """Count every image of the truth into a tally file.

    Where the file exists, the run goes on: images whose files have not changed since are only
    hashed. An image without a prediction counts as one whose persons are all missed. A prediction
    that cannot be read counts the same, an image whose truth cannot be read counts for nothing,
    and each is kept with what was wrong as `Record.fault`; a later run tries it again.

    Args:
        truth, prediction: what to compare, with the same labels.
        path: the tally file.
        name: what the system is called; default: the name of its folder or archive. The shards of
            a system have one name.
        workers: processes. With more than one a script must start under
            `if __name__ == "__main__":`.
        shard: (i, n) counts the i-th of n parts of the images, from (1, 1) on.
        progress: called with the id of each image that is done.

    Raises:
        InputError: labels differ, no prediction is of an image of the truth, an argument is
            outside its range, the file is of something else, or a process was killed.
        DataError: the file is no tally file or broken before its end.
    """
    _check_arguments(workers, shard)
    check_sources(truth, prediction)
    ids = truth.ids[shard[0] - 1 :: shard[1]]
    given = set(prediction.ids)
    with TallyWriter(path, make_header(truth, prediction, shard, name)) as writer:
        known = read_tally_file(path) if writer.known else None
        jobs = (_Job(i, i in given, _hashes(known, i)) for i in ids)
        for image_id, data in _run(truth, prediction, jobs, min(workers, len(ids))):
            if data is not None:
                writer.append(data)
            if progress is not None:
                progress(image_id)
    return read_tally_file(path)


def make_header(
    truth: LabelSource,
    prediction: LabelSource,
    shard: tuple[int, int] = (1, 1),
    name: str | None = None,
) -> dict[str, Any]:
    """Return what a tally file says of where its counts are from."""
    known = set(truth.ids)
    ids = hashlib.sha256("\n".join(sorted(known)).encode()).hexdigest()
    return {
        "scheme": truth.scheme.name,
        "labels": list(truth.scheme.names),
        "ignore_id": truth.scheme.ignore_id,
        "truth": {
            "name": truth.name,
            "format": truth.format,
            "images": len(known),
            "ids_sha256": ids,
        },
        "system": {
            "name": Path(prediction.name).name if name is None else name,
            "source": prediction.name,
            "format": prediction.format,
            "extra_images": len(set(prediction.ids) - known),
        },
        "shard": list(shard),
    }


def count_image(
    truth: LabelSource, prediction: LabelSource, image_id: str, given: bool = True
) -> Record:
    """Count one image; a broken file becomes the record's fault.

    Args:
        truth, prediction: what to compare.
        image_id: an image of the truth.
        given: whether the system gave something for it.
    """
    hashes = _hash_files(truth, image_id), _hash_files(prediction, image_id) if given else ""
    fault = subset = ""
    try:
        first, subset = truth.read(image_id), _subset_of(truth, image_id)
        if given:
            try:
                tally = tally_pair(image_id, first, prediction.read(image_id), truth.scheme)
                return Record(image_id, *hashes, tally, subset=subset)
            except (PeopleparseError, OSError) as error:
                fault = f"prediction counted as missing: {error}"
        # Where the truth was at fault, it is so without a prediction as well.
        tally = tally_pair(image_id, first, None, truth.scheme)
    except (PeopleparseError, OSError) as error:
        return Record(image_id, *hashes, None, f"truth left out: {error}")
    return Record(image_id, *hashes, tally, fault, subset)


def _subset_of(truth: LabelSource, image_id: str) -> str:
    """Return the sub-data set of an image, which only the GPS form writes down."""
    if not isinstance(truth, GpsLabels):
        return ""
    return str(truth.record_of(image_id)["image"].get("subset") or "")


@dataclass(frozen=True)
class _Job:
    image_id: str
    given: bool
    hashes: tuple[str, str] | None  # what was counted before


def _hashes(known: TallyFile | None, image_id: str) -> tuple[str, str] | None:
    if known is None or image_id not in known.places:
        return None
    record = known.record(image_id)
    return None if record.fault else (record.truth_sha256, record.prediction_sha256)


def _check_arguments(workers: int, shard: tuple[int, int]) -> None:
    if workers < 1:
        raise InputError(f"workers must be 1 or more, got {workers}. Leave it out for one.")
    if not 1 <= shard[0] <= shard[1]:
        raise InputError(
            f"shard must be i/n with 1 <= i <= n, got {shard[0]}/{shard[1]}. "
            "Of four shards the last is 4/4."
        )


def check_sources(truth: LabelSource, prediction: LabelSource) -> None:
    """Raise unless predictions can be compared with the truth at all.

    Raises:
        InputError: labels differ, the truth is empty, or no prediction is of one of its images.
    """
    labels, others = truth.scheme.names, prediction.scheme.names
    if len(labels) != len(others) or any(
        a and b and a != b for a, b in zip(labels, others, strict=True)
    ):
        raise InputError(
            f"prediction must have the truth's labels, those of scheme '{truth.scheme.name}', got "
            f"'{prediction.scheme.name}', at {prediction.name}. Translate one of them first."
        )
    if not truth.ids:
        raise InputError(f"truth must have one or more images, got none, at {truth.name}.")
    if set(truth.ids).isdisjoint(prediction.ids):
        found = f"'{prediction.ids[0]}' and others" if prediction.ids else "none at all"
        raise InputError(
            f"prediction must have images of the truth, such as '{truth.ids[0]}', got {found}, "
            f"at {prediction.name}. Name its files as the truth's images."
        )


def _run(
    truth: LabelSource, prediction: LabelSource, jobs: Iterator[_Job], workers: int
) -> Iterator[tuple[str, bytes | None]]:
    """Yield each image's packed record, in the order of the jobs; None where it is known."""
    if workers < 2:
        for job in jobs:
            yield _count(truth, prediction, job)
        return
    # Spawned, not forked: a fork may copy a lock that another thread of the caller holds.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _set_sources, (truth, prediction))
    try:
        yield from pool.map(_count_set, jobs, chunksize=_CHUNK)
    except BrokenProcessPool:
        raise InputError(
            "processes must live until all images are counted, got one that was killed. "
            "Take fewer workers (memory), and --resume to keep what was counted."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_sources: list[LabelSource] = []  # of a spawned process


def _set_sources(truth: LabelSource, prediction: LabelSource) -> None:
    _sources[:] = [truth, prediction]


def _count_set(job: _Job) -> tuple[str, bytes | None]:
    return _count(_sources[0], _sources[1], job)


def _count(truth: LabelSource, prediction: LabelSource, job: _Job) -> tuple[str, bytes | None]:
    if job.hashes is not None:
        predicted = _hash_files(prediction, job.image_id) if job.given else ""
        if job.hashes == (_hash_files(truth, job.image_id), predicted):
            return job.image_id, None
    return job.image_id, pack_record(count_image(truth, prediction, job.image_id, job.given))


def _hash_files(source: LabelSource, image_id: str) -> str:
    digest = hashlib.sha256()
    try:
        for name, data in sorted(source.files_of(image_id).items()):
            digest.update(f"{name}\n{len(data)}\n".encode())
            digest.update(data)
    except (PeopleparseError, OSError) as error:
        digest.update(f"unreadable: {error}".encode())
    return digest.hexdigest()
