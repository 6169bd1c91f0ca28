"""A benchmark is a folder: what it is and its rules, the public images, and where the truth lies.

    <folder>/benchmark.toml     what is scored, how, when and how often
    <folder>/images.csv         name, width, height, subset of every image; public
    <folder>/rules.md           for those who take part

The truth lies elsewhere, at the path that benchmark.toml names. That path and the seed of the split
are secret; all else may be seen by everybody.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from peopleparse.data.formats import FORMATS as TRUTH_FORMATS
from peopleparse.data.formats import find_scheme
from peopleparse.data.image_labels import size_of
from peopleparse.errors import DataError, PeopleparseError, suggest
from peopleparse.evaluation.headlines import HEADLINES, score_of
from peopleparse.server.manifest import FORMATS, Manifest
from peopleparse.server.split import split_images

SETTINGS, IMAGES, RULES = "benchmark.toml", "images.csv", "rules.md"
COLUMNS = ("name", "width", "height", "subset")
KINDS = ("parsing", "instances")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_IMAGE_ID = re.compile(r"\w(?:[\w.\- ]{0,98}[\w\-])?")
_SERVED = ("public", "static", "www", "htdocs", "public_html")
_MOST_SIDE, _MOST_PERSONS = 20_000, 255
# What a score depends on and everybody may know.
_SCORED_BY = (
    *("slug", "kind", "format", "scheme", "headline", "metrics", "persons", "ladder_step"),
    *("images", "public_fraction"),
)
_REGION_SCORES = ("ap_r", "panoptic")


@dataclass(frozen=True)
class PhaseRules:
    """A time in which archives are taken.

    Attributes:
        slug, title: what it is called.
        opens_at, closes_at: UTC milliseconds since 1970.
        attempts_a_day, scores_a_day, scores_in_all: most of a team.
    """

    slug: str
    title: str
    opens_at: int
    closes_at: int
    attempts_a_day: int
    scores_a_day: int
    scores_in_all: int


@dataclass(frozen=True)
class BenchmarkFolder:
    """A benchmark as its folder says it.

    Attributes:
        folder: where it lies.
        slug, title, kind: what it is.
        format, truth_format: of archives, and of the truth.
        scheme: name of the labels.
        headline: the score that ranks; a key of `evaluation.headlines`.
        metrics: all scores that are shown, the headline first.
        persons: most persons in an image.
        ladder_step: least gain that is shown, a fraction.
        images: (width, height, sub-data set or "") by name, sorted by name.
        phases: by time.
        rules: text for those who take part.
        manifest_sha256: of what is public and scores depend on; texts and dates may change.
        truth: folder, archive or file. Secret.
        public_fraction, split_seed: which images are public. The seed is secret.
    """

    folder: Path
    slug: str
    title: str
    kind: str
    format: str
    scheme: str
    headline: str
    metrics: tuple[str, ...]
    persons: int
    ladder_step: float
    images: Mapping[str, tuple[int, int, str]] = field(repr=False)
    phases: tuple[PhaseRules, ...]
    rules: str = field(repr=False)
    public_fraction: float
    manifest_sha256: str
    truth_format: str = field(repr=False)
    truth: Path = field(repr=False)
    split_seed: str = field(repr=False)

    @cached_property
    def manifest(self) -> Manifest:
        """What an archive must be like; holds nothing secret."""
        scores = {score_of(key) for key in self.metrics}
        needs = "persons"
        if scores <= {"pixels"}:
            needs = "map"
        elif scores <= {"pixels", *_REGION_SCORES}:
            needs = "regions"
        sizes = {name: (width, height) for name, (width, height, _) in self.images.items()}
        return Manifest(self.format, self.scheme, self.persons, needs, sizes)

    @cached_property
    def split(self) -> tuple[frozenset[str], frozenset[str]]:
        """The public and the private images. Secret."""
        subsets = {name: subset for name, (_, _, subset) in self.images.items()}
        return split_images(subsets, self.public_fraction, self.split_seed)


def read_benchmark(folder: str | Path, secret: bool = True) -> BenchmarkFolder:
    """Read a benchmark; the truth is not opened.

    Args:
        folder: where it lies.
        secret: False for what `peopleparse benchmark export` wrote, which names no truth and no
            seed; archives can be checked against it, but not scored.

    Raises:
        DataError: something in the folder is not as it must be; its first line says what.
    """
    faults: list[str] = []
    found = _read(Path(folder), faults, secret)
    if found is None or faults:
        raise DataError(faults[0])
    return found


def check_benchmark(folder: str | Path) -> list[str]:
    """Return everything that is wrong with a benchmark and its truth, one line each."""
    from peopleparse.server.truth import open_truth

    faults: list[str] = []
    found = _read(Path(folder), faults, True)
    if found is None or faults:
        return faults
    try:
        source = open_truth(found)
    except (PeopleparseError, OSError) as error:
        return [str(error)]
    for what, names in (
        ("every image of images.csv, got none", set(found.images) - set(source.ids)),
        ("the images of images.csv only, got more", set(source.ids) - set(found.images)),
    ):
        if names:
            faults.append(f"truth must have {what} for {len(names)}, at {found.truth}. Repair it.")
    for name in sorted(set(found.images) & set(source.ids)):
        width, height, _ = found.images[name]
        try:
            size = size_of(source.read(name))
        except PeopleparseError as error:
            faults.append(str(error))
            continue
        if size != (height, width):
            faults.append(
                f"truth must be {width} x {height} as in images.csv, got {size[1]} x {size[0]}, "
                f"at image '{name}'. Correct one of them."
            )
    return faults


def read_images_csv(path: Path, faults: list[str]) -> dict[str, tuple[int, int, str]]:
    """Return the images of a list, sorted by name; what is wrong becomes a fault."""
    text = _read_text(path, faults)
    rows = list(csv.reader((text or "").splitlines()))
    if text is None:
        return {}
    if not rows or tuple(rows[0]) != COLUMNS:
        faults.append(
            f"columns must be {','.join(COLUMNS)}, got {','.join(rows[0]) if rows else 'none'}, "
            f"at {path}. Write the list with `peopleparse benchmark make`."
        )
        return {}
    found: dict[str, tuple[int, int, str]] = {}
    for line, row in enumerate(rows[1:], 2):
        numbers = [int(n) if n.isascii() and n.isdigit() else 0 for n in row[1:3]]
        good = len(row) == len(COLUMNS) and all(1 <= n <= _MOST_SIDE for n in numbers)
        if not good or not _IMAGE_ID.fullmatch(row[0]) or row[0] in found:
            faults.append(
                f"line must be a new name, width, height (1 to {_MOST_SIDE}) and subset, got "
                f"{','.join(row)[:80]!r}, at line {line} of {path}. Correct it."
            )
        else:
            found[row[0]] = (numbers[0], numbers[1], row[3])
    if len(found) < 2 and not faults:
        faults.append(f"images must be two or more, got {len(found)}, at {path}. Add images.")
    return dict(sorted(found.items()))


def _read(folder: Path, faults: list[str], secret: bool) -> BenchmarkFolder | None:
    path = folder / SETTINGS
    text, rules = _read_text(path, faults), _read_text(folder / RULES, faults)
    images = read_images_csv(folder / IMAGES, faults)
    if text is None or rules is None:
        return None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.append(f"{SETTINGS} must be TOML, got '{error}', at {path}. Correct it.")
        return None
    reader = _Reader(values, path, faults)
    format = reader.choice("format", FORMATS)
    persons = 1 if format == "lip" else reader.number("persons", 1, _MOST_PERSONS)
    kind = reader.choice("kind", KINDS)
    headline = reader.choice("headline", HEADLINES)
    shown = values.get("metrics", [])
    metrics = tuple(dict.fromkeys([headline, *map(str, shown if isinstance(shown, list) else [])]))
    _check_scores(kind, format, metrics, path, faults)
    split = reader.table("split")
    made: dict[str, Any] = {
        "folder": folder,
        "slug": reader.text("slug", _SLUG),
        "title": reader.text("title"),
        "kind": kind,
        "format": format,
        "scheme": _check_scheme(reader.text("scheme"), path, faults),
        "headline": headline,
        "metrics": metrics,
        "persons": int(persons),
        "ladder_step": reader.number("ladder_step", 0.0001, 0.1),
        "images": images,
        "phases": _read_phases(values.get("phases"), path, faults),
        "rules": rules,
        "public_fraction": split.number("public", 0.01, 0.99),
        "truth_format": reader.choice("truth_format", TRUTH_FORMATS) if secret else "",
        "truth": _check_truth(folder, reader.text("truth"), path, faults) if secret else Path(),
        "split_seed": split.text("seed") if secret else "",
    }
    scored = {key: made[key] for key in _SCORED_BY}
    digest = hashlib.sha256(json.dumps(scored, sort_keys=True).encode()).hexdigest()
    return BenchmarkFolder(**made, manifest_sha256=digest)


def describe(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what everybody may know of a benchmark, given its fields, as JSON holds it."""
    found = {key: values[key] for key in (*_SCORED_BY, "title", "rules")}
    return found | {"phases": [vars(phase) for phase in values["phases"]]}


