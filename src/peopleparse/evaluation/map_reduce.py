"""Counting on a Ray cluster: images are mapped to tallies by many machines, added up by one.

Every machine must see the files of truth and predictions under the same paths.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from peopleparse.data.image_labels import LabelSource
from peopleparse.errors import InputError
from peopleparse.evaluation.assemble import Evaluation, make_report
from peopleparse.evaluation.entry import Progress, _tally_paths
from peopleparse.evaluation.options import Options
from peopleparse.evaluation.runner import Progress as ImageProgress
from peopleparse.evaluation.runner import _count, _hashes, _Job, check_sources, make_header
from peopleparse.evaluation.shards import join_files
from peopleparse.evaluation.tags import tag_truth
from peopleparse.evaluation.tally_file import TallyFile, TallyWriter, read_tally_file

_CHUNK = 64  # images a task; of these at most 2 a core are lost with a machine
_AHEAD = 2  # tasks handed out a core, so that no core waits for the next


def evaluate_on_ray(
    truth: LabelSource,
    systems: Mapping[str, LabelSource],
    *,
    options: Options | None = None,
    cores: int = 1,
    resume: str | Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score systems on the cluster that this process is connected to; see `evaluate`.

    Args:
        truth, systems: opened sources, the systems by name.
        options: what is computed.
        cores: of the cluster; twice as many tasks are handed out at a time.
        resume: tally file, as in `evaluate`.
        progress: called with the images done so far and all images, over all systems.

    Raises:
        InputError: truth and predictions do not fit, or a task failed again and again.
        DataError: the tally file is broken.
    """
    started, options = time.monotonic(), options or Options()
    for source in systems.values():
        check_sources(truth, source)
    total, done = len(truth.ids) * len(systems), 0

    def count_one(image_id: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    with TemporaryDirectory() as folder:
        kept = Path(folder) / "tallies" if resume is None else Path(resume)
        paths = _tally_paths(kept, systems)
        files = [
            count_on_ray(truth, source, paths[name], name=name, cores=cores, progress=count_one)
            for name, source in systems.items()
        ]
        counted = [join_files([file]) for file in files]
        return make_report(counted, options, started, tag_truth(truth, options.by))


def count_on_ray(
    truth: LabelSource,
    prediction: LabelSource,
    path: str | Path,
    *,
    name: str | None = None,
    cores: int = 1,
    progress: ImageProgress | None = None,
) -> TallyFile:
    """Count every image of the truth into a tally file, as `count_images` does, byte for byte.

    Args:
        truth, prediction: what to compare, with the same labels.
        path: the tally file, on this machine; a run that was stopped goes on from it.
        name: what the system is called.
        cores: of the cluster.
        progress: called with the id of each image that is done.

    Raises:
        InputError: labels differ, the file is of something else, or a task failed again and again.
        DataError: the file is no tally file or broken before its end.
    """
    check_sources(truth, prediction)
    given = set(prediction.ids)
    with TallyWriter(path, make_header(truth, prediction, name=name)) as writer:
        known = read_tally_file(path) if writer.known else None
        jobs = (_Job(i, i in given, _hashes(known, i)) for i in truth.ids)
        for image_id, data in _map(truth, prediction, jobs, cores):
            if data is not None:
                writer.append(data)
            if progress is not None:
                progress(image_id)
    return read_tally_file(path)


def _map(
    truth: LabelSource, prediction: LabelSource, jobs: Iterator[_Job], cores: int
) -> Iterator[tuple[str, bytes | None]]:
    """Yield each image's packed record, in the order of the jobs; None where it is known."""
    import ray

    task = ray.remote(num_cpus=1, max_retries=3)(_count_chunk)
    sources = ray.put(truth), ray.put(prediction)
    waiting: deque[Any] = deque()
    try:
        while True:
            while len(waiting) < cores * _AHEAD and (chunk := list(islice(jobs, _CHUNK))):
                waiting.append(task.remote(*sources, chunk))
            if not waiting:
                return
            yield from ray.get(waiting.popleft())
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise InputError(
            f"tasks must be done by Ray's workers, got '{reason[:200]}'. See that all machines "
            "have the files and the same peopleparse; --resume keeps what was counted."
        ) from error
    finally:
        for left in waiting:
            ray.cancel(left, force=False)


def _count_chunk(
    truth: LabelSource, prediction: LabelSource, jobs: list[_Job]
) -> list[tuple[str, bytes | None]]:
    return [_count(truth, prediction, job) for job in jobs]
