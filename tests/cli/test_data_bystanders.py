from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from peopleparse.cli.data import data
from tests.datasets import write_ccp_folder


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(data, ["bystanders", *(str(word) for word in words)])


def test_a_file_of_all_training_photos(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=4, tagged=0)
    words = ("--root", root, "--detail", "fast", "--threads", "1")
    result = _run(tmp_path / "out", *words)
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(f"of 3 photos: {tmp_path / 'out' / 'bystanders.json'}\n")
    found = json.loads((tmp_path / "out" / "bystanders.json").read_text())
    assert list(found["photos"]) == ["0001", "0002", "0003"]  # 0004 is for validation
    assert (found["detail"], found["threshold"], found["split"]) == ("fast", 0.1, "train")
    assert found["model"]["name"] == "gpsnet_mobilenet_v2"
    assert all(len(digest) == 64 for digest in found["model"]["sha256"].values())
    assert _run(tmp_path / "one", *words, "--limit", "1").stdout.count("of 1 photos") == 1


def test_wrong_words(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=2, tagged=0)
    for words, text in (
        (("--root", root, "--detail", "finest"), "detail must be a known name, got 'finest'"),
        (("--root", root, "--model", "nobody"), "model must be a shipped name"),
        (("--root", tmp_path / "none"), "none"),
    ):
        result = _run(tmp_path / "out", *words)
        assert result.exit_code != 0
        assert text in f"{result.output}{result.exception}"
        assert not (tmp_path / "out").exists()
