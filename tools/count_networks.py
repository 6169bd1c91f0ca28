"""Count what each network costs: weights, and multiply-adds of one photo with five persons.

    python tools/count_networks.py
    python tools/count_networks.py --write-docs

The second form writes the table into docs/networks.md, between its markers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from peopleparse.data.files import write_file
from peopleparse.inference.engine import LONG_SIDES
from peopleparse.inference.pipeline import fit_image
from peopleparse.models.build import BASELINES, MODELS
from peopleparse.models.cost import Cost, count_cost
from peopleparse.training.deploy import STRIDE

PAGE = Path(__file__).resolve().parent.parent / "docs" / "networks.md"
PHOTO, PERSONS = (480, 640), 5
BEGIN, END = "<!-- networks: begin -->", "<!-- networks: end -->"


def seen_size() -> tuple[int, int]:
    """Return the height and width at which every network sees the photo, at detail normal."""
    return fit_image(np.zeros((*PHOTO, 3), np.uint8), LONG_SIDES["normal"], STRIDE)[0].shape[:2]


def table_lines() -> list[str]:
    """Return the table, the shipped network first."""
    size = seen_size()
    shipped = f"`{MODELS[0]}` as shipped"
    costs = {shipped: count_cost(MODELS[0], *size, presence=True)}
    costs |= {f"`{name}`": count_cost(name, *size) for name in (*MODELS, *BASELINES)}
    lines = [
        f"One photo of {PHOTO[1]} x {PHOTO[0]} with {PERSONS} persons; every network sees it at "
        f"{size[1]} x {size[0]}. Multiply-adds in units of 10^9; FLOPs are twice as many.",
        "",
        "| network | weights | a photo | each person | both | shipped = 1 |",
        "|---|---|---|---|---|---|",
    ]
    most = costs[shipped].total(PERSONS)
    return lines + [row(name, cost, most) for name, cost in costs.items()]


def row(name: str, cost: Cost, shipped: int) -> str:
    """Return a network's line."""
    total = cost.total(PERSONS)
    counts = " | ".join(f"{count / 1e9:,.2f}" for count in (cost.photo, cost.person, total))
    return f"| {name} | {cost.parameters:,} | {counts} | {total / shipped:,.1f} |"


def fill(page: str, lines: list[str]) -> str:
    """Replace what stands between the markers."""
    head, rest = page.split(BEGIN)
    return "\n".join([head + BEGIN, *lines, END]) + rest.split(END)[1]


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write-docs", action="store_true", help="write docs/networks.md")
    lines = table_lines()
    if parser.parse_args().write_docs:
        write_file(PAGE, fill(PAGE.read_text(encoding="utf-8"), lines).encode())
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