class _Reader:
    """Values of a TOML table; a wrong one becomes a fault and a stand-in."""

    def __init__(self, values: Any, path: Path, faults: list[str], at: str = "") -> None:
        self.values = values if isinstance(values, dict) else {}
        self.path, self.faults, self.at = path, faults, at

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        value = self.values.get(key)
        if isinstance(value, str) and value.strip() and (not pattern or pattern.fullmatch(value)):
            return value
        wanted = "text" if pattern is None else "letters a to z, digits and hyphens, at most 40"
        self._fault(key, wanted, value)
        return ""

    def choice(self, key: str, choices: Sequence[str]) -> str:
        value = self.values.get(key)
        if value in choices:
            return str(value)
        self._fault(key, "known", value, suggest(str(value), choices).strip())
        return ""

    def number(self, key: str, least: float, most: float) -> float:
        value = self.values.get(key)
        kinds = int if isinstance(least, int) else int | float
        if isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most:
            return float(value) if isinstance(least, float) else value
        what = "a whole number" if isinstance(least, int) else "a number"
        self._fault(key, f"{what} from {least} to {most}", value)
        return least

    def time(self, key: str) -> int:
        value = self.values.get(key)
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            moment = datetime.min
        if moment.tzinfo is None:
            self._fault(key, "a time with its zone, such as 2030-01-31T12:00:00Z", value)
            return 0
        return int(moment.astimezone(UTC).timestamp() * 1000)

    def table(self, key: str) -> _Reader:
        return _Reader(self.values.get(key), self.path, self.faults, f"{key}.")

    def _fault(self, key: str, wanted: str, value: Any, hint: str = "Correct it.") -> None:
        got = "none" if value is None else repr(value)
        self.faults.append(f"{self.at}{key} must be {wanted}, got {got}, at {self.path}. {hint}")


