"""`peopleparse labels`: the label schemes and translation between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@click.group()
def labels() -> None:
    """List and show label schemes, and translate label PNGs between them."""


@labels.command("list")
def list_schemes() -> None:
    """List the label schemes."""
    from peopleparse.labels import get_scheme, scheme_names

    for name in scheme_names():
        scheme = get_scheme(name)
        click.echo(f"{name:<18} {len(scheme.labels):>3} labels")


@labels.command("show")
@click.argument("scheme")
def show_scheme(scheme: str) -> None:
    """Show the labels of a SCHEME: id, name, kind, flip partner, joint, colour."""
    from peopleparse.labels import get_scheme

    found = get_scheme(scheme)
    click.echo(f"{'id':>3}  {'name':<16} {'kind':<11} {'mirrored':<16} {'joint':<12} colour")
    for label in found.labels:
        flip = "?" if label.flip is None else found.names[label.flip]
        flip = "" if label.flip == label.id else flip
        color = "#{:02x}{:02x}{:02x}".format(*label.color)
        click.echo(
            f"{label.id:>3}  {label.name:<16} {label.kind:<11} {flip:<16} {label.joint:<12} {color}"
        )


@labels.command("sheet")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT.png")
@click.option("--scheme", "names", multiple=True, help="Draw only this scheme; may be repeated.")
def draw_sheet(out: Path, names: tuple[str, ...]) -> None:
    """Draw every label scheme on one picture: id, colour, name, flip partner, joint."""
    import io

    from PIL import Image

    from peopleparse.errors import InputError
    from peopleparse.labels import get_scheme, scheme_names
    from peopleparse.viz.files import make_folder, write_whole
    from peopleparse.viz.scheme_sheet import draw_scheme_sheet

    if out.suffix.lower() != ".png":
        raise InputError(f"picture must be a PNG, got '{out.name}'. Name it {out.stem}.png.")
    sheet = draw_scheme_sheet([get_scheme(name) for name in names or scheme_names()])
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="PNG", optimize=True)
    make_folder(out.parent)
    write_whole(out, buffer.getvalue())
    click.echo(f"{len(names or scheme_names())} schemes: {out}")


@labels.command("translate")
@click.argument("maps", nargs=-1, type=click.Path(path_type=Path), metavar="[PNG...]")
@click.option("--from", "source", required=True, help="Scheme of the label PNGs.")
@click.option("--to", "target", required=True, help="Scheme wanted.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where to write.")
def translate_maps(maps: tuple[Path, ...], source: str, target: str, out: Path | None) -> None:
    """Translate label PNGs and print what is lost; without PNGs, print the table."""
    from peopleparse.inference.folder import unique_stems
    from peopleparse.inference.scheme import add_losses
    from peopleparse.labels import get_translation, translate

    table = get_translation(source, target)
    if not maps:
        for source_id, target_id in table.targets.items():
            lost = f"? (only geometry can tell: {table.groups.get(source_id, 'unknown')})"
            name = lost if target_id == table.target.ignore_id else table.target.names[target_id]
            click.echo(f"{table.source.names[source_id]:<16} {name}")
        return
    if out is None:
        raise click.UsageError("--out must name a folder, got none. Add --out DIR.")
    # All maps are translated before the first is written: a broken one leaves nothing behind.
    done = [translate(_read_ids(path), source, target) for path in maps]
    for stem, (parsing, _) in zip(unique_stems(maps), done, strict=True):
        _write_ids(out, stem, parsing, table.target.palette)
    click.echo(str(add_losses(report for _, report in done)))


def _read_ids(path: Path) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    from peopleparse.errors import InputError

    try:
        with Image.open(path) as image:
            mode, ids = image.mode, np.asarray(image)
    except Exception as error:  # Pillow raises many types on broken files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"label map must be a PNG that can be read, got '{reason}', at {path}. Check the file."
        ) from error
    if mode not in ("P", "L"):
        raise InputError(
            f"label map must hold ids (palette or 8-bit grey), got colours ({mode}), at {path}. "
            "Save it with one id a pixel."
        )
    return ids


def _write_ids(
    folder: Path, stem: str, parsing: NDArray[np.uint8], palette: NDArray[np.uint8]
) -> None:
    from peopleparse.viz.files import make_folder, write_whole
    from peopleparse.viz.save import encode_indexed

    write_whole(make_folder(folder) / f"{stem}.png", encode_indexed(parsing, palette))
