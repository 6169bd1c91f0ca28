"""Many photos: parse each, save each whole or not at all, go on past broken ones, and resume."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from peopleparse import __version__
from peopleparse.errors import InputError, PeopleparseError, suggest
from peopleparse.inference.image import read_image
from peopleparse.inference.journal import (
    JOURNAL_NAME,
    Journal,
    forget_stem,
    locked,
    photo_state,
)
from peopleparse.inference.overlap import Outcome, overlap
from peopleparse.inference.parser import Parser
from peopleparse.inference.photos import find_photos, unique_stems
from peopleparse.inference.pipeline import parse_image
from peopleparse.inference.scheme import add_losses, translate_people
from peopleparse.labels import LossReport
from peopleparse.structures import ParsedPeople
from peopleparse.viz import FORMATS
from peopleparse.viz.save import FORMAT_ENDINGS, encode_result

__all__ = ["FolderReport", "find_photos", "parse_folder", "unique_stems"]

DEFAULT_FORMATS = ("overlay", "png", "json")
_SCRATCH, _RUN_SCRATCH = ".peopleparse-", ".peopleparse-run-"


class OutputError(InputError):
    """The output folder cannot be written to: no photo's own fault, and no reason to go on."""


class WrittenFiles(Mapping[Path, list[Path]]):
    """Photo to the files written for it; paths are made when asked for, so millions cost little."""

    def __init__(self, folder: Path, formats: Sequence[str]) -> None:
        self._folder, self._formats = folder, formats
        self._stems: dict[Path, str] = {}

    def add(self, photo: Path, stem: str) -> None:
        """Remember that a photo was written under a name."""
        self._stems[photo] = stem

    def __getitem__(self, photo: Path) -> list[Path]:
        """Return the files of a photo."""
        return [self._folder / name for name in result_names(self._stems[photo], self._formats)]

    def __iter__(self) -> Iterator[Path]:
        """Yield the photos in their order."""
        return iter(self._stems)

    def __len__(self) -> int:
        """Return the number of photos."""
        return len(self._stems)


@dataclass
class FolderReport:
    """What a run over many photos did.

    Attributes:
        written: photo to the files that were written for it in this run.
        skipped: photos that an earlier run had finished.
        failed: photo to the reason it has no result.
        people: persons found in all, in skipped photos too.
        loss: what translation to another scheme lost in this run, None where nothing was
            translated.
    """

    written: Mapping[Path, list[Path]] = field(default_factory=dict)
    skipped: list[Path] = field(default_factory=list, repr=False)
    failed: dict[Path, str] = field(default_factory=dict)
    people: int = 0
    loss: LossReport | None = None


