"""Convert truth between the formats of the field: GPS, CIHP, MHP, COCO and LIP.

Every image is read as persons with a label map each, fitted to what the new format can hold, and
written; what that loses is counted. Label ids are kept, and the scheme is noted beside the
labels, or they are translated to the format's own scheme.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from peopleparse.data.cihp_write import CihpWriter
from peopleparse.data.coco_write import CocoWriter
from peopleparse.data.convert_files import check_photo, find_photos
from peopleparse.data.convert_fit import fit_image
from peopleparse.data.convert_image import NOTES, Facts, PeopleImage
from peopleparse.data.convert_note import ConversionNote, read_note, write_note
from peopleparse.data.convert_read import read_facts, read_people
from peopleparse.data.files import new_folder
from peopleparse.data.formats import open_labels
from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.gps_record import SUBSETS
from peopleparse.data.gps_write import GpsWriter
from peopleparse.data.label_change import LabelChange
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels
from peopleparse.data.lip_write import LipWriter
from peopleparse.data.mhp_write import MhpWriter
from peopleparse.errors import DataError, InputError, PeopleparseError, suggest
from peopleparse.labels import LossReport, Scheme, get_scheme

TARGETS = ("gps", "cihp", "mhp-v1", "mhp-v2", "coco", "lip")
_GPS_SCHEMES = ("gps", "gps-outdoor")


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion did.

    Attributes:
        images: images written.
        persons: persons written.
        losses: kind of loss to its number; only what was lost.
        notes: kind of change that loses nothing to its number.
        labels: what translating the labels lost, or None where they were kept.
        scheme: labels of what was written.
        problems: images that could not be converted, one line each.
    """

    images: int
    persons: int
    losses: Mapping[str, int]
    notes: Mapping[str, int]
    labels: LossReport | None
    scheme: str
    problems: Sequence[str]


class _Writer(Protocol):
    def add(self, image: PeopleImage) -> None: ...

    def finish(self) -> None: ...


