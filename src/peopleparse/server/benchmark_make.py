"""Make a benchmark folder from truth that is there, and hand out its public part."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peopleparse.data.files import new_folder, write_file
from peopleparse.data.formats import open_labels
from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.image_labels import ImageLabels, size_of
from peopleparse.data.label_source import FileLabels
from peopleparse.errors import DataError, InputError
from peopleparse.server.benchmark_folder import (
    COLUMNS,
    IMAGES,
    RULES,
    SETTINGS,
    BenchmarkFolder,
    read_benchmark,
)
from peopleparse.server.ladder import suggest_step
from peopleparse.server.manifest import FORMATS

_PERSONS = 20
_DATE = (1980, 1, 1, 0, 0, 0)  # so that the same benchmark gives the same zip
_RULES = """# {title}

Hand in a zip archive in the format `{format}`, labels of the scheme `{scheme}`: one prediction for
each image of images.csv, at its size. An image without a prediction counts as one in which nobody
was found. {persons}

The score that ranks is `{headline}`. It is computed on a public and on a private part of the
images; which image is in which is secret. The public score is shown as soon as it is better than
the team's best by {step:.2f} points; the private one decides, and is shown when the phase ended.

Check an archive before it is handed in: `peopleparse evaluate --check --benchmark FOLDER ARCHIVE`
finds what the server would find. An archive that is refused costs an attempt and no score.
Archives that ask for the secret labels, by constant or by nearly repeated maps, are refused.
"""


@dataclass(frozen=True)
class Plan:
    """What a new benchmark is to be; None is found from the truth.

    Attributes:
        slug, title: what it is called.
        opens, closes: of its first phase, UTC.
        format: of archives.
        truth_format, scheme: of the truth.
        headline: the score that ranks.
        metrics: more scores that are shown.
        persons: most persons in an image.
        public: share of the public half.
        ladder_step: least gain that is shown, a fraction; default: by the number of public images.
        attempts_a_day, scores_a_day, scores_in_all: most of a team.
    """

    slug: str
    title: str
    opens: datetime
    closes: datetime
    format: str | None = None
    truth_format: str | None = None
    scheme: str | None = None
    headline: str | None = None
    metrics: Sequence[str] = ()
    persons: int = _PERSONS
    public: float = 0.3
    ladder_step: float | None = None
    attempts_a_day: int = 20
    scores_a_day: int = 2
    scores_in_all: int = 30


def make_benchmark(
    truth: str | Path,
    folder: str | Path,
    plan: Plan,
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> BenchmarkFolder:
    """Write a benchmark folder; the truth stays where it is.

    Args:
        truth: folder, archive or file, in any format of `data.formats`.
        folder: the new folder.
        plan: what it is to be.
        track: wraps the image names, for a progress bar.

    Raises:
        InputError: the folder is there already, or a value is outside its range.
        DataError: the truth is missing or broken, or what was written is no benchmark.
    """
    folder, truth = Path(folder), Path(truth)
    if folder.exists():
        raise InputError(
            f"folder must be a new one, got one that is there, at {folder}. Remove it."
        )
    source = open_labels(truth, plan.truth_format, plan.scheme, "truth")
    rows = [_describe_image(source, name, plan) for name in track(source.ids)]
    format = plan.format or _format_of(source)
    kind = "parsing" if format == "lip" else "instances"
    headline = plan.headline or {"parsing": "mean_iou", "instances": "ap_lambda_strict"}[kind]
    values: dict[str, Any] = {
        "slug": plan.slug,
        "title": plan.title,
        "kind": kind,
        "format": format,
        "scheme": source.scheme.name,
        "headline": headline,
        "metrics": list(dict.fromkeys([headline, *plan.metrics])),
        **({} if format == "lip" else {"persons": plan.persons}),
        "ladder_step": plan.ladder_step or suggest_step(round(plan.public * len(rows))),
        # From where the folder will be, so that both can be moved together.
        "truth": os.path.relpath(truth.resolve(), folder.resolve()),
        "truth_format": source.format,
        "split": {"public": plan.public, "seed": secrets.token_hex(16)},
        "phases": [_describe_phase(plan)],
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    with new_folder(folder) as part:
        write_file(part / SETTINGS, write_toml(values).encode())
        write_file(part / IMAGES, text.getvalue().encode())
        write_file(part / RULES, _write_rules(values).encode())
        (part / SETTINGS).chmod(0o600)
        read_benchmark(part)  # it lies beside its final place, so the path to the truth holds
    return read_benchmark(folder)


def _write_rules(values: Mapping[str, Any]) -> str:
    persons = ""
    if "persons" in values:
        persons = (
            f"At most {values['persons']} persons in an image, each with a score; a person too "
            "many counts as wrong."
        )
    return _RULES.format(**{**values, "persons": persons, "step": 100 * values["ladder_step"]})


def _describe_phase(plan: Plan) -> dict[str, Any]:
    times = {"opens": plan.opens, "closes": plan.closes}
    return {
        "slug": "main",
        "title": "Main phase",
        **{key: time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for key, time in times.items()},
        "attempts_a_day": plan.attempts_a_day,
        "scores_a_day": plan.scores_a_day,
        "scores_in_all": plan.scores_in_all,
    }


def _describe_image(source: FileLabels, name: str, plan: Plan) -> tuple[str, int, int, str]:
    labels = source.read(name)
    height, width = size_of(labels)
    count = _count_persons(labels)
    if count > plan.persons:
        raise DataError(
            f"persons of an image must be at most {plan.persons}, got {count} in the truth, "
            f"at image '{name}'. Allow more."
        )
    subset = ""
    if isinstance(source, GpsLabels):
        subset = str(source.record_of(name)["image"].get("subset") or "")
    return name, width, height, subset


def _count_persons(labels: ImageLabels) -> int:
    if labels.persons is None:
        return 0
    persons = labels.persons
    return int(persons[1].max(initial=0)) if isinstance(persons, tuple) else len(persons)


def _format_of(source: FileLabels) -> str:
    if source.format in FORMATS:
        return source.format
    return "mhp-v2" if source.format == "coco" else "lip"


def write_toml(values: Mapping[str, Any]) -> str:
    """Return a table as TOML: numbers, text, lists of text, tables and lists of tables."""
    plain = {key: value for key, value in values.items() if not _is_table(value)}
    lines = [f"{key} = {_write_value(value)}" for key, value in plain.items()]
    for key, value in values.items():
        for row in [value] if isinstance(value, dict) else value if _is_table(value) else []:
            head = f"[{key}]" if isinstance(value, dict) else f"[[{key}]]"
            lines += ["", head, *(f"{name} = {_write_value(one)}" for name, one in row.items())]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    )


def _write_value(value: Any) -> str:
    # JSON's text and lists are TOML's, too, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def export_benchmark(folder: str | Path, path: str | Path) -> Path:
    """Write the public part of a benchmark as a zip: no truth, no seed of the split.

    Raises:
        DataError: the benchmark is not as it must be.
        InputError: the file cannot be written.
    """
    return write_file(Path(path), pack_public(read_benchmark(folder)))


def pack_public(found: BenchmarkFolder) -> bytes:
    """Return the zip of what everybody may have; `read_benchmark(..., secret=False)` reads it."""
    # Only what everybody may know is named; a field that is added later stays secret.
    keys = ("slug", "title", "kind", "format", "scheme", "headline", "metrics", "ladder_step")
    values = {key: getattr(found, key) for key in keys} | {"metrics": list(found.metrics)}
    if found.format != "lip":
        values["persons"] = found.persons
    phases = [
        {
            **vars(phase),
            **{
                key: datetime.fromtimestamp(vars(phase)[f"{key}_at"] / 1000, UTC).isoformat()
                for key in ("opens", "closes")
            },
        }
        for phase in found.phases
    ]
    for phase in phases:
        del phase["opens_at"], phase["closes_at"]
    values |= {"split": {"public": found.public_fraction}, "phases": phases}
    rows = [(name, *facts) for name, facts in found.images.items()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            (SETTINGS, write_toml(values)),
            (IMAGES, text.getvalue()),
            (RULES, found.rules),
        ):
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