def parse_folder(
    parse: Callable[[Path], ParsedPeople],
    photos: Sequence[Path],
    folder: str | Path,
    formats: Sequence[str] = DEFAULT_FORMATS,
    scheme: str | None = None,
    on_photo: Callable[[Path], None] | None = None,
    *,
    resume: bool = True,
    identity: Mapping[str, Any] | None = None,
    ahead: int = 2,
    encoders: int = 1,
    on_skipped: Callable[[int], None] | None = None,
) -> FolderReport:
    """Parse photos and save what is found; a photo that cannot be parsed is skipped and reported.

    The files of a photo appear all at once when they are complete. Two photos of one name get
    different names: `a`, `a-2`. While one photo is parsed, the next are read and the last ones
    encoded.

    From two photos on, the folder keeps a journal, `peopleparse.jsonl`, and the next run with the
    same identity passes over what is finished; see docs/folders.md. One photo is always parsed.

    Args:
        parse: a `Parser`, or any function; without `identity` a function keeps no journal.
        photos: see `find_photos`.
        folder: where to write; made where missing.
        formats: what to write; see `ParsedPeople.save`.
        scheme: translate results to this scheme first.
        on_photo: called with each photo when it is done, for a progress bar.
        resume: pass over photos that an earlier run finished.
        identity: what results depend on, as values for JSON; None takes that of the `Parser`.
        ahead: photos read in advance.
        encoders: threads that encode and write results.
        on_skipped: called once, before the first photo, with the number of those passed over.

    Raises:
        InputError: a format is unknown, another run is writing to the folder, or the folder
            cannot be written to. What was written before stays, and a further run goes on there.
    """
    check_formats(formats)
    folder = Path(folder)
    written = WrittenFiles(folder, formats)
    report = FolderReport(written=written)
    made = make_folder(folder)
    if identity is None and isinstance(parse, Parser):
        identity = identify_parser(parse)
    try:
        with ExitStack() as stack:
            run = _Run(steps_of(parse), folder, formats, scheme, report, written, on_photo)
            if identity is not None and len(photos) > 1:
                stack.enter_context(locked(folder))
                _clean(folder)
                run.journal = Journal(folder, {**identity, "scheme": scheme})
                stack.callback(run.journal.close)
            prefix = _RUN_SCRATCH if run.journal else _SCRATCH
            run.scratch = Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(
                        prefix=prefix, dir=folder, ignore_cleanup_errors=True
                    )
                )
            )
            tasks = run.plan(photos, resume)
            if on_skipped:
                on_skipped(len(report.skipped))
            overlap(tasks, run.read, run.work, run.finish, run.done, ahead, encoders)
    except OSError as error:
        raise _stopped(not_writable(folder, error), report) from error
    except OutputError as error:
        raise _stopped(error, report) from error.__cause__
    if made and not written:
        (folder / JOURNAL_NAME).unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's file
            folder.rmdir()
    return report


_Task = tuple[Path, str]


@dataclass
class _Run:
    """One run: its steps for `overlap`, and what they share. Each task is a photo and its stem."""

    steps: tuple[Callable[[Path], Any], Callable[[Path, Any], ParsedPeople]]
    folder: Path
    formats: Sequence[str]
    scheme: str | None
    report: FolderReport
    written: WrittenFiles
    on_photo: Callable[[Path], None] | None
    journal: Journal | None = None
    scratch: Path = Path()

    def plan(self, photos: Sequence[Path], resume: bool) -> list[_Task]:
        """Return what is to be done; what is finished goes into the report."""
        tasks = []
        for photo, stem in zip(photos, unique_stems(photos), strict=True):
            names = result_names(stem, self.formats)
            if resume and self.journal and self.journal.is_finished(photo, stem, names):
                self.report.skipped.append(photo)
                self.report.people += self.journal.people(stem)
            else:
                tasks.append((photo, stem))
        return tasks

    def read(self, task: _Task) -> tuple[Any, list[int] | None]:
        was = photo_state(task[0])  # from before: a photo that changes meanwhile is done again
        return self.steps[0](task[0]), was

    def work(
        self, task: _Task, image_and_state: tuple[Any, list[int] | None]
    ) -> tuple[ParsedPeople, list[int] | None]:
        image, was = image_and_state
        photo, stem = task
        result = self.steps[1](photo, image)
        try:
            if self.journal:
                self.journal.begin(stem)
            else:
                forget_stem(self.folder, stem)
        except OSError as error:
            raise not_writable(self.folder, error) from error
        return result, was

    def finish(
        self, task: _Task, result_and_state: tuple[ParsedPeople, list[int] | None]
    ) -> tuple[list[Path], int, LossReport | None, list[int] | None]:
        (result, was), loss = result_and_state, None
        if self.scheme and self.scheme != result.scheme.name:
            result, loss = translate_people(result, self.scheme)
        files = encode_result(result, task[1], self.formats)
        return _write_files(files, self.scratch, self.folder), len(result), loss, was

    def done(
        self,
        task: _Task,
        outcome: Outcome[tuple[list[Path], int, LossReport | None, list[int] | None]],
    ) -> None:
        (photo, stem), error = task, outcome.error
        if isinstance(error, OutputError):
            raise error
        if error is not None:
            known = isinstance(error, PeopleparseError)
            reason = str(error) if known else f"unexpected {type(error).__name__}: {error}"
            self.report.failed[photo] = reason
            if self.journal:
                self.journal.fail(photo, photo_state(photo), stem, reason)
        else:
            files, people, loss, was = outcome.value
            if self.journal:
                self.journal.finish(photo, was, stem, files, people)
            self.written.add(photo, stem)
            self.report.people += people
            if loss:
                self.report.loss = add_losses(filter(None, (self.report.loss, loss)))
        if self.on_photo:
            self.on_photo(photo)


