"""How figures of matplotlib look, and their files: the same bytes for the same numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from peopleparse.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("svg", "pdf", "png")
INK, FAINT, LINE, PAPER = "#1d1d1f", "#5f6368", "#dcdcd8", "#ffffff"
GREY = "#a9adb3"  # of bars that belong to no data set
# Of Okabe and Ito: neighbours stay apart for colour-blind eyes and in print without colour.
SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#6b6b6b")
WIDTH = 7.2  # inches: both columns of a printed page
_KEY_LENGTH = 80  # letters that fit beside each other

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True, "axes.edgecolor": FAINT, "axes.facecolor": "none",
    "axes.labelcolor": INK, "axes.labelsize": 8, "axes.linewidth": 0.6, "axes.spines.right": False,
    "axes.spines.top": False, "axes.titlelocation": "left", "axes.titlesize": 8.5,
    "font.family": "DejaVu Sans", "font.size": 8, "grid.color": LINE, "grid.linewidth": 0.6,
    "path.simplify": False, "pdf.fonttype": 42, "savefig.dpi": 200, "svg.fonttype": "path",
    "svg.hashsalt": "peopleparse", "text.color": INK, "text.parse_math": False,
    "xtick.color": FAINT, "xtick.labelcolor": INK, "xtick.labelsize": 8, "xtick.major.width": 0.6,
    "ytick.color": FAINT, "ytick.labelcolor": INK, "ytick.labelsize": 8, "ytick.major.width": 0.6,
}  # fmt: skip
# Dates and versions in a file would make two equal figures differ.
_METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


def series_color(index: int) -> str:
    """Return the colour of a data set, 0 for the first; colours repeat."""
    return SERIES[index % len(SERIES)]


def check_matplotlib() -> None:
    """Raise where matplotlib is not installed.

    Raises:
        InputError: it is not.
    """
    if find_spec("matplotlib") is None:
        raise InputError(
            "figures must be drawn with matplotlib, got none installed. "
            "Install it: pip install 'peopleparse[demo]'"
        )


@contextmanager
def _styled() -> Iterator[None]:
    """Draw in this style, whatever the user's own settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # leaves the backend alone
        settings: Any = matplotlib.rcParams
        settings.update(_STYLE)
        yield


def draw_figure(
    height: float, draw: Callable[[Figure], None], kinds: tuple[str, ...] = KINDS
) -> dict[str, bytes]:
    """Draw a figure and return its files by kind: svg, pdf, png.

    Args:
        height: inches.
        draw: fills the empty figure.
        kinds: of `KINDS`.

    Raises:
        InputError: matplotlib is not installed.
    """
    check_matplotlib()
    with _styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        files = {}
        for kind in kinds:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, facecolor=PAPER, metadata=_METADATA[kind])
            files[kind] = buffer.getvalue()
    return files


def add_key(axes: Axes, entries: list[tuple[str, str]]) -> None:
    """Say above the axes which colour is what: (text, colour) of each."""
    from matplotlib.patches import Rectangle

    squares = [Rectangle((0, 0), 1, 1, facecolor=color) for _, color in entries]
    axes.legend(
        squares, [text for text, _ in entries], loc="lower left", bbox_to_anchor=(0, 1.0),
        borderaxespad=0.3, borderpad=0, frameon=False, handlelength=0.9, handleheight=0.9,
        ncols=1 if sum(len(text) for text, _ in entries) > _KEY_LENGTH else len(entries),
        columnspacing=2, labelspacing=0.3,
    )  # fmt: skip


def inline_svg(svg: bytes, key: str, title: str) -> str:
    """Return an SVG file as an element for a page: colours follow the page's, ids are its own.

    A page that allows no style attributes shows it as it is: they become attributes of their own.

    Args:
        svg: as `draw_figure` makes it.
        key: begins every id, so that figures of one page do not share any.
        title: what a reader who does not see the figure is told; HTML already.
    """
    text = svg.decode()
    text = text[text.index("<svg") :]
    for pattern in (r"<!--.*?-->", r"<metadata>.*?</metadata>", r"<style.*?</style>"):
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    text = re.sub(r' style="([^"]*)"', lambda found: _split_style(found[1]), text)
    text = re.sub(r'\bid="', f'id="{key}-', text)
    text = re.sub(r'(?:xlink:)?href="#', f'href="#{key}-', text)
    text = text.replace("url(#", f"url(#{key}-")
    names = {INK: "ink", FAINT: "faint", LINE: "line", PAPER: "card"}
    names |= {color: f"s{index}" for index, color in enumerate(SERIES)}
    for color, name in names.items():
        text = text.replace(f'"{color}"', f'"var(--{name})"')
    view = re.search(r'viewBox="[^"]*"', text)
    assert view is not None
    head = f'<svg class="drawn" role="img" aria-label="{title}" {view[0]}>'
    return head + re.sub(r"\n\s*", "\n", text[text.index(">") + 1 :]).strip()


def _split_style(style: str) -> str:
    pairs = (part.split(":", 1) for part in style.split(";") if part.strip())
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)
