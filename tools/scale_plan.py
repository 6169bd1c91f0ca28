"""What a billion photos would cost: the arithmetic of docs/scale.md, from what was measured.

    python tools/scale_plan.py                            # print the plan
    python tools/scale_plan.py --machines 50 --core-price 0.02 --photo-bytes 2000000
    python tools/scale_plan.py --write-docs               # bring docs/scale.md up to date
    python tools/scale_plan.py --measure --data DATA      # write benchmarks/results/scale_rows.json

Measured: processor time a photo (benchmarks/results/folder.json, else photo.json) and bytes of
results a photo (scale_rows.json). All else is an assumption with a name that an option changes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS, PAGE = ROOT / "benchmarks" / "results", ROOT / "docs" / "scale.md"
sys.path.insert(0, str(ROOT / "src"))
_SCENES = 50


class Assumption(NamedTuple):
    """A number that was not measured here."""

    option: str
    value: float
    words: str


ASSUMPTIONS = (
    Assumption("photos", 1e9, "photos"),
    Assumption("machines", 100, "machines"),
    Assumption("cores", 16, "cores of a machine, as fast as the one measured"),
    Assumption("busy", 0.85, "share of the time that cores work at photos"),
    Assumption("core_price", 0.04, "price of a core for an hour"),
    Assumption("photo_bytes", 200_000, "bytes of a photo"),
    Assumption("shard_size", 1000, "photos a shard"),
    Assumption("run_photos", 1_000_000, "photos a run of the command"),
    Assumption("losses", 0.05, "losses of a machine in an hour"),
    Assumption("get_price", 0.0004, "price of 1,000 reads"),
    Assumption("put_price", 0.005, "price of 1,000 writes or listings"),
    Assumption("storage_price", 0.023, "price of a gigabyte kept for a month"),
)


def fill(text: str, name: str, lines: list[str]) -> str:
    """Replace what stands between the two markers of a name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, rest = text.split(begin)
    return head + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1]


def read_cost(results: Path) -> tuple[float, str]:
    """Return the processor seconds of a photo, and in words where they come from.

    Raises:
        SystemExit: nothing was measured.
    """
    folder, photo = results / "folder.json", results / "photo.json"
    if folder.is_file():
        found = json.loads(folder.read_text())
        name, engine = next(iter(found["engines"].items()))
        told = f"{engine.get('engine', name)}, {found['photos']} {found['kind']}, all steps"
        return float(engine["folder_cpu_seconds"]), f"folder.json: {told}; {_machine(found)}"
    if photo.is_file():
        found = json.loads(photo.read_text())
        seconds = float(found["sides"]["peopleparse"]["cpu_seconds"]["median"])
        size = f"{found['photo']['width']} x {found['photo']['height']}"
        told = f"one {found['photo']['kind']} of {size} with {found['photo']['persons']} people"
        return seconds, f"photo.json: {told}; {_machine(found)}"
    raise SystemExit("Error: benchmarks/results must hold folder.json. Run benchmarks/folder.py.")


def _machine(found: dict[str, Any]) -> str:
    machine = found["machine"]
    quiet = "" if machine.get("quiet") else ", not quiet"
    return f"{machine['cpu']}, {machine['cores']} cores{quiet}"


def compute(given: dict[str, float], cpu_seconds: float, result_bytes: float) -> dict[str, float]:
    """Return the plan: each number of the table by its name."""
    photos, cores = given["photos"], given["machines"] * given["cores"]
    core_hours = photos * cpu_seconds / given["busy"] / 3600
    # A lost machine loses what each of its cores had in hand: half a shard on average.
    shard_hours = given["shard_size"] * cpu_seconds / given["busy"] / 3600
    repeated = given["losses"] * shard_hours / 2
    paid = core_hours * (1 + repeated)
    shards = photos / given["shard_size"]
    writes = shards + photos / given["run_photos"] + photos / 1000  # a listing names 1,000
    seconds = paid / cores * 3600
    return {
        "core_hours": core_hours,
        "shard_minutes": shard_hours * 60,
        "repeated": repeated,
        # A shard is given up after four losses in a row; the next run of the command does it.
        "given_up": shards * (given["losses"] * shard_hours) ** 4,
        "hours": paid / cores,
        "machine_price": paid * given["core_price"],
        "shards": shards,
        "runs": photos / given["run_photos"],
        "shard_bytes": given["shard_size"] * result_bytes,
        "result_bytes": photos * result_bytes,
        "storage_price": photos * result_bytes / 1e9 * given["storage_price"],
        "writes": writes,
        "request_price": (photos * given["get_price"] + writes * given["put_price"]) / 1000,
        "read_bytes": photos * given["photo_bytes"],
        "read_rate": photos * given["photo_bytes"] / seconds / given["machines"],
        "requests_a_second": photos / seconds,
    }


