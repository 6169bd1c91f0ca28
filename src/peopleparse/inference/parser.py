"""The Python call: a photo or many, from anywhere, with one loaded network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

from peopleparse.errors import InputError
from peopleparse.inference.engine import Engine
from peopleparse.inference.engines import build_engine
from peopleparse.inference.exported import DEFAULT_MODEL
from peopleparse.inference.image import Source, read_image, source_name
from peopleparse.inference.pipeline import Options, long_side_of, parse_image
from peopleparse.labels import get_scheme
from peopleparse.structures import ParsedPeople


class Parser:
    """A loaded network and the options to use it with."""

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        detail: str = "normal",
        threshold: float = Options.threshold,
        threads: int | None = None,
        engine: Engine | str | None = None,
        scales: Sequence[float] = Options.scales,
        flip: bool = Options.flip,
        precision: str = "auto",
        tiles: int = Options.tiles,
        reject: float = Options.reject,
    ) -> None:
        """Load a network once, to parse many photos.

        Args:
            model: name of a shipped network, folder of an exported one, or its JSON passport.
            detail: fast, normal or fine: the size at which the network sees a photo.
            threshold: lowest score of a person, 0 to 1.
            threads: processor threads; None for all.
            engine: onnxruntime (the default), openvino or auto, see `build_engine`; or a network of
                your own in place of `model`, see `Engine`.
            scales: sizes at which each photo is looked at, 1 being that of the detail.
            flip: look at each photo mirrored, too. All views are averaged; each costs its time.
            precision: of the numbers that a named engine calculates with: f32, bf16, int8 or auto.
            tiles: look at n x n overlapping tiles of each photo, too: for crowds.
            reject: leave out parts whose mean confidence is lower, 0 to 1.

        Raises:
            ModelError: the network is missing or damaged.
            InputError: a number is out of its range, the detail is unknown, or the engine or its
                precision cannot be had.
            SchemeError: `flip` is asked for and the network's scheme does not name flip partners.
        """
        self.options = Options(
            detail=detail,
            threshold=threshold,
            scales=tuple(scales),
            flip=flip,
            tiles=tiles,
            reject=reject,
        )
        if engine is None or isinstance(engine, str):
            engine = build_engine(engine or "onnxruntime", model, threads, precision)
        elif precision != "auto":
            raise InputError(
                f"precision must be left out with an engine of your own, got {precision}. "
                "Build the engine with it."
            )
        self.engine: Engine = engine
        long_side_of(self.engine.long_sides, Options(detail))
        if flip:
            get_scheme(self.engine.scheme).flip_table()  # refuses before the first photo

    def __call__(
        self, source: Source, timings: MutableMapping[str, float] | None = None
    ) -> ParsedPeople:
        """Parse one photo.

        Args:
            source: a path, bytes, binary file, Pillow image or array; see `read_image`.
            timings: seconds are added here under decode, resize, trunk, detect, rois and paste.

        Raises:
            InputError: the photo cannot be read.
        """
        start = perf_counter()
        image = read_image(source)
        if timings is not None:
            timings["decode"] = timings.get("decode", 0.0) + perf_counter() - start
        return parse_image(self.engine, image, self.options, source_name(source), timings)

    def parse_many(self, sources: Iterable[Source]) -> Iterator[ParsedPeople]:
        """Yield the result of each photo, in order, one in memory at a time.

        Raises:
            InputError: a photo cannot be read; for a run that skips it see `parse_folder`.
        """
        for source in sources:
            yield self(source)


def parse(source: Source, **options: Any) -> ParsedPeople:
    """Parse one photo; the network is loaded at the first call and kept.

    Args:
        source: a path, bytes, binary file, Pillow image or array; see `read_image`.
        options: see `Parser`.

    Raises:
        InputError: the photo or an option cannot be used.
        ModelError: the network is missing or damaged.
    """
    if "scales" in options:
        options["scales"] = tuple(options["scales"])  # what is kept is found by its options
    return _kept_parser(**options)(source)


@lru_cache(maxsize=4)
def _kept_parser(**options: Any) -> Parser:
    return Parser(**options)
