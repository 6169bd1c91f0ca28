"""Video: ids that stay, labels that flicker less, and what it costs, against known truth.

    python benchmarks/video.py --data DATA    # measure, write benchmarks/results/video.json
    python benchmarks/video.py --write-docs   # bring the tables of docs/video.md up to date
    python benchmarks/video.py --quick        # smoke test: short videos, nothing written

Two kinds of prediction are scored: the truth of drawn videos with known faults, where every number
can be traced; and the shipped network on real people (of photos it never saw) that are moved over a
background, or on drawn ones without --data. Speed is that of a file through everything: decode,
network, tracks, smoothing, drawing, encoding; the network's share comes from the same run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.command import add_output_options, add_photo_options, make_parser, run_command
from benchmarks.harness import REPO, RESULTS, describe_machine
from benchmarks.report import begin_result, keep_result, write_docs
from benchmarks.video_noise import Noise, make_noisy
from benchmarks.video_report import video_text
from benchmarks.video_scenes import FPS, CutoutVideos, TrueFrame, draw_frames
from benchmarks.video_score import Video, score_smoothing, score_tracks
from peopleparse.inference.onnx_engine import DEFAULT_MODEL
from peopleparse.inference.parser import Parser
from peopleparse.inference.video import parse_video
from peopleparse.inference.video_write import VideoFile

PAGE = REPO / "docs" / "video.md"
_NETWORK = ("trunk", "rois")
# People in each video: the drawn ones of the tests lie at other seeds.
_COUNTS, _FIRST_SEED = (3, 4, 5, 6), 100


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    add_photo_options(parser)
    add_output_options(parser)
    options = parser.parse_args(argv)
    options.videos, options.frames, options.size = 8, 100, (480, 640)
    if options.quick:
        options.videos, options.frames, options.size = 1, 5, (96, 128)
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the whole result."""
    machine = describe_machine()
    result = begin_result("video", options.quick, machine, seed=options.seed)
    result |= {"videos": options.videos, "frames": options.frames, "size": list(options.size)}
    drawn = [_make_faulty(options, n) for n in range(options.videos)]
    result["faults"] = {"tracks": score_tracks(drawn), "smoothing": score_smoothing(drawn)}
    del drawn
    parser = Parser(options.model or DEFAULT_MODEL)
    make = _choose_maker(options)
    count = max(1, options.videos // 2)
    found = [_parse(parser, make(n)) for n in range(count)]
    kind = "real people moved over a background" if options.data else "drawn people"
    result["network"] = {
        "kind": kind,
        "videos": count,
        "name": parser.engine.name,
        "tracks": score_tracks(found),
        "smoothing": score_smoothing(found),
    }
    del found
    result["speed"] = measure_speed(parser, list(make(0)))
    return result


def _make_faulty(options: argparse.Namespace, n: int) -> Video:
    rng = np.random.default_rng([options.seed, n, 5])
    half = options.size[0] // 2, options.size[1] // 2
    count = _COUNTS[n % len(_COUNTS)]
    frames = draw_frames(count, options.frames, half, _FIRST_SEED + options.seed + n)
    return [(truth, make_noisy(truth.people, rng, Noise())) for truth in frames]


def _choose_maker(options: argparse.Namespace) -> Callable[[int], Iterator[TrueFrame]]:
    def draw(n: int) -> Iterator[TrueFrame]:
        count = _COUNTS[n % len(_COUNTS)]
        return draw_frames(count, options.frames, options.size, _FIRST_SEED + options.seed + n)

    if not options.data:
        return draw
    videos = CutoutVideos(options.data, 20 if options.quick else None)

    def compose(n: int) -> Iterator[TrueFrame]:
        count = _COUNTS[n % len(_COUNTS)]
        return videos.make(count, options.frames, options.size, _FIRST_SEED + options.seed + n)

    return compose


def _parse(parser: Parser, frames: Iterator[TrueFrame]) -> Video:
    pairs = []
    for truth in frames:
        assert truth.people.image is not None
        pairs.append((truth, parser(truth.people.image)))
    return pairs


def measure_speed(parser: Parser, frames: Sequence[TrueFrame]) -> dict[str, Any]:
    """Return frames a second of a file through everything, and the share of each step."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "in.mp4"
        with VideoFile(source, FPS) as file:
            for frame in frames:
                assert frame.people.image is not None
                file.write(frame.people.image)
        _run(parser, source, Path(name) / "warm.mp4", end=0.3)
        return _run(parser, source, Path(name) / "out.mp4")


def _run(parser: Parser, source: Path, out: Path, end: float | None = None) -> dict[str, Any]:
    clock: dict[str, float] = {}
    inside: dict[str, float] = {}
    start, drawing, writing, people = perf_counter(), 0.0, 0.0, 0
    with VideoFile(out, FPS) as file:
        frames = parse_video(lambda image: parser(image, inside), source, end=end, timings=clock)
        for frame in frames:
            mark = perf_counter()
            picture = frame.people.draw(ids=frame.track_ids)
            drawn = perf_counter()
            file.write(picture)
            drawing, writing = drawing + drawn - mark, writing + perf_counter() - drawn
            people += len(frame.people)
    seconds = perf_counter() - start
    network = sum(inside.get(name, 0) for name in _NETWORK)
    steps = {
        "network": network,
        "rest of parsing": clock["parse"] - network,
        "waiting for frames": clock["read"],
        "tracks": clock["track"],
        "smoothing": clock["smooth"],
        "drawing": drawing,
        "encoding": writing,
    }
    return {
        "frames": file.count,
        "people": people,
        "frames_a_second": file.count / seconds,
        "frames_a_second_of_network_alone": file.count / network,
        "shares": {name: value / seconds for name, value in steps.items()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark or write its tables."""
    options = read_options(argv)

    def command() -> None:
        if options.write_docs:
            write_docs(PAGE, RESULTS, {"video": video_text})
            return
        result = measure(options)
        keep_result(result, video_text(result), options.out)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
