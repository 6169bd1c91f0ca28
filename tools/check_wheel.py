"""Check the wheel in a folder: small, tables, model and page inside, no torch in the core."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

MAX_MEGABYTES = 30
MUST_HOLD = (
    *(".tsv", ".onnx", ".json", "page.html", "page.css", "page.js"),
    *("server/templates/base.html", "server/static/server.css", "versions/0001_first_tables.py"),
    *("studio/web/index.html", "studio/web/main.js"),
    *("py.typed", "licenses/LICENSE", "licenses/NOTICE"),
)


def find_faults(wheel: Path) -> list[str]:
    """Return one line for each thing that is wrong with the wheel."""
    faults = []
    megabytes = wheel.stat().st_size / 1e6
    if megabytes > MAX_MEGABYTES:
        faults.append(f"the wheel must be at most {MAX_MEGABYTES} MB, got {megabytes:.1f} MB")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith("/METADATA"))).decode()
    for ending in MUST_HOLD:
        if not any(name.endswith(ending) for name in names):
            faults.append(f"the wheel must hold a file ending in {ending}, got none")
    for line in metadata.splitlines():
        if re.match(r"Requires-Dist: torch", line) and "extra ==" not in line:
            faults.append(f"the core install must not bring torch, got '{line}'")
    return faults


def main() -> int:
    """Check the one wheel in the folder named on the command line."""
    wheels = sorted(Path(sys.argv[1]).glob("*.whl"))
    if len(wheels) != 1:
        print(f"{sys.argv[1]} must hold one wheel, got {len(wheels)}.")
        return 1
    faults = find_faults(wheels[0])
    for fault in faults:
        print(f"{wheels[0].name}: {fault}")
    print(f"{wheels[0]}: {wheels[0].stat().st_size / 1e6:.1f} MB")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
