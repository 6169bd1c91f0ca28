"""`peopleparse studio export` and `studio import`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from peopleparse.cli import main
from peopleparse.studio.project import Project
from tests.studio.exchange.scenes import make_project


def run(*args: object) -> Result:
    """Run the command as a user does."""
    from peopleparse.cli.studio_exchange import export, import_

    name, *rest = map(str, args)
    return CliRunner().invoke({"export": export, "import": import_}[name], rest)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("cli") / "project", [0, 3])


def test_there_and_back(project: Project, tmp_path: Path) -> None:
    result = run("export", project.folder, "cvat", tmp_path / "out.zip", "--no-photos")
    assert result.exit_code == 0, result.output
    assert "Read again: 0 pixels different\nNothing of what was converted is lost." in result.output
    assert f"Written: {tmp_path / 'out.zip'}" in result.output
    empty = make_project(tmp_path / "empty", [0, 3], painted=False)
    result = run("import", empty.folder, "cvat", tmp_path / "out.zip")
    assert result.exit_code == 0 and "2 photos with" in result.output
    for photo_id in project.photo_ids():
        one = project.store.read_annotation(photo_id).parsings
        assert (empty.store.read_annotation(photo_id).parsings == one).all()


def test_layout(project: Project, tmp_path: Path) -> None:
    result = run("export", project.folder, "coco", tmp_path / "out", "--layout", "together")
    assert "(coco, layout together)" in result.output


def test_unknown_photos_give_one(project: Project, tmp_path: Path) -> None:
    run("export", project.folder, "coco", tmp_path / "out.zip")
    other = make_project(tmp_path / "other", [0], painted=False)
    result = run("import", other.folder, "coco", tmp_path / "out.zip")
    assert result.exit_code == 1
    assert "Passed over, no photo of the project: scene 0003_" in result.output


def test_errors_are_one_line(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["studio", "export", str(project.folder), "cocoo", str(tmp_path / "out")])
    error = capsys.readouterr().err.strip()
    assert ended.value.code == 1
    assert error.endswith("Choices: gps, coco, cvat, label-studio, labelme, datumaro.")
    assert "got 'cocoo'. Did you mean 'coco'?" in error and "\n" not in error
