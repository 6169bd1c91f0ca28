"""The house itself: how real data is found, which Python is taken, what a wheel must hold."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import DATA_FOLDERS, DATA_VARIABLE, find_data_root
from tests.meta.repo import REPO


def _make_data(root: Path) -> Path:
    for name in DATA_FOLDERS:
        (root / name).mkdir(parents=True)
    return root


def test_data_is_taken_from_the_variable_before_the_neighbour(tmp_path: Path) -> None:
    repo = tmp_path / "checkout"
    assert find_data_root({}, repo) is None
    neighbour = _make_data(tmp_path / "shared" / "data")
    named = _make_data(tmp_path / "named")
    assert find_data_root({}, repo) == neighbour
    assert find_data_root({DATA_VARIABLE: str(named)}, repo) == named


def test_a_wrong_data_folder_fails_and_does_not_skip(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="PEOPLEPARSE_DATA must name a folder that holds"):
        find_data_root({DATA_VARIABLE: str(tmp_path)}, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="make and sh are not there")
def test_a_python_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    stub = tmp_path / "python3.11"
    stub.write_text("#!/bin/sh\nexit 127\n")
    stub.chmod(0o755)
    script = str(REPO / "tools" / "find_python.sh")
    environment = {**os.environ, "PYTHON": f"{stub} {sys.executable}"}
    done = subprocess.run(
        ["sh", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == sys.executable
    environment["PYTHON"] = str(stub)
    done = subprocess.run(
        ["sh", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Python must be 3.11 or newer" in done.stderr


def _load_check_wheel() -> ModuleType:
    path = REPO / "tools" / "check_wheel.py"
    spec = importlib.util.spec_from_file_location("check_wheel", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _write_wheel(path: Path, requires: str, names: tuple[str, ...]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.dist-info/METADATA", f"Name: x\nRequires-Dist: {requires}\n")
        for name in names:
            archive.writestr(f"x/{name}", "")
    return path


def test_a_wheel_must_hold_tables_and_model_and_no_torch(tmp_path: Path) -> None:
    check = _load_check_wheel()
    whole = (
        "a.tsv",
        "a.onnx",
        "a.json",
        *("page.html", "page.css", "page.js"),
        *("server/templates/base.html", "server/static/server.css"),
        "versions/0001_first_tables.py",
        *("studio/web/index.html", "studio/web/main.js"),
        "py.typed",
        "licenses/LICENSE",
        "licenses/NOTICE",
    )
    good = _write_wheel(tmp_path / "good.whl", "torch>=2; extra == 'train'", whole)
    assert check.find_faults(good) == []
    bad = _write_wheel(tmp_path / "bad.whl", "torch>=2", whole[1:])
    assert check.find_faults(bad) == [
        "the wheel must hold a file ending in .tsv, got none",
        "the core install must not bring torch, got 'Requires-Dist: torch>=2'",
    ]


def test_a_wheel_must_be_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = _load_check_wheel()
    monkeypatch.setattr(check, "MAX_MEGABYTES", 0)
    wheel = _write_wheel(tmp_path / "big.whl", "numpy", ())
    assert "the wheel must be at most 0 MB" in check.find_faults(wheel)[0]


def test_the_build_takes_the_version_the_package_says() -> None:
    import tomllib

    import peopleparse

    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == peopleparse.__version__