def convert_labels(
    source: str | Path,
    out: str | Path,
    to: str,
    format: str | None = None,
    scheme: str | None = None,
    translate: bool = False,
    images: str | Path | None = None,
    split: str | None = None,
    subset: str | None = None,
    as_split: str = "train",
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> ConversionReport:
    """Convert a data set into the new folder `out`, which appears whole or not at all.

    Args:
        source: a folder, a zip archive, or a COCO JSON.
        out: the folder to make.
        to: format to write, one of `TARGETS`.
        format: format of the source; None finds it.
        scheme: labels of the source; None takes those of its note, else the format's own.
        translate: write the labels of the new format's own scheme; else label ids are kept.
        images: folder of the photos; None takes images/ of the source.
        split: only images of this split, where the source knows splits.
        subset: sub-data set of images of which none is known; only for GPS.
        as_split: split of images of which none is known; only for GPS.
        track: wraps the image ids, for a progress bar.

    Raises:
        InputError: an argument is wrong, or the place cannot be written.
        DataError: the source cannot be read, or none of its images can be converted.
        SchemeError: no table leads to the labels wanted.
    """
    _check_arguments(Path(out), to, subset)
    note = read_note(LabelFiles(source))
    labels = open_labels(source, format, scheme or (note.scheme if note else None))
    facts = dict(note.facts) if note else {}
    ids = [i for i in labels.ids if split is None or _split_of(labels, i, facts) == split]
    if not ids:
        raise DataError(
            f"source must hold images of split '{split}', got none, at {source}. "
            "Give a split that its records or its note name, or none."
        )
    change = _find_change(labels.scheme, to, translate)
    target = change.target if change else labels.scheme
    photos = find_photos(source, images)
    done = _Done()
    with new_folder(Path(out)) as part:
        writer = _make_writer(to, part, done.losses, target, subset, as_split)
        for image_id in track(ids):
            try:
                image = read_people(labels, image_id, facts.get(image_id), done.start())
                image = replace(image, photo=photos.get(image_id))
                _write(image, to, change, writer, done)
            except PeopleparseError as error:
                done.problems.append(str(error))
        _check_any(done, len(ids), source)
        writer.finish()
        if to != "gps":
            write_note(part, ConversionNote(to, target.name, done.written), done.lost())
    return done.report(target, change)


@dataclass
class _Done:
    """What has been done so far."""

    written: dict[str, Facts] = field(default_factory=dict)
    persons: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    current: Counter[str] = field(default_factory=Counter)  # of an image that may yet fail

    def start(self) -> Counter[str]:
        self.current = Counter()
        return self.current

    def lost(self) -> dict[str, int]:
        return {kind: n for kind, n in self.losses.items() if n and kind not in NOTES}

    def report(self, scheme: Scheme, change: LabelChange | None) -> ConversionReport:
        notes = {kind: self.losses[kind] for kind in NOTES if self.losses[kind]}
        labels = change.report() if change else None
        return ConversionReport(
            len(self.written),
            self.persons,
            self.lost(),
            notes,
            labels,
            scheme.name,
            tuple(self.problems),
        )


def _write(
    image: PeopleImage, to: str, change: LabelChange | None, writer: _Writer, done: _Done
) -> None:
    changed = image
    if change:
        changed = replace(image, persons=change.apply(image.persons), scheme=change.target)
    fitted = fit_image(changed, to, done.current)
    if fitted is not None:
        check_photo(fitted)
        writer.add(fitted)
        done.written[image.image_id] = fitted.facts
        done.persons += len(fitted.persons)
        if change:
            change.count(image.persons)
    done.losses += done.current


def _check_any(done: _Done, count: int, source: str | Path) -> None:
    if done.written:
        return
    first = f" The first: {done.problems[0]}" if done.problems else ""
    kinds = "; ".join(f"{kind}: {number}" for kind, number in done.lost().items())
    lost = f" Lost: {kinds}." if kinds else ""
    raise DataError(
        f"source must hold images that can be converted, got {count} that cannot, "
        f"at {source}. Mend them, or choose a format that can hold them.{first}{lost}"
    )


def _check_arguments(out: Path, to: str, subset: str | None) -> None:
    if to not in TARGETS:
        raise InputError(
            f"format must be one that can be written, got '{to}'.{suggest(to, TARGETS)}"
        )
    if subset is not None and subset not in SUBSETS:
        raise InputError(f"subset must be known, got '{subset}'.{suggest(subset, SUBSETS)}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"output must be a new or empty folder, got one with something in it, at {out}. "
            "Choose another or empty it."
        )


def _split_of(labels: FileLabels, image_id: str, facts: Mapping[str, Facts]) -> str | None:
    if isinstance(labels, GpsLabels):
        try:
            return read_facts(labels.record_of(image_id)).split
        except DataError:  # whoever converts the folder without --split is told
            return None
    return facts[image_id].split if image_id in facts else None


def _find_change(source: Scheme, to: str, translate: bool) -> LabelChange | None:
    if translate and to == "coco":
        raise InputError(
            "translation must lead to a format with a scheme of its own, got coco. "
            "Convert to gps, cihp, mhp-v1, mhp-v2 or lip first."
        )
    own = "" if to == "coco" else to
    if not translate:
        if to == "gps" and source.name not in _GPS_SCHEMES:
            raise InputError(
                f"labels of the GPS form must be those of gps, got scheme '{source.name}'. "
                "Add --translate, or name the source's own --scheme."
            )
        return None
    if source.name == own or (own == "gps" and source.name in _GPS_SCHEMES):
        return None
    return LabelChange(source, get_scheme(own))


def _make_writer(
    to: str, folder: Path, losses: Counter[str], scheme: Scheme, subset: str | None, split: str
) -> _Writer:
    if to == "gps":
        return GpsWriter(folder, subset, split)
    if to == "cihp":
        return CihpWriter(folder, losses)
    if to == "coco":
        return CocoWriter(folder, losses, scheme)
    if to == "lip":
        return LipWriter(folder, losses)
    return MhpWriter(folder, losses, version=int(to[-1]))
