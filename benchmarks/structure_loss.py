"""What the structure loss costs: its share of a training step of DeepLab v2 on ResNet-101.

    python benchmarks/structure_loss.py               # measure, print, write the result
    python benchmarks/structure_loss.py --write-docs  # bring docs/performance.md up to date
    python benchmarks/structure_loss.py --quick       # smoke test: a small network, nothing written

Every turn is one training step: the network forwards, each loss forwards and backwards on the same
logits, in changing order, then the network backwards and the optimizer. A step with a loss is the
network's part plus that loss. Times are the processor's: other programs disturb them little.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torchvision
from torch import Tensor
from torch.nn import functional

import peopleparse
from benchmarks.harness import REPO, RESULTS, BenchmarkError, describe_machine, spread
from peopleparse.data.files import write_file
from peopleparse.errors import PeopleparseError
from peopleparse.labels import get_scheme
from peopleparse.losses.structure import StructureLoss
from peopleparse.models.parsers import build_parser
from peopleparse.nn.resize import upsample

PAGE = REPO / "docs" / "performance.md"
BEGIN, END = "<!-- structure_loss:begin -->", "<!-- structure_loss:end -->"
RESULT = "structure_loss.json"
MOST = 0.10  # of a training step
PLAIN = "cross-entropy"
FORMS = {
    "paper, centers": ("paper", "centers"),
    "paper, heatmaps": ("paper", "heatmaps"),
    "released": ("released", "heatmaps"),
    "soft, centers": ("soft", "centers"),
    "soft, heatmaps": ("soft", "heatmaps"),
}
Loss = Callable[[Tensor, Tensor], Tensor]
Clock = Callable[[], float]


def make_losses(scheme: str) -> dict[str, Loss]:
    """Return plain cross-entropy and every form of the structure loss, by name."""
    losses: dict[str, Loss] = {
        PLAIN: lambda logits, truth: functional.cross_entropy(logits, truth, ignore_index=255)
    }
    for name, (mode, measure) in FORMS.items():
        losses[name] = StructureLoss(scheme, mode, offset=1.0, measure=measure)  # type: ignore[arg-type]
    return losses


def make_truth(options: argparse.Namespace, labels: int) -> Tensor:
    """Return (B, side, side) label ids in patches, some of them to be ignored."""
    generator = torch.Generator().manual_seed(options.seed)
    patches = torch.randint(0, labels + 1, (options.batch, 1, 11, 11), generator=generator)
    truth = functional.interpolate(patches.float(), (options.side, options.side)).long()[:, 0]
    return truth.where(truth < labels, 255)


def time_loss(loss: Loss, logits: Tensor, truth: Tensor, times: int, clock: Clock) -> float:
    """Return seconds of one loss and its gradient in the logits, the mean of several."""
    leaf = logits.detach().requires_grad_()
    loss(leaf, truth).backward()  # tables are made at the first call
    leaf.grad = None
    start = clock()
    for _ in range(times):
        loss(leaf, truth).backward()
        leaf.grad = None
    return (clock() - start) / times


def measure_turns(options: argparse.Namespace, clock: Clock) -> dict[str, Any]:
    """Return the seconds of the network in each turn, and of each loss on cells and on pixels."""
    labels = get_scheme(options.scheme).num_ids
    torch.manual_seed(options.seed)
    model = build_parser("deeplab_v2_resnet101", labels, small=options.quick).train()
    if not options.quick:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
    image = torch.rand(options.batch, 3, options.side, options.side) * 255
    image = image.contiguous(memory_format=torch.channels_last)
    truth = make_truth(options, labels)
    losses = make_losses(options.scheme)
    network: list[float] = []
    seconds = {grid: {name: [] for name in losses} for grid in ("cells", "pixels")}
    for turn in range(options.repetitions + 1):  # the first does not count
        start = clock()
        optimizer.zero_grad()
        logits = model(image)["logits"]
        forward = clock() - start
        coarse = truth[:, :: model.stride, :: model.stride]
        fine = upsample(logits.detach(), model.stride, (options.side, options.side))
        order = [*losses][turn % len(losses) :] + [*losses][: turn % len(losses)]
        found = {
            "cells": {n: time_loss(losses[n], logits, coarse, 20, clock) for n in order},
            "pixels": {n: time_loss(losses[n], fine, truth, 1, clock) for n in order},
        }
        leaf = logits.detach().requires_grad_()
        losses["paper, centers"](leaf, coarse).backward()
        start = clock()
        logits.backward(leaf.grad)
        optimizer.step()
        backward = clock() - start
        if turn:
            network.append(forward + backward)
            for grid, by_name in found.items():
                for name, value in by_name.items():
                    seconds[grid][name].append(value)
    return {"network": network, "losses": seconds, "grid": list(coarse.shape[1:])}


def summarize(turns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the share of each loss in its step and what it adds to a step with cross-entropy."""
    network = turns["network"]
    found: dict[str, Any] = {}
    for grid, by_name in turns["losses"].items():
        found[grid] = {}
        for name, values in by_name.items():
            pairs = list(zip(values, by_name[PLAIN], network, strict=True))
            found[grid][name] = {
                "share": spread([value / (rest + value) for value, _, rest in pairs]),
                "added": spread([(value - plain) / (rest + plain) for value, plain, rest in pairs]),
            }
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the whole result."""
    machine = describe_machine()
    torch.set_num_threads(options.threads)
    turns = measure_turns(options, time.process_time)
    ratios = summarize(turns)
    worst = max(form["share"]["median"] for form in ratios["cells"].values())
    return {
        "benchmark": "structure_loss",
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": options.quick,
        "seed": options.seed,
        "repetitions": options.repetitions,
        "machine": machine,
        "versions": {
            "peopleparse": peopleparse.__version__,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "threads": options.threads,
        "network": "small" if options.quick else "deeplab_v2_resnet101",
        "scheme": options.scheme,
        "batch": options.batch,
        "side": options.side,
        "grid": turns["grid"],
        "asked": MOST,
        "met": worst <= MOST,
        "ratios": ratios,
        "seconds": {"network": turns["network"], **turns["losses"]},
    }


def headline(result: Mapping[str, Any]) -> str:
    """Return the one line that may be quoted."""
    warning = "SMOKE TEST, these figures mean nothing. " if result["quick"] else ""
    shares = [form["share"]["median"] for name, form in _structure(result["ratios"]["cells"])]
    return (
        f"{warning}The structure loss is at most {max(shares):.3%} of a training step of DeepLab "
        f"v2 on ResNet-101 at {result['side']} x {result['side']}, batch {result['batch']} "
        f"(asked: at most {result['asked']:.0%})."
    )


def loss_table(result: Mapping[str, Any]) -> str:
    """Return a Markdown table of shares, and under it what was run."""
    side, cells = result["side"], result["grid"][0]
    lines = [
        f"| share of a training step | on {cells} x {cells} cells | on {side} x {side} pixels |",
        "| --- | --- | --- |",
    ]
    for name in (PLAIN, *FORMS):
        values = [_percent(result["ratios"][grid][name]["share"]) for grid in ("cells", "pixels")]
        lines.append(f"| {name} | {' | '.join(values)} |")
    machine, versions = result["machine"], result["versions"]
    load = "" if machine["load_before"] is None else f", load {machine['load_before']:.2f} before"
    verdict = "met" if result["met"] else "not met"
    lines += [
        "",
        f"* {headline(result)[:-1]}: {verdict}.",
        f"* {result['repetitions']} steps of {result['threads']} thread(s), processor time; scheme "
        f"`{result['scheme']}`. In brackets the lowest and the highest step.",
        f"* Run of {result['written']}: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}{load}.",
        f"* {', '.join(f'{name} {number}' for name, number in versions.items())}.",
    ]
    return "\n".join(lines)


def fill_page(text: str, result: Mapping[str, Any]) -> str:
    """Return a page with the table of a result between its markers.

    Raises:
        BenchmarkError: a marker is missing, or the result is one of a smoke test.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise BenchmarkError(
            f"the page must hold '{BEGIN}' and then '{END}' once each, got {text.count(BEGIN)} "
            f"and {text.count(END)}. Put them where the table belongs."
        )
    if result["quick"]:
        raise BenchmarkError("result must be of a whole run, got a smoke test. Run it whole.")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{loss_table(result)}\n{END}{rest.split(END)[1]}"


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--seed", type=int, default=0)
    add("--batch", type=int, default=2, help="images of a step")
    add("--side", type=int, default=321, help="of an image, in pixels")
    add("--scheme", default="lip")
    add("--repetitions", type=int, default=5, help="steps that count")
    add("--threads", type=int, default=1)
    add("--out", type=Path, help="where to write the result")
    add("--write-docs", action="store_true", help="only write the table of the page")
    add("--quick", action="store_true", help="smoke test; its figures mean nothing")
    options = parser.parse_args(argv)
    if options.quick:
        options.batch, options.side, options.repetitions = 1, 65, 1
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        result = json.loads((RESULTS / RESULT).read_text(encoding="utf-8"))
        write_file(PAGE, fill_page(PAGE.read_text(encoding="utf-8"), result).encode())
        print(f"Wrote the table of {PAGE}")
        return
    result = measure(options)
    print(f"{headline(result)}\n\n{loss_table(result)}")
    out = options.out or (None if options.quick else RESULTS / RESULT)
    if out is not None:
        print(f"\nWrote {write_file(out, (json.dumps(result, indent=1) + chr(10)).encode())}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    try:
        run(read_options(argv))
    except (BenchmarkError, PeopleparseError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def _structure(forms: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, form) for name, form in forms.items() if name != PLAIN]


def _percent(share: Mapping[str, float]) -> str:
    return f"{share['median']:.3%} ({share['low']:.3%} to {share['high']:.3%})"


if __name__ == "__main__":
    sys.exit(main())
