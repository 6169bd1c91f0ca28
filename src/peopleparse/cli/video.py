"""`peopleparse video`: a video or camera in; a video with people drawn in, or JSON lines out."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any

import click

from peopleparse.cli.networks import build_parser
from peopleparse.cli.parse_options import ENGINE_OPTIONS, LOOK_OPTIONS
from peopleparse.cli.signals import sigterm_raises
from peopleparse.errors import InputError

if TYPE_CHECKING:
    from peopleparse.inference.video import Frame
    from peopleparse.inference.video_read import Video

_STOPPED = 130
Sink = Callable[["Frame"], None]


def _look_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what `peopleparse parse` offers about detail and engine."""
    for add in reversed((*LOOK_OPTIONS, *ENGINE_OPTIONS)):
        command = add(command)
    return command


@click.command()
@click.argument("paths", nargs=-1, metavar="[SRC] [OUT]")
@click.option("--camera", type=click.IntRange(min=0), help="Read this camera in place of SRC.")
@click.option(
    "--json-lines", metavar="FILE|-", help="Write a line of JSON for each frame, as it is done."
)
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True,
    help="Take each N-th frame only.",
)  # fmt: skip
@click.option("--start", type=float, default=0.0, metavar="SECONDS", help="Begin there.")
@click.option("--end", type=float, metavar="SECONDS", help="End there.")
@click.option(
    "--smooth", type=click.FloatRange(0, 1, max_open=True), default=0.7, show_default=True,
    help="Weight of the past in each pixel's label; 0 takes every frame for itself.",
)  # fmt: skip
@click.option(
    "--color", type=click.Choice(["part", "person"]), default="part", show_default=True,
    help="Colours of parts, or one colour a person that stays.",
)  # fmt: skip
@_look_options
@click.pass_context
def video(
    ctx: click.Context,
    paths: tuple[str, ...],
    camera: int | None,
    json_lines: str | None,
    every: int,
    start: float,
    end: float | None,
    smooth: float,
    color: str,
    **look: Any,
) -> None:
    """Find every person and every part in a video, and follow each person from frame to frame.

    SRC is a file or an address (rtsp://, http://); OUT ends in .mp4, .mov, .mkv, .avi or .webm. A
    camera runs until --end or Ctrl-C; what is written by then is kept. Sound is not copied.
    """
    from peopleparse.inference.video import parse_video
    from peopleparse.inference.video_read import open_video

    source, out = _split_paths(ctx, paths, camera, json_lines)
    with ExitStack() as stack:
        opened = open_video(source, every, start, end)
        rate = opened.fps if opened.live else opened.fps / every
        sinks = _open_sinks(stack, out, json_lines, color, rate, opened.live)
        parser = build_parser({**look, "scales": (1.0,), "flip": False})
        frames = parse_video(parser, opened, smooth=smooth)
        done = _Done(out or json_lines, opened)
        advance = stack.enter_context(_progress(opened.expected()))
        stack.enter_context(sigterm_raises())
        try:
            for frame in frames:
                for sink in sinks:
                    sink(frame)
                done.add(frame)
                advance()
        except KeyboardInterrupt:
            done.stopped = True
        except _WindowClosed:
            pass
        finally:
            frames.close()  # type: ignore[attr-defined]
    done.print()
    if done.stopped or opened.damaged:
        ctx.exit(_STOPPED if done.stopped else 1)


class _Done:
    """Counts what was done and says it at the end."""

    def __init__(self, out: str | Path | None, video: Video) -> None:
        self.out, self.video, self.frames, self.stopped = out, video, 0, False
        self.people: set[int] = set()
        self.start = perf_counter()

    def add(self, frame: Frame) -> None:
        self.frames += 1
        self.people |= set(frame.track_ids) - {0}

    def print(self) -> None:
        for note in self.video.notes:
            click.echo(f"Note: {note}", err=True)
        speed = self.frames / max(perf_counter() - self.start, 1e-9)
        people = f"{len(self.people)} {'person' if len(self.people) == 1 else 'people'}"
        where = f", results in {self.out}" if self.out not in (None, "-") and self.frames else ""
        stopped = "Stopped: " if self.stopped else ""
        line = f"{stopped}{people} in {self.frames} frames, {speed:.1f} frames a second{where}."
        sound = " Sound is not copied." if isinstance(self.out, Path) else ""
        click.echo(line + sound, err=True)


