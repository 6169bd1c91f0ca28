"""What an export or import did, and what it lost: never silent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peopleparse.data.files import write_file

REPORT_FILE = "exchange-report.json"


@dataclass
class Report:
    """What an export or import did.

    Attributes:
        action: "export" or "import".
        format, layout: in which form; None where an import met both layouts or neither.
        photos, persons: how many were written, or taken over.
        different: pixels that came back other than they went out when the export was read again;
            None where nothing was read again.
        losses: kind of loss to its number; only what was lost.
        notes: what is worth knowing, to its number.
        unknown: sheets whose photo the project does not have.
    """

    action: str
    format: str
    layout: str | None = None
    photos: int = 0
    persons: int = 0
    different: int | None = None
    losses: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    unknown: Sequence[str] = ()

    def lines(self) -> list[str]:
        """Return the report as lines to print."""
        done = "written" if self.action == "export" else "taken over"
        layout = f", layout {self.layout}" if self.layout else ""
        lines = [f"{self.photos} photos with {self.persons} persons {done} ({self.format}{layout})"]
        if self.different is not None:
            lines.append(f"Read again: {self.different} pixels different")
        lost = {kind: number for kind, number in self.losses.items() if number}
        lines.append("Lost:" if lost else "Nothing of what was converted is lost.")
        lines += [f"  {kind}: {number}" for kind, number in lost.items()]
        lines += [f"Note: {kind}: {number}" for kind, number in self.notes.items() if number]
        if self.unknown:
            lines.append(f"Passed over, no photo of the project: {', '.join(self.unknown)}")
        return lines

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values for JSON."""
        return {
            "action": self.action,
            "format": self.format,
            "layout": self.layout,
            "photos": self.photos,
            "persons": self.persons,
            "different": self.different,
            "losses": {kind: number for kind, number in self.losses.items() if number},
            "notes": {kind: number for kind, number in self.notes.items() if number},
            "unknown": list(self.unknown),
        }

    def write(self, folder: Path) -> Path:
        """Write the report beside an export.

        Raises:
            InputError: the place cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"
        return write_file(folder / REPORT_FILE, text.encode())
