"""Score one system or several against truth: folders or tally files in, one report out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from peopleparse.data.formats import open_labels
from peopleparse.data.image_labels import LabelSource
from peopleparse.errors import InputError
from peopleparse.evaluation.assemble import Evaluation, make_report
from peopleparse.evaluation.options import Options
from peopleparse.evaluation.runner import check_sources, count_images
from peopleparse.evaluation.shards import join_files, read_systems
from peopleparse.evaluation.tags import tag_truth

Progress = Callable[[int, int], None]
Labels = str | Path | LabelSource


def evaluate(
    truth: Labels,
    systems: Mapping[str, Labels],
    *,
    options: Options | None = None,
    format: str | None = None,
    pred_format: str | None = None,
    scheme: str | None = None,
    ids: str | Path | Iterable[str] | None = None,
    workers: int = 1,
    resume: str | Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score systems against truth.

    Args:
        truth: folder, archive or file, or an opened source.
        systems: the same for each system, by the name that it has in the report.
        options: what is computed; by default all recommended scores.
        format, pred_format: formats of truth and predictions; None finds them.
        scheme: labels of both; None takes those of the truth's files.
        ids: only these images: ids, or a text file with one a line.
        workers: processes. With more than one a script must start under
            `if __name__ == "__main__":`.
        resume: tally file; a run that was stopped goes on where it was. Of several systems each
            gets one, with its name before the ending.
        progress: called with the images done so far and all images, over all systems.

    Raises:
        InputError: an argument is wrong, or truth and predictions do not fit.
        DataError: there are no files of the format, or the tally file is broken.
        SchemeError: no scheme has that name.
    """
    started = time.monotonic()
    options = options or Options()
    listed = None if ids is None or isinstance(ids, str | Path) else list(ids)
    ids = ids if listed is None else listed
    if not systems:
        raise InputError("systems must be one or more, got none. Name the predictions.")
    first = _open(truth, format, scheme, "truth", ids)
    found = {
        name: _open(labels, pred_format, scheme or first.scheme, "prediction", ids)
        for name, labels in systems.items()
    }
    for source in found.values():
        check_sources(first, source)
    total, done = len(first.ids) * len(found), 0

    def count_one(image_id: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    with TemporaryDirectory() as folder:
        paths = _tally_paths(Path(folder) / "tallies" if resume is None else Path(resume), found)
        files = [
            count_images(first, source, paths[name], name=name, workers=workers, progress=count_one)
            for name, source in found.items()
        ]
        counted = [join_files([file]) for file in files]
        return make_report(counted, options, started, tag_truth(first, options.by))


def evaluate_tallies(paths: Sequence[str | Path], options: Options | None = None) -> Evaluation:
    """Score systems that were counted before; tally files of one name are shards of one system.

    Args:
        paths: tally files that `count_images` or `evaluate` with `resume` wrote.
        options: what is computed; by default all recommended scores.

    Raises:
        InputError: there is no file, or files do not belong together or do not hold all images.
        DataError: a file is missing, no tally file, or broken.
    """
    started = time.monotonic()
    if not paths:
        raise InputError("tally files must be one or more, got none. Name them.")
    return make_report(read_systems(paths), options or Options(), started)


def _open(labels: Labels, format: str | None, scheme: Any, side: str, ids: Any) -> LabelSource:
    if isinstance(labels, str | Path):
        found: LabelSource = open_labels(labels, format, scheme, side, ids)
        return found
    return labels


def _tally_paths(path: Path, names: Iterable[str]) -> dict[str, Path]:
    names = list(names)
    if len(names) == 1:
        return {names[0]: path}
    safe = {name: re.sub(r"[^\w.\-]", "_", name) for name in names}
    if len({word.casefold() for word in safe.values()}) < len(names):
        raise InputError(
            f"names of systems must differ in letters or digits, got {names}. Rename one."
        )
    return {name: path.with_name(f"{path.stem}.{safe[name]}{path.suffix}") for name in names}
