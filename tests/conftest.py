"""What all tests share: where real data lies, seeded numbers, a note of what was skipped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

REPO = Path(__file__).resolve().parents[1]
DATA_VARIABLE = "PEOPLEPARSE_DATA"
DATA_FOLDERS = ("ccp", "backbones", "backgrounds")
HOW_TO_ENABLE = (
    f"needs real data: set {DATA_VARIABLE} to a folder that holds {'/, '.join(DATA_FOLDERS)}/ "
    "(CONTRIBUTING.md says where to get them)"
)

# The same examples on every run, and no deadline: machines differ in speed, results must not.
settings.register_profile("peopleparse", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("peopleparse")


def find_data_root(environ: dict[str, str], repo: Path) -> Path | None:
    """Return the folder of real data, or None where there is none and none was asked for."""
    named = environ.get(DATA_VARIABLE, "")
    root = Path(named) if named else repo.parent / "shared" / "data"
    missing = [name for name in DATA_FOLDERS if not (root / name).is_dir()]
    if not missing:
        return root
    if named:
        # Asked for and wrong: a skip would pass for a test that ran.
        raise FileNotFoundError(
            f"{DATA_VARIABLE} must name a folder that holds {', '.join(DATA_FOLDERS)}, "
            f"got '{named}' without {', '.join(missing)}."
        )
    return None


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder with ccp/, backbones/ and backgrounds/; the test is skipped where there is none."""
    root = find_data_root(dict(os.environ), REPO)
    if root is None:
        pytest.skip(HOW_TO_ENABLE)
    return root


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same on every run and in every test order."""
    return np.random.default_rng(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that reads real data, so that `-m data` and `-m "not data"` find it."""
    for item in items:
        if "data_root" in getattr(item, "fixturenames", ()):
            item.add_marker("data")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once, in plain sight, when real data was not there."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(HOW_TO_ENABLE in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{count} tests NOT RUN: {HOW_TO_ENABLE}", yellow=True)
