"""How strongly structure learning pulls, from the runs of `peopleparse experiment lip-tables`.

    python tools/structure_pull.py runs/lip_tables/runs

Prints for each row the medians over its seeds of what the runs' own ledgers say: the norm of the
gradient before and after structure learning begins, and the weight of a person.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

from peopleparse.experiments.lip_rows import ALL_ROWS, PROTOCOL, SSL

_SETTLED = 60  # steps until rates have risen


def read_lines(runs: Path, row: str) -> list[dict[str, float]]:
    """Return the ledger lines of all seeds of a row."""
    paths = sorted(runs.glob(f"val-{row}-[0-9]-*/ledger.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def main(runs: str) -> None:
    """Print one line a row."""
    begins = PROTOCOL.steps * (1 - SSL.share)
    print("row, gradient before, after, weight of a person")
    for row in ALL_ROWS:
        lines = [line for line in read_lines(Path(runs), row) if line["step"] > _SETTLED]
        before = [line["gradient"] for line in lines if line["step"] <= begins]
        after = [line["gradient"] for line in lines if line["step"] > begins]
        weight = [line["person_weight"] for line in lines if "person_weight" in line]
        cells = [f"{median(some):.1f}" if some else "-" for some in (before, after, weight)]
        print(", ".join([row, *cells]))


if __name__ == "__main__":
    main(*sys.argv[1:])