def plan_lines(given: dict[str, float], results: Path) -> list[str]:
    """Return the assumptions and the plan as Markdown."""
    cpu_seconds, source = read_cost(results)
    rows = json.loads((results / "scale_rows.json").read_text())
    kept = rows["parquet_bytes"]
    plan = compute(given, cpu_seconds, kept)
    lines = ["| assumed | | option |", "|---|---|---|"]
    for item in ASSUMPTIONS:
        option = f"`--{item.option.replace('_', '-')}`"
        lines.append(f"| {item.words} | {number(given[item.option])} | {option} |")
    lines += [
        "",
        f"* Processor time of a photo: **{cpu_seconds:.3f} s** ({source}).",
        f"* Results of a photo: **{number(kept)} bytes** as Parquet, "
        f"{number(rows['webdataset_bytes'])} as WebDataset ({rows['photos']} {rows['kind']}, "
        f"{rows['people'] / rows['photos']:.1f} people each).",
        "",
        "| plan | arithmetic | |",
        "|---|---|---|",
    ]
    table = [
        ("core hours", "photos x seconds / busy / 3,600", number(plan["core_hours"])),
        ("minutes a shard", "shard size x seconds / busy / 60", f"{plan['shard_minutes']:.1f}"),
        ("work done again", "losses x hours a shard / 2", f"{plan['repeated']:.2%}"),
        (
            "shards given up for the next run",
            "shards x (losses x hours a shard)^4",
            f"{plan['given_up']:.2g}",
        ),
        ("days to the end", "core hours / cores / 24", f"{plan['hours'] / 24:.1f}"),
        ("price of machines", "core hours x price", number(plan["machine_price"])),
        ("shards, and runs", "photos / size", f"{number(plan['shards'])}, {number(plan['runs'])}"),
        ("size of a shard", "size x bytes", data(plan["shard_bytes"])),
        ("size of all results", "photos x bytes", data(plan["result_bytes"])),
        ("price to keep them a month", "gigabytes x price", number(plan["storage_price"])),
        ("reads; writes and listings", "photos; shards, plans, photos / 1,000",
         f"{number(given['photos'])}; {number(plan['writes'])}"),
        ("price of requests", "requests / 1,000 x price", number(plan["request_price"])),
        ("photos read in all", "photos x bytes", data(plan["read_bytes"])),
        ("reads a second, all machines", "photos / seconds", number(plan["requests_a_second"])),
        ("bytes a second, each machine", "bytes read / seconds / machines",
         data(plan["read_rate"])),
    ]  # fmt: skip
    return [*lines, *(f"| {name} | {how} | {value} |" for name, how, value in table)]


def number(value: float) -> str:
    """Return a number with thousands apart, and no more digits than it is worth.

    >>> number(1234567.8), number(0.0004), number(12.5)
    ('1,234,568', '0.0004', '12.5')
    """
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def data(value: float) -> str:
    """Return bytes in the unit that fits.

    >>> data(3.2e12), data(1500)
    ('3.2 TB', '1.5 kB')
    """
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.0f} bytes"


def measure(folder: Path, seed: int = 0) -> dict[str, Any]:
    """Parse scenes of people of the validation split; return the bytes of their rows."""
    from peopleparse import __version__
    from peopleparse.data.people import read_backgrounds, read_portraits
    from peopleparse.data.scenes import INDOOR, SceneMaker
    from peopleparse.inference.parser import Parser
    from peopleparse.inference.shards import encode_shard, make_row

    maker = SceneMaker(
        read_portraits(folder / "ccp", "val"), read_backgrounds(folder / "backgrounds", "val")
    )
    parser, rows = Parser(threads=1), []
    for index in range(_SCENES):
        image = maker.make((seed, index), INDOOR, 640, 480).image
        rows.append(make_row(parser(image), f"photos/{index:08}.jpg", None))
    shards = {name: encode_shard(rows, name) for name in ("parquet", "webdataset")}
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "peopleparse": __version__,
        "model": parser.engine.name,
        "seed": seed,
        "photos": _SCENES,
        "kind": "composed indoor scenes of 640 x 480",
        "people": sum(len(row["persons"]) for row in rows),
        **{f"{name}_bytes": len(shard) / _SCENES for name, shard in shards.items()},
        "rows_sha256": hashlib.sha256(shards["webdataset"]).hexdigest(),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for item in ASSUMPTIONS:
        option = f"--{item.option.replace('_', '-')}"
        parser.add_argument(option, type=_positive, default=item.value, help=item.words)
    parser.add_argument("--write-docs", action="store_true")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--data", type=Path, help="folder with ccp/ and backgrounds/")
    given = vars(parser.parse_args(argv))
    if given["measure"]:
        if given["data"] is None:
            parser.error("--measure must have --data")
        text = json.dumps(measure(given["data"]), indent=1) + "\n"
        (RESULTS / "scale_rows.json").write_text(text)
        return
    lines = plan_lines({item.option: given[item.option] for item in ASSUMPTIONS}, RESULTS)
    if given["write_docs"]:
        PAGE.write_text(fill(PAGE.read_text(), "plan", lines))
    else:
        print("\n".join(lines))


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"number must be above 0, got {text}")
    return value


if __name__ == "__main__":
    main()