def _split_paths(
    ctx: click.Context, paths: tuple[str, ...], camera: int | None, json_lines: str | None
) -> tuple[str | int, Path | None]:
    """Return the source and the video to write, None for none."""
    names = list(paths)
    if camera is None and not names:
        raise click.UsageError("source must be named, got none. Give SRC or --camera 0.", ctx)
    source: str | int = names.pop(0) if camera is None else camera
    if len(names) > 1:
        raise click.UsageError(
            f"output must be one file, got {len(names)}: {' '.join(names)}. "
            "Give SRC and OUT, or OUT alone with --camera.",
            ctx,
        )
    out = Path(names[0]) if names else None
    if out is None and json_lines is None and not _has_window():
        raise click.UsageError(
            "output must be named, got none, and this OpenCV has no windows. "
            "Give OUT.mp4 or --json-lines.",
            ctx,
        )
    if out is not None and isinstance(source, str) and out.resolve() == Path(source).resolve():
        raise click.UsageError(f"output must be another file than SRC, got {out}.", ctx)
    return source, out


def _open_sinks(
    stack: ExitStack, out: Path | None, json_lines: str | None, color: str, fps: float, live: bool
) -> list[Sink]:
    """Return what is called with each frame; everything is closed with the stack."""
    from peopleparse.inference.video_write import VideoFile

    sinks: list[Sink] = []
    if out is not None:
        file = stack.enter_context(VideoFile(out, fps, live))
        sinks.append(lambda frame: file.write(_draw(frame, color), frame.seconds))
    if json_lines is not None:
        lines = _open_lines(stack, json_lines)
        sinks.append(lambda frame: _write_line(lines, json_lines, frame))
    if not sinks:
        sinks.append(lambda frame: _show(_draw(frame, color)))
    return sinks


def _draw(frame: Frame, color: str) -> Any:
    return frame.people.draw(color_by=color, ids=frame.track_ids)


def _open_lines(stack: ExitStack, name: str) -> IO[str]:
    if name == "-":
        return sys.stdout
    try:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        return stack.enter_context(open(name, "w", encoding="utf-8"))
    except OSError as error:
        raise _no_lines(name, error) from error


def _write_line(lines: IO[str], name: str, frame: Frame) -> None:
    try:
        # One write and a flush: whoever reads along gets whole lines.
        lines.write(json.dumps(frame.to_dict(), separators=(",", ":")) + "\n")
        lines.flush()
    except OSError as error:
        raise _no_lines(name, error) from error


def _no_lines(name: str, error: OSError) -> InputError:
    reason = error.strerror or type(error).__name__
    return InputError(
        f"JSON lines must go into a file that can be written, got '{name}' ({reason}). "
        "Choose another folder or free space."
    )


class _WindowClosed(Exception):
    """The user has seen enough."""


def _has_window() -> bool:
    """Tell whether this OpenCV can open a window; the headless one cannot."""
    import cv2

    found = re.search(r"^\s*GUI:\s*(\S+)", cv2.getBuildInformation(), re.M)
    return found is not None and found.group(1) != "NONE"


def _show(picture: Any) -> None:
    import cv2

    cv2.imshow("peopleparse (q ends)", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if cv2.waitKey(1) & 0xFF == ord("q"):
        raise _WindowClosed


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    """Show frames done, frames a second and the time left, on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    console = Console(stderr=True)
    columns = (TextColumn("parsing"), BarColumn(), MofNCompleteColumn(), TimeLeft())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("parsing", total=total)
        yield lambda: progress.advance(task)
