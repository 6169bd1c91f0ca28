"""`peopleparse audit`: find anatomy that cannot be in anyone's label maps."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.data import check_new_folder, track
from peopleparse.errors import DataError, PeopleparseError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from peopleparse.data.label_source import FileLabels
    from peopleparse.metrics.anatomy import AnatomyFaults, AnatomyScores, Finding
    from peopleparse.metrics.overlap import Persons

    Picture = NDArray[np.uint8]
    Found = list[tuple[str, Finding]]

_SHOWN = 10  # findings that are printed
_COLUMNS, _TILE = 6, (300, 220)
_OPACITY, _BOX = 0.6, (235, 30, 40)


@click.command()
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--format", "kind", metavar="NAME", help="Format of the labels; found if not given.")
@click.option("--scheme", metavar="NAME", help="Labels of the maps; the format's own if not given.")
@click.option(
    "--side", type=click.Choice(["prediction", "truth"]), default="prediction", show_default=True,
    help="How the format lays out its files; truth may hold ignored pixels.",
)  # fmt: skip
@click.option("--ids", type=click.Path(path_type=Path), help="Text file: only these image ids.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR",
    help="New folder for audit.json and one picture a kind of fault.",
)  # fmt: skip
@click.option(
    "--pictures", type=click.IntRange(1, 100), default=12, show_default=True,
    help="Findings in each picture, the severest.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON: scores and all findings.")
def audit(
    labels: Path,
    kind: str | None,
    scheme: str | None,
    side: str,
    ids: Path | None,
    out: Path | None,
    pictures: int,
    as_json: bool,
) -> None:
    """Find arms on the wrong side, shoes at the head, two left shoes, floating legs and the like.

    LABELS is a folder, zip archive or COCO file of label maps, in any format of docs/formats.md.
    Where a format has one label map an image, it is taken for one person. Findings are no error;
    an image that cannot be read is left out and named, and the exit status is then 1.
    """
    from peopleparse.data.formats import open_labels
    from peopleparse.metrics.anatomy import AnatomyFaults

    if out is not None:
        check_new_folder(out)
    source = open_labels(labels, kind, scheme, side, ids)
    counts = AnatomyFaults(source.scheme)
    found, problems = _audit(source, counts)
    scores = counts.compute()
    report = scores.to_dict() | {
        "labels": source.name,
        "scheme": source.scheme.name,
        "findings": [{"image_id": image_id} | finding.to_dict() for image_id, finding in found],
    }
    if out is not None:
        _write(out, source, found, report, pictures)
    click.echo(json.dumps(report, indent=1) if as_json else "\n".join(_lines(scores, found)))
    for problem in problems:
        click.echo(problem, err=True)
    if out is not None:
        click.echo(f"Pictures and findings: {out}", err=as_json)
    if problems:
        click.echo(f"{len(problems)} images left out", err=True)
        raise click.exceptions.Exit(1)


def _audit(source: FileLabels, counts: AnatomyFaults) -> tuple[Found, list[str]]:
    """Return the findings of all images, the severest first, and what cannot be read."""
    found: Found = []
    problems = list[str]()
    for image_id in track(source.ids, "Auditing"):
        try:
            persons = read_people(source, image_id)
        except PeopleparseError as error:
            problems.append(str(error))
            continue
        found += [(image_id, finding) for finding in counts.update(image_id, persons)]
    return sorted(found, key=lambda pair: -pair[1].severity), problems


def read_people(source: FileLabels, image_id: str) -> Persons:
    """Return the persons of one image; a label map by itself is one person.

    Raises:
        DataError: the labels cannot be read, or are of a group without persons.
    """
    labels = source.read(image_id)
    if labels.persons is not None:
        return labels.persons
    if labels.parsing is None or labels.regions is not None or source.format == "cihp":
        raise DataError(
            f"labels must tell persons apart, got a map of all of them, at "
            f"{source.place_of(image_id)}. Give the folder that also holds maps of persons."
        )
    return labels.parsing[None]


def _lines(scores: AnatomyScores, found: Found) -> list[str]:
    lines = [
        f"{scores.images} images, {scores.persons} persons, {scores.unjudged} too small to judge",
        f"{'fault':18}{'persons':>8}{'per hundred':>13}",
    ]
    for kind, count in scores.faults.items():
        lines.append(f"{kind:18}{count:8}{scores.per_hundred[kind]:13.2f}")
    lines.append(f"{'any':18}{scores.faulty:8}{scores.faulty_per_hundred:13.2f}")
    for image_id, finding in found[:_SHOWN]:
        lines.append(f"{finding.severity:.2f} {image_id}: {finding.text}")
    if len(found) > _SHOWN:
        lines.append(f"... and {len(found) - _SHOWN} more")
    return lines


def _write(
    out: Path, source: FileLabels, found: Found, report: dict[str, Any], pictures: int
) -> None:
    """Write findings and pictures; the folder appears whole or not at all."""
    from PIL import Image

    from peopleparse.data.files import new_folder
    from peopleparse.viz import draw_sheet

    chosen: dict[str, Found] = defaultdict(list)
    for image_id, finding in found:
        if len(chosen[finding.kind]) < pictures:
            chosen[finding.kind].append((image_id, finding))
    with new_folder(out) as part:
        (part / "audit.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        for kind, pairs in chosen.items():
            tiles = [_tile(source, image_id, finding) for image_id, finding in pairs]
            captions = [f"{f.severity:.2f} {image_id}" for image_id, f in pairs]
            sheet = draw_sheet(tiles, _COLUMNS, captions, _TILE)
            Image.fromarray(sheet).save(part / f"{kind}.png", optimize=True)


def _tile(source: FileLabels, image_id: str, finding: Finding) -> Picture:
    from peopleparse.data.label_samples import read_sample

    persons = read_people(source, image_id)
    photo = read_sample(source, image_id).image
    return draw_finding(person_labels(persons, finding.person), source.scheme, finding, photo)


def person_labels(persons: Persons, number: int) -> Picture:
    """Return the label map of one person, 1 to N, (H, W) uint8."""
    import numpy as np

    if isinstance(persons, tuple):
        parsing, instances = persons
        return np.where(np.equal(instances, number), parsing, 0).astype(np.uint8)
    return np.asarray(persons)[number - 1].astype(np.uint8)


def draw_finding(
    labels: Picture, scheme: Any, finding: Finding, photo: Picture | None = None
) -> Picture:
    """Draw one person with a box around what is at fault, cut out and at least 300 pixels high.

    Args:
        labels: (H, W) label ids of the person.
        scheme: gives the colours.
        finding: what to show.
        photo: (H, W, 3) to draw on; white where None.
    """
    import cv2
    import numpy as np

    from peopleparse.structures import mask_box
    from peopleparse.viz.palette import blend
    from peopleparse.viz.panels import draw_box

    mine = (labels != 0) & (labels != scheme.ignore_id)
    around = mask_box(mine)
    assert around is not None
    opacity = 1.0 if photo is None else _OPACITY
    picture = np.full((*labels.shape, 3), 255, np.uint8) if photo is None else photo.copy()
    picture[mine] = blend(picture[mine], scheme.palette[labels[mine]], opacity)
    height, width = labels.shape
    pad = 0.06 * float(around[3] - around[1]) + 2
    x1, y1 = (max(int(v - pad), 0) for v in around[:2])
    x2, y2 = min(int(around[2] + pad), width), min(int(around[3] + pad), height)
    scale = max(1.0, _TILE[0] / (y2 - y1))
    size = max(1, round((x2 - x1) * scale)), max(1, round((y2 - y1) * scale))
    how = cv2.INTER_NEAREST if photo is None else cv2.INTER_LINEAR
    large = np.asarray(cv2.resize(picture[y1:y2, x1:x2], size, interpolation=how), np.uint8)
    corner = np.array([x1, y1, x1, y1])
    draw_box(large, (np.array(finding.box) - corner) * scale, _BOX, 2)
    return large
