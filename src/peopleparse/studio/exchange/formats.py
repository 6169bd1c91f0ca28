"""The formats that projects are exported to and imported from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from peopleparse.errors import InputError, suggest
from peopleparse.labels import Scheme
from peopleparse.studio.exchange import coco, cvat, datumaro, gps, label_studio, labelme
from peopleparse.studio.exchange.files import ExchangeFiles
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.sheets import COPIES, LAYOUTS, FoundSheet, Sheet


class SheetWriter(Protocol):
    """Writes sheets into a folder."""

    def photo_folder(self, sheet: Sheet) -> str:
        """Return the folder in it for a sheet's picture, "" for the top."""

    def add(self, sheet: Sheet) -> None:
        """Add one sheet."""

    def finish(self) -> None:
        """Write what was gathered."""


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: as users write it.
        make_writer: takes the folder and the names of the parts.
        find_sheets: takes the files and the scheme.
        layouts: those that it has.
    """

    name: str
    make_writer: Callable[[Path, PartNames], SheetWriter]
    find_sheets: Callable[[ExchangeFiles, Scheme], list[FoundSheet]]
    layouts: tuple[str, ...] = LAYOUTS


FORMATS: Mapping[str, Format] = {
    found.name: found
    for found in (
        Format("gps", gps.GpsWriter, gps.find_sheets, (COPIES,)),
        Format("coco", coco.CocoWriter, coco.find_sheets),
        Format("cvat", cvat.CvatWriter, cvat.find_sheets),
        Format("label-studio", label_studio.LabelStudioWriter, label_studio.find_sheets),
        Format("labelme", labelme.LabelmeWriter, labelme.find_sheets),
        Format("datumaro", datumaro.DatumaroWriter, datumaro.find_sheets),
    )
}


def find_format(name: str) -> Format:
    """Return a format by name.

    Raises:
        InputError: there is no such format.
    """
    name = name.replace("_", "-")
    if name not in FORMATS:
        raise InputError(
            f"format must be one of the exchange, got '{name}'.{suggest(name, FORMATS)}"
        )
    return FORMATS[name]


def check_layout(format: Format, layout: str) -> None:
    """Raise unless a format has a layout.

    Raises:
        InputError: it does not.
    """
    if layout not in format.layouts:
        raise InputError(
            f"layout of {format.name} must be one of {', '.join(format.layouts)}, got '{layout}'."
            f"{suggest(layout, format.layouts)}"
        )
