"""A video in, the persons of every frame out, each with an id that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.smoothing import Smoother
from peopleparse.inference.tracks import Tracker
from peopleparse.inference.video_read import Video, VideoSource, open_video
from peopleparse.structures import ParsedPeople
from peopleparse.viz import result_to_dict

STRENGTH = 0.7
GAP_SECONDS = 1.2  # that a person may be hidden and keep the id


@dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Attributes:
        index: number of the frame in the source, from 0.
        seconds: time of the frame; of a live source since its start.
        people: who is there, with the picture in `people.image`.
        track_ids: id of each person of `people.people`, in their order; 0 for one without: new,
            or too uncertain to be followed.
    """

    index: int
    seconds: float
    people: ParsedPeople = field(repr=False)
    track_ids: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; see `viz.result_to_dict`. Each person gets an `id`."""
        values = result_to_dict(self.people)
        for person, number in zip(values["people"], self.track_ids, strict=True):
            person["id"] = number
        kept = {name: values[name] for name in ("size", "scheme", "people")}
        return {"frame": self.index, "seconds": round(self.seconds, 4), **kept}


def parse_video(
    parser: Callable[[NDArray[np.uint8]], ParsedPeople],
    source: VideoSource | Video,
    every: int = 1,
    start: float = 0.0,
    end: float | None = None,
    smooth: float = STRENGTH,
    tracker: Tracker | None = None,
    timings: MutableMapping[str, float] | None = None,
) -> Iterator[Frame]:
    """Parse a video frame by frame; one frame is held at a time, the next are decoded meanwhile.

    Args:
        parser: a `Parser`, or anything that makes `ParsedPeople` of an RGB array.
        source: a path, address, camera number, pictures, or what `open_video` returned, whose
            notes say afterwards what was wrong with it.
        every, start, end: see `open_video`; left aside for a `Video`, which has its own.
        smooth: strength of smoothing over time, 0 (none) to below 1; see `Smoother`.
        tracker: gives the ids; None for one that waits 1.2 seconds for a hidden person.
        timings: seconds are added here under read (waiting for frames), parse, track and smooth.

    Raises:
        InputError: the video cannot be read, or a number is out of its range. Frames that were
            yielded before are good.
    """
    smoother = Smoother(smooth)
    video = source if isinstance(source, Video) else open_video(source, every, start, end)
    gap = max(1, round(GAP_SECONDS * video.fps / video.every))
    tracker = tracker or Tracker(gap=gap)
    clock: MutableMapping[str, float] = {} if timings is None else timings
    return _parse_frames(parser, video, smoother, tracker, clock)


def _parse_frames(
    parser: Callable[[NDArray[np.uint8]], ParsedPeople],
    video: Video,
    smoother: Smoother,
    tracker: Tracker,
    clock: MutableMapping[str, float],
) -> Iterator[Frame]:
    mark = perf_counter()

    def lap(name: str) -> None:
        nonlocal mark
        now = perf_counter()
        clock[name] = clock.get(name, 0.0) + now - mark
        mark = now

    for index, seconds, image in video:
        lap("read")
        people = parser(image)
        people.source = video.name
        if people.image is None:
            people.image = image
        lap("parse")
        ids = tracker.update(people)
        lap("track")
        people, ids = smoother.update(people, ids)
        lap("smooth")
        yield Frame(index, seconds, people, ids)
        mark = perf_counter()
