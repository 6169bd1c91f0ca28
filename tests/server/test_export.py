"""The export: a board that stands alone, signed, without anything secret."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from peopleparse.cli.admin import admin
from peopleparse.errors import InputError
from peopleparse.server import export, registry, signing
from peopleparse.server.database import now, transaction
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Phase
from tests.server.rows import add_account, add_submission, add_team
from tests.server.tiny import SEED, make_benchmark

PRIVATE = 0.87654321


@pytest.fixture
def place(settings: Settings, engine: Engine, tmp_path: Path) -> Settings:
    place = replace(
        settings, benchmarks=(make_benchmark(tmp_path / "walkers", tmp_path / "hidden-truth"),)
    )
    registry.open_benchmarks(place, engine)
    with transaction(engine) as session:
        phase = session.scalars(select(Phase)).one()
        for number, (name, visibility) in enumerate(
            (("Foxes <b>", "public"), ("Hares", "anonymous"), ("Owls", "hidden"))
        ):
            account = add_account(session, add_team(session, name), email=f"m{number}@example.org")
            add_submission(
                session, phase, account, "scored", visibility=visibility, is_new_best=True,
                key=f"entry-{number}", method=f"=cmd|{visibility}", anonymous_name="anonymous-1",
                public_score=0.51234567, shown_score=0.512, private_score=PRIVATE,
                public_scores={"mean_iou": 0.51234567}, private_scores={"mean_iou": PRIVATE},
            )  # fmt: skip
    return place


def _close(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = session.scalars(select(Phase)).one()
        phase.closes_at = now(session)


def test_an_open_phase_gives_what_its_board_shows(
    place: Settings, engine: Engine, tmp_path: Path
) -> None:
    files = export.write_export(place, engine, tmp_path / "out")
    names = {path.relative_to(tmp_path / "out").as_posix() for path in files}
    assert names == {
        "key.json", "walkers/benchmark.json", "walkers/first.csv", "walkers/first.json",
        "walkers/images.csv", "walkers/index.html", "walkers/rules.md",
    }  # fmt: skip
    everything = "\n".join(path.read_text() for path in files)
    for secret in ("0.8765", "0.51234", SEED, "hidden-truth", "Owls", "entry-2", "Hares", "@"):
        assert secret not in everything, secret
    assert "anonymous-1" in everything
    page = (tmp_path / "out/walkers/index.html").read_text()
    assert "Foxes &lt;b&gt;" in page and "<strong>your own</strong>" in page
    assert "'=cmd|public" in (tmp_path / "out/walkers/first.csv").read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o644}


def test_a_closed_phase_gives_private_scores_that_can_be_verified(
    place: Settings, engine: Engine, tmp_path: Path
) -> None:
    _close(engine)
    export.write_export(place, engine, tmp_path / "out")
    file = tmp_path / "out/walkers/first.json"
    document = json.loads(file.read_text())
    assert [entry["score"] for entry in document["board"]["entries"]] == [0.8765, 0.8765]
    key = json.loads((tmp_path / "out/key.json").read_text())["public_key"]
    claims = [signing.verify_result(one, key) for one in export.read_signed(document)]
    assert [claim["scores"]["score"] for claim in claims] == [0.8765, 0.8765]
    assert claims[0]["manifest_sha256"] == document["manifest_sha256"]
    result = CliRunner().invoke(admin, ["verify", str(file), "--key", key])
    assert result.exit_code == 0, result.output
    assert result.output.count("good  walkers  entry-") == 2
    result = CliRunner().invoke(admin, ["verify", str(file)])
    assert "compare it with the server's own" in result.output


def test_a_changed_board_is_seen(place: Settings, engine: Engine, tmp_path: Path) -> None:
    export.write_export(place, engine, tmp_path / "out")
    document = json.loads((tmp_path / "out/walkers/first.json").read_text())
    document["board"]["entries"][0]["score"] = 0.9
    with pytest.raises(InputError, match="board must show the scores that are signed"):
        export.read_signed(document)
    file = tmp_path / "changed.json"
    document["signed"][0]["claim"]["scores"]["score"] = 0.9
    file.write_text(json.dumps(document))
    result = CliRunner().invoke(admin, ["verify", str(file)])
    assert "signature must be that of key" in str(result.exception)
    for text, expected in (("{}", "signed result or an exported board"), ("?", "must be JSON")):
        file.write_text(text)
        result = CliRunner().invoke(admin, ["verify", str(file)])
        assert expected in str(result.exception)


def test_an_export_is_never_written_over_and_its_benchmark_is_known(
    place: Settings, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="export must be a new folder"):
        export.write_export(place, engine, tmp_path / "out")
    other = make_benchmark(tmp_path / "other", tmp_path / "other-truth")
    text = (other / "benchmark.toml").read_text().replace('"walkers"', '"others"')
    (other / "benchmark.toml").write_text(text)
    with pytest.raises(InputError, match="benchmark must be one of the server, got 'others'"):
        export.write_export(replace(place, benchmarks=(other,)), engine, tmp_path / "new")
    assert not (tmp_path / "new").exists()
