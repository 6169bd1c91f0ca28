from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from peopleparse.cli.labels import labels
from peopleparse.errors import InputError
from peopleparse.labels import get_scheme, scheme_names
from peopleparse.viz.scheme_sheet import draw_scheme_sheet, draw_scheme_table


def _colors(picture: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, np.unique(picture.reshape(-1, 3), axis=0).tolist()))


@pytest.mark.parametrize("name", scheme_names())
def test_a_table_shows_every_color(name: str) -> None:
    scheme = get_scheme(name)
    assert {label.color for label in scheme.labels} <= _colors(draw_scheme_table(scheme))


def test_a_sheet_holds_its_tables_whole() -> None:
    schemes = [get_scheme(name) for name in ("pascal-person-part", "lip")]
    first, second = (draw_scheme_table(scheme) for scheme in schemes)
    gap = 30
    wide = draw_scheme_sheet(schemes)
    assert wide.shape[1] == first.shape[1] + second.shape[1] + 3 * gap
    assert wide.shape[0] == max(len(first), len(second)) + 2 * gap
    np.testing.assert_array_equal(wide[gap : gap + len(first), gap : gap + first.shape[1]], first)
    high = draw_scheme_sheet(schemes, width=100)  # too narrow for two: below each other
    assert high.shape == (
        len(first) + len(second) + 3 * gap,
        max(first.shape[1], second.shape[1]) + 2 * gap,
        3,
    )
    top = len(first) + 2 * gap
    np.testing.assert_array_equal(
        high[top : top + len(second), gap : gap + second.shape[1]], second
    )


def test_columns_that_nothing_stands_in_are_left_out() -> None:
    full, plain = (draw_scheme_table(get_scheme(name)) for name in ("atr", "pascal-person-part"))
    assert plain.shape[1] < full.shape[1]


def test_a_sheet_of_nothing() -> None:
    with pytest.raises(InputError, match="a sheet must have a scheme, got none. Name one."):
        draw_scheme_sheet([])


def test_the_command(tmp_path: Path) -> None:
    out = tmp_path / "new" / "all.png"
    done = CliRunner().invoke(labels, ["sheet", str(out)])
    assert done.exit_code == 0 and f"{len(scheme_names())} schemes: {out}" in done.output
    with Image.open(out) as image:
        drawn = np.asarray(image)
    np.testing.assert_array_equal(drawn, draw_scheme_sheet(list(map(get_scheme, scheme_names()))))
    one = tmp_path / "lip.png"
    assert CliRunner().invoke(labels, ["sheet", str(one), "--scheme", "lip"]).exit_code == 0
    with Image.open(one) as image:
        np.testing.assert_array_equal(np.asarray(image), draw_scheme_sheet([get_scheme("lip")]))
    failed = CliRunner().invoke(labels, ["sheet", str(tmp_path / "x.jpg")])
    assert isinstance(failed.exception, InputError)
    assert str(failed.exception) == "picture must be a PNG, got 'x.jpg'. Name it x.png."
    assert not (tmp_path / "x.jpg").exists()


def test_the_picture_of_the_docs_is_what_the_command_draws() -> None:
    path = Path(__file__).parents[2] / "docs" / "images" / "schemes.png"
    with Image.open(path) as image:
        height, width = draw_scheme_sheet(list(map(get_scheme, scheme_names()))).shape[:2]
        assert image.size == (width, height)