def _read_phases(values: Any, path: Path, faults: list[str]) -> tuple[PhaseRules, ...]:
    rows = values if isinstance(values, list) else []
    if not rows:
        faults.append(f"phases must be one or more, got none, at {path}. Add [[phases]].")
    found = []
    for number, row in enumerate(rows, 1):
        one = _Reader(row, path, faults, f"phase {number}: ")
        slug, title = one.text("slug", _SLUG), one.text("title")
        times = one.time("opens"), one.time("closes")
        names = ("attempts_a_day", "scores_a_day", "scores_in_all")
        caps = [int(one.number(key, 1, 100_000)) for key in names]
        found.append(PhaseRules(slug, title, *times, *caps))
        if times[0] >= times[1]:
            faults.append(
                f"phase must end after it begins, got '{slug}' from {row.get('opens')} to "
                f"{row.get('closes')}, at {path}. Correct its dates."
            )
    found.sort(key=lambda phase: phase.opens_at)
    for first, second in zip(found, found[1:], strict=False):
        if second.opens_at < first.closes_at:
            faults.append(
                f"phases must follow one another, got '{second.slug}' while '{first.slug}' is "
                f"open, at {path}. Correct their dates."
            )
    if len({phase.slug for phase in found}) < len(found):
        faults.append(f"slugs of phases must differ, got one twice, at {path}. Rename one.")
    return tuple(found)


def _check_scores(
    kind: str, format: str, metrics: Sequence[str], path: Path, faults: list[str]
) -> None:
    for key in (key for key in metrics if key):
        if key not in HEADLINES:
            faults.append(
                f"metrics must be known, got '{key}', at {path}.{suggest(key, HEADLINES)}"
            )
        elif kind == "parsing" and score_of(key) != "pixels":
            faults.append(
                f"metrics must be of pixels where the kind is parsing, got '{key}', at {path}. "
                "Take mean_iou, or the kind instances."
            )
    if (kind == "parsing") != (format == "lip") and kind and format:
        faults.append(
            f"format must be lip where the kind is parsing, and only there, got '{format}' for "
            f"'{kind}', at {path}. Correct one of them."
        )


def _check_scheme(name: str, path: Path, faults: list[str]) -> str:
    try:
        find_scheme(name)
    except PeopleparseError as error:
        faults.append(f"{error} At {path}.")
    return name


def _check_truth(folder: Path, given: str, path: Path, faults: list[str]) -> Path:
    truth = (folder / given).resolve()
    served = [part for part in truth.parts if part.lower() in _SERVED]
    if served:
        faults.append(
            f"truth must lie outside of what is served, got a path inside '{served[0]}', "
            f"at {path}. Move it to a folder that only the server's user can read."
        )
    elif given and not truth.exists():
        faults.append(f"truth must be a folder or file, got none, at {truth}. Name its place.")
    return truth


def _read_text(path: Path, faults: list[str]) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        got = error.strerror if isinstance(error, OSError) else "another encoding"
        faults.append(f"benchmark must have {path.name}, got '{got}', at {path}. Write the file.")
        return None
