"""Count what each network of the LIP paper costs: weights, and multiply-adds of one crop.

    python tools/count_parsers.py
    python tools/count_parsers.py --write-docs

The second form writes the table into docs/parsers.md, between its markers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from peopleparse.data.files import write_file
from peopleparse.models.parsers import PARSERS, build_parser

PAGE = Path(__file__).resolve().parent.parent / "docs" / "parsers.md"
SIDE = 321
BEGIN, END = "<!-- parsers: begin -->", "<!-- parsers: end -->"


def table_lines() -> list[str]:
    """Return the table, the paper's sizes first."""
    return [
        f"One crop of {SIDE} x {SIDE}, 20 labels; multiply-adds in units of 10^9, FLOPs are twice "
        "as many.",
        "",
        "| network | size | weights | multiply-adds | logits | stride | field |",
        "|---|---|---|---|---|---|---|",
        *(row(name, small) for small in (False, True) for name in PARSERS),
    ]


@torch.inference_mode()
def row(name: str, small: bool) -> str:
    """Return a network's line; nothing is computed, only shapes are followed."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = build_parser(name, small=small).eval()
        logits = model(torch.zeros(1, 3, SIDE, SIDE))["logits"]
    weights = sum(p.numel() for p in model.parameters())
    grid = " x ".join(str(side) for side in logits.shape[2:])
    cost = counter.get_total_flops() / 2e9
    size = "small" if small else "paper"
    head = f"| `{name}` | {size} | {weights:,} | {cost:.2f} "
    return head + f"| {grid} | {model.stride} | {model.field} |"


def fill(page: str, lines: list[str]) -> str:
    """Replace what stands between the markers."""
    head, rest = page.split(BEGIN)
    return "\n".join([head + BEGIN, *lines, END]) + rest.split(END)[1]


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write-docs", action="store_true", help="write docs/parsers.md")
    lines = table_lines()
    if parser.parse_args().write_docs:
        write_file(PAGE, fill(PAGE.read_text(encoding="utf-8"), lines).encode())
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
