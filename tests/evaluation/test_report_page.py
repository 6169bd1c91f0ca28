from __future__ import annotations

import base64
import copy
import json
import re
import shutil
import subprocess
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.evaluation.report_page import write_report_page
from tests.evaluation.report_example import SYSTEMS, make_example

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'\n$title"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
VOID = {"meta", "img", "input", "br"}
SECTIONS = (
    "scores", "thresholds", "labels", "curves", "readings", "failures", "confusion", "groups",
    "worst", "gaps", "origin",
)  # fmt: skip


class _Page(HTMLParser):
    """Tags with their attributes; every element must be closed where it was opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", [""]
        self.feed(html)
        self.close()
        assert self.open == [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] not in ("script", "style"):
            self.text += f"{data} "

    def words(self) -> str:
        return " ".join(self.text.split())

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.found if name in attributes]


def _write(report: dict[str, Any], folder: Path, **options: Any) -> str:
    return write_report_page(report, folder, **options).read_text(encoding="utf-8")


def _spoil(value: Any, evil: str = EVIL) -> Any:
    """Return the value with every text in it made hostile, keys and known words apart."""
    if isinstance(value, dict):
        return {key: _spoil(v, f"{evil}{key}") for key, v in value.items()}
    if isinstance(value, list):
        return [_spoil(v, f"{evil}{n}") for n, v in enumerate(value)]
    return evil if isinstance(value, str) and value != "evaluation/1" else value


def test_a_page_is_one_file_that_asks_for_nothing(tmp_path: Path) -> None:
    path = write_report_page(make_example(), tmp_path / "new" / "deep")
    assert path == tmp_path / "new" / "deep" / "report.html"
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    html = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\(|\bfetch\(|XMLHttpRequest", html)
    page = _Page(html)
    for tag, attributes in page.found:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        assert not attributes.keys() & {"style", "srcset", "action"}
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
    policy = next(a["content"] or "" for t, a in page.found if "http-equiv" in a)
    assert "default-src 'none'" in policy
    for kind in ("style", "script"):
        inside = re.search(rf"<{kind}>(.*?)</{kind}>", html, re.S)
        assert inside is not None
        digest = base64.b64encode(sha256(inside[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_every_section_is_there_and_linked(tmp_path: Path) -> None:
    page = _Page(_write(make_example(), tmp_path))
    ids = page.values("id")
    assert len(ids) == len(set(ids)) and [i for i in ids if i in SECTIONS] == list(SECTIONS)
    links = [value[1:] for value in page.values("href")]
    assert links == ["main", *SECTIONS] and set(links) <= set(ids)
    assert set(page.values("aria-labelledby")) <= set(ids)


def test_the_numbers_are_written_out_without_a_script(tmp_path: Path) -> None:
    html = re.sub(r"<script>.*?</script>", "", _write(make_example(), tmp_path), flags=re.S)
    words = _Page(html).words()
    assert "GPSNet 67.50 to 69.18 68.30 baseline & co_1 59.07 to 60.75 59.87" in words
    assert "strict GPSNet 78.0 77.0 74.2 69.3 62.6 53.9 43.3 30.8 16.4 56.2" in words
    assert "hat 0.6 76.4 69.6 +6.9" in words and "tie 0.0 \u2013 \u2013 \u2013" in words
    assert "matched 3,011 70.0 % bad parts 602 14.0 %" in words
    assert "The ranking of the systems changes with the reading." in words
    assert "+0.21 (\u22120.46 to +0.88) 0.541" in words
    assert "14 images have no prediction" in words and "indoor_00109 and 4 more" in words
    assert "1 image has faulty files: indoor_00731 parsing must be ids 0 to 19" in words
    assert "2 predictions are of images that the truth does not have, and left out." in words
    assert "seed 7" in words and "a1" * 32 in words and "peopleparse evaluate truth" in words


def test_rows_of_the_confusion_matrix_are_shares_of_the_truth(tmp_path: Path) -> None:
    report = make_example()
    del report["systems"][1]
    report["systems"][0]["scores"]["pixels"]["confusion"] = [[50, 150, 0], [0, 0, 0], [0, 1, 999]]
    html = _write(report, tmp_path)
    matrix = html[html.index('<table class="matrix">') :].split("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", matrix)[1:]
    cells = [re.findall(r"<td(?: class=\"(\w+)\")?[^>]*>([^<]*)</td>", row) for row in rows]
    assert cells == [
        [("r5", "25"), ("w9", "75"), ("", "")],
        [("", ""), ("", ""), ("", "")],
        [("", ""), ("w1", ""), ("r10", "100")],
    ]
    assert "background predicted as hat: 75.00 %, 150 pixels" in matrix
    words = _Page(html).words()
    assert "background hat 75.0 99.3 hair hat 0.1 0.7" in words


def test_every_text_may_be_hostile(tmp_path: Path) -> None:
    clean = _Page(_write(make_example(), tmp_path))
    report = _spoil(make_example())
    for key in ("spread",):  # values are found by the systems' names
        report[key] = make_example()[key]
        report[key]["ap_lambda"]["readings"][0] |= {"name": EVIL, "description": EVIL}
    report["systems"][0]["groups"] = {EVIL: {EVIL: {"images": 1, "scores": {EVIL: 0.5}}}}
    report["systems"][0]["curves"] = {EVIL: make_example()["systems"][0]["curves"]["mhp"]}
    page = _Page(_write(report, tmp_path))
    tags = [tag for tag, _ in page.found]
    assert tags.count("script") == 1 and "img" not in tags
    assert not any(name.startswith("on") for _, a in page.found for name in a)
    assert set(tags) <= {tag for tag, _ in clean.found} and "alert(1)" in page.text


def test_same_input_same_bytes(tmp_path: Path) -> None:
    report = make_example()
    before = copy.deepcopy(report)
    picture = np.full((4, 6, 3), 90, np.uint8)
    pages = [_write(report, tmp_path / str(n), overlays={SYSTEMS[0]: [picture]}) for n in range(2)]
    assert pages[0] == pages[1] and report == before
    assert _write(json.loads(json.dumps(report)), tmp_path) == _write(report, tmp_path)


@pytest.mark.parametrize(
    "place",
    [(), ("truth",), ("systems", 1), ("systems", 0, "scores"), ("spread", "ap_lambda")],
    ids=str,
)
def test_any_part_may_be_absent(tmp_path: Path, place: tuple[Any, ...]) -> None:
    def find(report: Any) -> dict[str, Any]:
        for key in place:
            report = report[key]
        found: dict[str, Any] = report
        return found

    whole = make_example()
    for key in find(whole):
        if key not in ("definition", "name"):
            report = copy.deepcopy(whole)
            del find(report)[key]
            _Page(_write(report, tmp_path))


def test_a_report_with_nothing_in_it(tmp_path: Path) -> None:
    words = _Page(_write({"definition": "evaluation/1"}, tmp_path)).words()
    told = "Evaluation To the report Evaluation Provenance Provenance definition evaluation/1"
    assert words == told


def test_numbers_may_be_none(tmp_path: Path) -> None:
    def blank(value: Any) -> Any:
        if isinstance(value, dict):
            keep = ("thresholds", "failures", "confusion")
            return {k: v if k in keep else blank(v) for k, v in value.items()}
        if isinstance(value, list):
            return [blank(v) for v in value]
        return None if isinstance(value, float) else value

    page = _Page(_write(blank(make_example()), tmp_path))
    assert "mean IoU GPSNet \u2013 baseline & co_1 \u2013" in page.words()
    assert not re.search(r"\b(None|nan)\b", page.text)


def test_an_unknown_scheme_and_nine_systems(tmp_path: Path) -> None:
    report = make_example()
    report["scheme"] = "mine"
    report["systems"] = [{**report["systems"][0], "name": f"s{n}"} for n in range(9)]
    page = _Page(_write(report, tmp_path))
    assert "Evaluation of s0, s1, s2 and 6 more" in page.words()


def test_overlays_are_inside_the_page(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\nrest"
    (tmp_path / "a.png").write_bytes(png)
    pictures = [tmp_path / "a.png", b"\xff\xd8\xff\xe0", np.zeros((2, 2, 3), np.uint8)]
    page = _Page(_write(make_example(), tmp_path, overlays={SYSTEMS[1]: pictures}))
    images = [a for tag, a in page.found if tag == "img"]
    assert images[0]["src"] == f"data:image/png;base64,{base64.b64encode(png).decode()}"
    assert [str(a["src"])[:16] for a in images[1:]] == ["data:image/jpeg;"] * 2
    assert images[0]["alt"] == (
        "indoor_00412: truth, prediction of baseline & co_1 and wrong pixels"
    )


def test_wrong_overlays_are_named(tmp_path: Path) -> None:
    def check(overlays: Any, text: str) -> None:
        with pytest.raises(InputError, match=text):
            write_report_page(make_example(), tmp_path / "new", overlays)
        assert not (tmp_path / "new").exists()

    check({"GPSnet": []}, "overlays must be of a system .* 'GPSnet'. Did you mean 'GPSNet'?")
    check({"GPSNet": [b""] * 5}, "at most one a worst image, got 5 for 4 images, at system 'GPSN")
    check({"GPSNet": [b"GIF89a"]}, "overlay must be a PNG or JPEG, got bytes that begin b'GIF89a'")
    check({"GPSNet": [tmp_path / "no"]}, "overlay must be a file .* 'No such file .*', at .*no")


def test_only_evaluations_and_only_where_it_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="report must be an evaluation with definition"):
        write_report_page({"definition": "evaluation/2"}, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="output must be a place that can be written"):
        write_report_page(make_example(), tmp_path / "file")


_SORT = """
const table = document.querySelector("#labels table");
const names = () => [...table.tBodies[0].rows].slice(0, 2).map((row) => row.cells[0].textContent);
const told = { start: names() };
const head = (n) => table.tHead.rows[0].cells[n];
head(0).querySelector("button").click();
told.byName = [names(), head(0).getAttribute("aria-sort")];
head(2).querySelector("button").click();
told.best = [names(), head(2).getAttribute("aria-sort"), head(0).hasAttribute("aria-sort")];
head(2).querySelector("button").click();
told.lowest = [names(), table.tBodies[0].rows[19].cells[0].textContent];
const plot = document.querySelector(".curve"), box = plot.getBoundingClientRect();
const at = { clientX: box.left + box.width * 190 / 352, clientY: box.top + 9, bubbles: true };
plot.dispatchEvent(new PointerEvent("pointermove", at));
told.tip = document.getElementById("tip").textContent;
document.querySelector(".matrix .r10").dispatchEvent(new PointerEvent("pointermove", at));
told.cell = document.getElementById("tip").textContent;
told.wide = document.documentElement.scrollWidth <= innerWidth;
document.body.replaceChildren("told:" + JSON.stringify(told) + ":end");
"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_a_browser_sorts_and_tells(tmp_path: Path) -> None:
    report = make_example()
    for n, system in enumerate(report["systems"]):
        curve = {"threshold": 0.5, "recall": [0.1, 0.6, 0.9 - n], "precision": [1.0, 0.75, 0.25]}
        system["curves"] = {"strict": curve}
    report["systems"][1]["curves"]["strict"]["recall"][1] = 0.2
    path = write_report_page(report, tmp_path)
    # The page lets no other script run, which is right; for this reading the rule is taken out.
    html = re.sub(r"<meta http-equiv[^>]*>", "", path.read_text(encoding="utf-8"))
    path.write_text(html.replace("</body>", f"<script>{_SORT}</script></body>"))
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=9000",
        "--window-size=600,900", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
        path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    match = re.search(r"told:(.*):end", done.stdout)
    assert match is not None, done.stdout[-500:] + done.stderr[-500:]
    told = json.loads(unescape(match.group(1)))
    assert told["start"] == ["background", "face"]
    assert told["byName"] == [["background", "bag"], "ascending"]
    assert told["best"] == [["background", "face"], "descending", False]
    assert told["lowest"] == [["socks", "belt"], "tie"]  # what has no value stays last
    assert told["tip"] == "recall 50\nGPSNet: 75.0\nbaseline & co_1: not reached"
    assert told["cell"].startswith("background predicted as background: 98.76 %, ")
    assert told["wide"], "the page itself must not move sideways"
