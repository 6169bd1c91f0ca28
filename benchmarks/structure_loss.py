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
import sys
import time
from collections.abc import Callable, Mapping, Sequence
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
from benchmarks.command import add_output_options, make_parser, run_command
from benchmarks.harness import describe_machine, spread
from benchmarks.report import begin_result, keep_result, write_docs
from benchmarks.structure_loss_report import FORMS, PLAIN, headline, loss_table
from peopleparse.labels import get_scheme
from peopleparse.losses.structure import StructureLoss
from peopleparse.models.parsers import build_parser
from peopleparse.nn.resize import upsample

MOST = 0.10  # of a training step
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
    seconds: dict[str, dict[str, list[float]]] = {
        grid: {name: [] for name in losses} for grid in ("cells", "pixels")
    }
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
    more = {"seed": options.seed, "repetitions": options.repetitions}
    return begin_result("structure_loss", options.quick, machine, **more) | {
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


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--seed", type=int, default=0)
    add("--batch", type=int, default=2, help="images of a step")
    add("--side", type=int, default=321, help="of an image, in pixels")
    add("--scheme", default="lip")
    add("--repetitions", type=int, default=5, help="steps that count")
    add("--threads", type=int, default=1)
    add_output_options(parser)
    options = parser.parse_args(argv)
    if options.quick:
        options.batch, options.side, options.repetitions = 1, 65, 1
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        write_docs()
        return
    result = measure(options)
    keep_result(result, f"{headline(result)}\n\n{loss_table(result)}", options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(lambda: run(read_options(argv)))


if __name__ == "__main__":
    sys.exit(main())
