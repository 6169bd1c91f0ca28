"""A core install has no torch; what users of it import must not ask for any."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib

import pytest

from tests.meta.repo import REPO

NOT_IN_CORE = ("matplotlib", "onnx", "safetensors", "scipy", "tensorboard", "torch", "torchvision")


@pytest.mark.parametrize(
    "module", ["peopleparse", "peopleparse.cli", "peopleparse.data", "peopleparse.inference"]
)
def test_import_loads_no_extra(module: str) -> None:
    if module != "peopleparse" and importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} does not exist")
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) & set(NOT_IN_CORE) == set()


def test_core_dependencies_do_not_name_torch() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = " ".join(project["dependencies"])
    assert "torch" not in core and "tensorboard" not in core