def steps_of(
    parse: Callable[[Path], ParsedPeople],
) -> tuple[Callable[[Path], Any], Callable[[Path, Any], ParsedPeople]]:
    """Return what reads a photo and what parses it then; a plain function does both at once."""
    if not isinstance(parse, Parser):
        return (lambda photo: None), (lambda photo, image: parse(photo))
    parser = parse
    return read_image, lambda photo, image: parse_image(
        parser.engine, image, parser.options, str(photo)
    )


def identify_parser(parser: Parser) -> dict[str, Any]:
    """Return what the results of a parser depend on, as values for JSON; not its threads."""
    engine = parser.engine
    passport = getattr(engine, "passport", None)
    return {
        "peopleparse": __version__,
        "engine": type(engine).__name__,
        "precision": getattr(engine, "precision", "f32"),
        "model": engine.name,
        "sha256": dict(passport.sha256) if passport else {},
        "options": asdict(parser.options),
    }


def result_names(stem: str, formats: Sequence[str]) -> list[str]:
    """Return the names of the files that a result is saved in.

    >>> result_names("a", ["json", "overlay"])
    ['a.json', 'a_overlay.jpg']
    """
    return [stem + ending for name in dict.fromkeys(formats) for ending in FORMAT_ENDINGS[name]]


def save_whole(result: ParsedPeople, folder: Path, stem: str, formats: Sequence[str]) -> list[Path]:
    """Save a result so that either all its files appear in the folder or none.

    Raises:
        InputError: the folder cannot be written.
    """
    files = encode_result(result, stem, formats)
    try:
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as scratch:
            return _write_files(files, Path(scratch), folder)
    except OSError as error:
        raise not_writable(folder, error) from error


def check_formats(formats: Sequence[str]) -> None:
    """Check that results can be written in all of these formats.

    Raises:
        InputError: one is unknown.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"format must be known, got '{name}'.{suggest(name, FORMATS)}")


def _write_files(files: Mapping[str, bytes], scratch: Path, folder: Path) -> list[Path]:
    """Write all files under their names in a scratch folder, then move them into the folder."""
    try:
        for name, data in files.items():
            (scratch / name).write_bytes(data)
        for name in files:
            os.replace(scratch / name, folder / name)
    except OSError as error:
        raise not_writable(folder, error) from error
    return [folder / name for name in files]


def _clean(folder: Path) -> None:
    """Delete what runs left that were killed; none is alive, for the folder is locked."""
    for path in folder.glob(f"{_RUN_SCRATCH}*"):
        shutil.rmtree(path, ignore_errors=True)


def make_folder(folder: Path) -> bool:
    """Make the output folder, check that files can be made in it, and tell whether it is new.

    Raises:
        InputError: it cannot be made or written to.
    """
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return new
    except OSError as error:
        raise not_writable(folder, error) from error


def not_writable(folder: Path, error: OSError) -> OutputError:
    """Return the error that says why a folder cannot be written to."""
    reason = error.strerror or type(error).__name__
    return OutputError(
        f"output folder must be one that can be written to, got '{folder}' ({reason}). "
        "Choose another folder or free space."
    )


def _stopped(error: OutputError, report: FolderReport) -> OutputError:
    finished = len(report.written) + len(report.skipped)
    if not finished:
        return error
    return OutputError(f"{error} What is finished ({finished}) is kept: run again to go on.")
