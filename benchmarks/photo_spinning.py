"""A question beside the photo itself: whether idle threads of ONNX Runtime may spin.

ONNX Runtime's threads wait for work in a loop for a while before they sleep. That saves time
between two layers and burns the processor after the last one; what counts depends on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.harness import Child, describe_machine, pair_ratio
from benchmarks.report import begin_result

REST_SECONDS = 0.3
_SIDE = "benchmarks.photo_peopleparse"


def measure(settings: Mapping[str, Any], repetitions: int, quick: bool = False) -> dict[str, Any]:
    """Return the whole result.

    Args:
        settings: what our side is told; see `photo_peopleparse.build`.
        repetitions: turns of each variant.
        quick: whether this is a smoke test.
    """
    more = {"seed": settings["seed"], "repetitions": repetitions}
    result = begin_result("spinning", quick, describe_machine(), **more)
    return result | {"spinning": measure_spinning(settings, repetitions)}


def measure_spinning(settings: Mapping[str, Any], repetitions: int) -> dict[str, Any]:
    """Return what spinning threads cost or bring, as multiples of sleeping ones.

    Returns:
        seconds: of a photo that comes right after another.
        seconds_after_rest: of a photo that comes after a rest.
        processor_time: of all threads from the start of a photo to the end of the rest after it.
        sha256: of the weights; also which network and library.
    """
    found: dict[bool, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        sides = {
            spinning: stack.enter_context(Child(_SIDE, {**settings, "spinning": spinning}))
            for spinning in (True, False)
        }
        for spinning, side in sides.items():
            side.ask("photo")
            found[spinning] = {"seconds": [], "seconds_after_rest": [], "processor_time": []}
        for _ in range(repetitions):
            for spinning, side in sides.items():
                for key, value in _take_turn(side).items():
                    found[spinning][key].append(value)
        about = sides[True].versions
    ratios: dict[str, Any] = {
        key: pair_ratio(found[True][key], found[False][key]) for key in found[True]
    }
    return ratios | {key: about[key] for key in ("model", "sha256", "versions")}


def _take_turn(side: Child) -> dict[str, float]:
    time.sleep(REST_SECONDS)
    before = side.ask("used")["cpu_seconds"]
    rested = side.ask("photo")["seconds"]
    time.sleep(REST_SECONDS)
    used = side.ask("used")["cpu_seconds"] - before
    side.ask("photo")
    return {
        "seconds": side.ask("photo")["seconds"],
        "seconds_after_rest": rested,
        "processor_time": used,
    }
