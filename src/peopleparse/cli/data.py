"""`peopleparse data`: look at data sets and change their form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from peopleparse.cli.data_bystanders import bystanders
from peopleparse.cli.data_check import check
from peopleparse.cli.data_convert import convert
from peopleparse.cli.data_pseudo import pseudo_labels
from peopleparse.cli.data_sheet import sheet
from peopleparse.cli.data_split import split
from peopleparse.cli.data_stats import stats
from peopleparse.errors import InputError, PeopleparseError

if TYPE_CHECKING:
    from peopleparse.data.ccp import CcpDataset

T = TypeVar("T")


@click.group()
def data() -> None:
    """Check, describe and convert data sets."""


data.add_command(check)
data.add_command(stats)
data.add_command(sheet)
data.add_command(convert)
data.add_command(split)
data.add_command(bystanders)
data.add_command(pseudo_labels)


@data.command("convert-ccp")
@click.argument("root", type=click.Path(path_type=Path), metavar="CCP_ROOT")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--split", type=click.Choice(["train", "val", "all"]), default="all", show_default=True,
    help="By hash of the photo id.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), help="Convert only the first so many photos.")
def convert_ccp(root: Path, out: Path, split: str, limit: int | None) -> None:
    """Convert Clothing Co-Parsing into the new folder OUT, in the GPS form.

    Photos are copied as they are; a geometric rule tells face from arms and legs, and left from
    right. A photo that cannot be converted is passed over and named; the exit status is then 1.
    """
    from peopleparse.data.ccp import CcpDataset
    from peopleparse.data.files import new_folder
    from peopleparse.data.splits import select_split

    check_new_folder(out)
    dataset = CcpDataset(root)
    ids = dataset.parsed_ids if split == "all" else select_split(dataset.parsed_ids, split)
    ids, problems, empty = ids[:limit], list[str](), list[str]()
    if not ids:
        raise InputError(
            f"Clothing Co-Parsing folder must hold photos of split '{split}', got none, at {root}. "
            "Choose another split."
        )
    with new_folder(out) as part:
        for photo_id in track(ids, "Converting"):
            try:
                if not _convert_photo(dataset, photo_id, part):
                    empty.append(photo_id)
            except PeopleparseError as error:
                problems.append(str(error))
        done = len(ids) - len(problems) - len(empty)
        if not done:
            raise InputError(
                f"photos must be ones that can be converted, got {len(ids)} that cannot, "
                f"at {root}. The first: {(problems or ['its map shows nobody'])[0]}"
            )
        digest = hash_folder(part)
    for problem in problems:
        click.echo(problem, err=True)
    if empty:
        click.echo(f"Left out, nobody in the map: {', '.join(empty)}")
    click.echo(f"{done} of {len(ids)} photos converted: {out}")
    click.echo(f"sha256 of all images and maps: {digest}")
    if problems:
        raise click.exceptions.Exit(1)


def _convert_photo(dataset: CcpDataset, photo_id: str, out: Path) -> bool:
    """Write one converted photo; return False where its map shows nobody."""
    from peopleparse.data.ccp_gps import convert_garments
    from peopleparse.data.gps import write_annotation
    from peopleparse.data.splits import split_of
    from peopleparse.labels import get_scheme
    from peopleparse.structures import Annotation

    garments = dataset.read_garments(photo_id)
    if not garments.any():
        return False
    annotation = Annotation(convert_garments(garments)[None], get_scheme("gps"), photo_id)
    source = {"source": {"data_set": "Clothing Co-Parsing", "id": photo_id}}
    photo = dataset.photo_path(photo_id)
    write_annotation(out, annotation, photo, None, split_of(photo_id), source)
    return True


def check_new_folder(path: Path) -> None:
    """Check that a folder to write does not hold anything yet.

    Raises:
        InputError: it is a file, or a folder with something in it.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(
            f"output must be a new or empty folder, got one with something in it, at {path}. "
            "Choose another or empty it."
        )


def hash_folder(folder: Path) -> str:
    """Return one sha256, in hex, of all images and person-level maps of a GPS folder.

    It is made of the hashes that the records hold, in the order of the ids; `check_dataset` says
    whether those are true.
    """
    from peopleparse.data.gps import read_image_ids, read_record

    digest = hashlib.sha256()
    for image_id in read_image_ids(folder):
        record = read_record(folder, image_id)
        masks = [person["mask_sha256"] for person in record["persons"]]
        digest.update(" ".join([image_id, record["image"]["sha256"], *masks, "\n"]).encode())
    return digest.hexdigest()


def track(items: Sequence[T], what: str = "Checking") -> Iterator[T]:
    """Yield the items and show a progress bar, on stderr so that output can be sent to a file."""
    from rich.console import Console
    from rich.progress import track as track_items

    yield from track_items(items, what, console=Console(stderr=True), transient=True)
