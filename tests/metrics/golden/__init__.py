"""Numbers of the published evaluators' definitions on small scenes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "legacy.json").read_text())


def numbers(values: list[float | None]) -> list[float]:
    """Return values with NaN where the file has null."""
    return [math.nan if value is None else value for value in values]


def same(found: Any, wanted: Any) -> bool:
    """Return whether two lists hold the same bits; NaN is NaN."""
    pairs = zip(found, wanted, strict=True)
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in pairs)
