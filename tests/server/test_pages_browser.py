"""The pages in a real browser, from the first visit to the leaderboard."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from peopleparse.server import accounts, logins, passwords, queue
from peopleparse.server.app import make_app
from peopleparse.server.database import open_database, transaction
from peopleparse.server.outcome import Fault, Outcome
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Account
from tests.server import site

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
PASSWORD = "correct horse battery"
CHECK = (Path(__file__).parent / "accessibility.js").read_text(encoding="utf-8")
EVIL = "\u202e<img src=x onerror=alert(1)> & W" + "W" * 40


@dataclass
class Place:
    """A served benchmark: its address, and the secret of an administrator's browser."""

    address: str
    engine: Engine
    settings: Settings
    people: dict[str, Account]
    secret: str
    pages: dict[str, str]
    faults: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    patch = pytest.MonkeyPatch()
    patch.setattr(passwords, "COST", (1 << 4, 8, 1))
    tmp = tmp_path_factory.mktemp("place")
    settings = Settings(home=tmp / "home", benchmarks=(site.make_folder(tmp / "parks"),))
    settings.home.mkdir()
    shutil.copyfile(sqlite_template, settings.home / "server.sqlite3")
    engine = open_database(settings.database_url)
    app = make_app(settings, engine)
    with transaction(engine) as session:
        people = site.fill(session)
    for name, is_admin in (("boss", True), ("waiting", False)):
        accounts.register(
            engine, email=f"{name}@example.org", name=name.title(), password=PASSWORD,
            is_admin=is_admin,
        )  # fmt: skip
    _, secret = logins.log_in(engine, settings, "boss@example.org", PASSWORD)
    with site.serving(app) as address:
        yield Place(address, engine, settings, people, secret, _fill_more(engine, people))
    engine.dispose()
    patch.undo()


def _fill_more(engine: Engine, people: dict[str, Account]) -> dict[str, str]:
    """Add a submission in each state, the administrator to a team; return all kinds of page."""
    boss = accounts.find_by_email(engine, "boss@example.org")
    assert boss is not None
    with transaction(engine) as session:
        session.get_one(Account, boss.id).team_id = people["Foxes"].team_id
    fault = {"code": "png-size", "file": f"{EVIL}.png", "expected": "40 x 60", "found": EVIL}
    team = people["Foxes"]
    rows = {
        "rejected": site.add(engine, "test", team, "rejected", method=EVIL, faults=[fault] * 3),
        "failed": site.add(
            engine, "test", team, "failed", message="No worker.", blob_sha256="a" * 64
        ),
        "scored": site.add(
            engine, "test", team, "scored", method=EVIL, description=EVIL,
            link="https://example.org/" + "w" * 90, **site.score_values(0.6),
        ),
        "running": site.add(engine, "test", people["Baseline"], "running", blob_sha256="a" * 64),
    }  # fmt: skip
    return {
        "front": "/", "benchmark": "/benchmarks/parks", "board": "/benchmarks/parks/test",
        "subset": "/benchmarks/parks/test?subset=indoor&sort=-mean_iou",
        "closed": "/benchmarks/parks/validation", "entry": f"/entries/{rows['scored'].key}",
        "form": "/benchmarks/parks/test/submit", "mine": "/submissions", "account": "/account",
        "admin": "/admin", "all": "/admin/submissions", "evidence": "/admin/evidence",
        "api": "/api", "missing": "/nothing",
        **{state: f"/submissions/{row.key}" for state, row in rows.items()},
    }  # fmt: skip


@contextmanager
def _window(
    chromium: Any, place: Place, secret: str | None = None, *, quiet: bool = True, **options: Any
) -> Iterator[Any]:
    """Give a page that fails the test by any error, or any request of another server."""
    context = chromium.new_context(**options)
    context.set_default_timeout(15_000)
    if secret is not None:
        name = logins.cookie_name(place.settings)
        context.add_cookies([{"name": name, "value": secret, "url": place.address}])
    told: list[str] = []
    page = context.new_page()
    page.on("console", lambda line: told.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(place.address) else told.append(asked.url),
    )
    yield page
    context.close()
    if quiet:
        assert told == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_every_page_can_be_read(chromium: Any, place: Place, width: int, scheme: str) -> None:
    faults = {}
    size = {"width": width, "height": 800}
    for secret, pages in (
        (place.secret, place.pages),
        (None, {"log in": "/login", "register": "/register", "stranger": place.pages["board"]}),
    ):
        look: Any = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
        with _window(chromium, place, secret, quiet=False, **look) as page:
            for name, path in pages.items():
                answer = page.goto(place.address + path)
                assert answer.status == (404 if name == "missing" else 200), name
                page.evaluate(
                    "document.querySelectorAll('details').forEach(e => { e.open = true })"
                )
                if found := page.evaluate(CHECK):
                    faults[name] = found
    assert faults == {}


def test_the_check_itself_finds_faults(chromium: Any, place: Place) -> None:
    html = """<!doctype html><body><h1>a</h1><h3>b</h3><input name=x>
    <p style="color:#aaa">pale</p><img src=data:,><button></button>
    <table><tr><th>c</th></table><div style="width:3000px" id=a>w</div><p id=a></p>"""
    with _window(chromium, place, quiet=False) as page:
        page.set_content(html)
        faults = " ".join(page.evaluate(CHECK))
    words = (
        "language", "title", "main", "h3 after h1", "without label", "contrast 2.32", "no alt",
        "nothing to read", "scope", "caption", "sideways", "id twice",
    )  # fmt: skip
    assert [word for word in words if word not in faults] == []


def test_the_keyboard_reaches_everything_in_order(chromium: Any, place: Place) -> None:
    with _window(chromium, place, place.secret, viewport={"width": 1280, "height": 800}) as page:
        page.goto(place.address + place.pages["account"])
        wanted = page.evaluate(
            """() => [...document.querySelectorAll(`a[href], button, input:not([type=hidden]),
            summary, [tabindex="0"]`)].filter(e => e.tabIndex >= 0 && e.checkVisibility()
            && !(e.type === 'radio' && !e.checked)).map((e, k) => (e.dataset.order = k, k))"""
        )
        reached = []
        for _ in wanted:
            page.keyboard.press("Tab")
            order, is_seen, where = page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e);
                const box = e.getBoundingClientRect();
                const outline = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
                return [Number(e.dataset.order), outline,
                box.top >= 0 && box.bottom <= innerHeight]; }"""
            )
            reached.append(order)
            assert is_seen and where, f"{order} has no visible focus"
        assert reached == wanted
        page.goto(place.address)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def _make_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        # The same bytes each time.
        archive.writestr(zipfile.ZipInfo("0001.png"), b"not looked at here")
    return file.getvalue()


def _work(engine: Engine, outcome: Outcome) -> None:
    """Do what a worker does."""
    with transaction(engine) as session:
        job = queue.claim(session, "worker", 30_000)
        assert job is not None
        assert queue.finish(session, job.id, "worker", job.attempt, outcome)


def _register(page: Any, place: Place, email: str) -> None:
    page.goto(place.address)
    page.get_by_role("link", name="Register").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Name").fill("Grace <b>Hopper</b>")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    page.get_by_role("main").get_by_role("link", name="Log in").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Account").click()


def _approve(chromium: Any, place: Place, email: str) -> None:
    with _window(chromium, place, place.secret) as page:
        page.goto(place.address + "/admin")
        page.get_by_role("row").filter(has_text=email).get_by_role("button", name="Approve").click()
        assert page.get_by_text("The account is approved.").is_visible()


def _upload(page: Any, place: Place, method: str) -> None:
    page.goto(f"{place.address}/benchmarks/parks")
    page.get_by_role("link", name="Submit to Test 2026").click()
    page.get_by_role("textbox", name="Method").fill(method)
    page.get_by_label("Anonymous").check()
    page.get_by_label("Archive").set_input_files(
        {"name": "results.zip", "mimeType": "application/zip", "buffer": _make_zip()}
    )
    page.get_by_role("button", name="Upload").click()


@pytest.mark.parametrize("has_script", [True, False])
def test_from_the_first_visit_to_the_leaderboard(
    chromium: Any, place: Place, has_script: bool
) -> None:
    """Without JavaScript the page of a submission looks again by itself, too."""
    _drain(place.engine)
    name = "scripted" if has_script else "plain"
    with _window(chromium, place, java_script_enabled=has_script) as page:
        _register(page, place, f"{name}@example.org")
        assert page.get_by_text("has not approved this account yet").is_visible()
        _approve(chromium, place, f"{name}@example.org")
        page.get_by_label("Name of a new team").fill(f"Team {name}")
        page.get_by_role("button", name="Make a team").click()
        assert page.locator(".secret").is_visible()
        _upload(page, place, f"Method {name}")
        page.wait_for_url(re.compile("/submissions/"))
        assert page.get_by_text("Next in the queue.").is_visible()
        score = 0.7 if has_script else 0.72
        values = site.score_values(score)
        keys = ("public_score", "private_score", "public_scores", "private_scores")
        _work(place.engine, Outcome("scored", **{key: values[key] for key in keys}))
        page.get_by_role("heading", name="Score", exact=True).wait_for()
        assert page.get_by_text("It is a new best of the team.").is_visible()
        page.get_by_role("main").get_by_role("link", name="Leaderboard").click()
        row = page.get_by_role("row").filter(has_text=f"Method {name}")
        assert "your team" in row.inner_text() and f"{score * 100:.2f}" in row.inner_text()
        # An archive with the same bytes gives the result that is there.
        _upload(page, place, "Again")
        page.wait_for_url(re.compile("/submissions/"))
        assert page.get_by_role("heading", name=f"Method {name}").is_visible()


def test_a_refused_upload_says_why(chromium: Any, place: Place) -> None:
    _drain(place.engine)
    with _window(chromium, place, place.secret, quiet=False) as page:
        page.goto(f"{place.address}/benchmarks/parks/test/submit")
        page.get_by_role("textbox", name="Method").fill("Not a zip")
        page.get_by_label("Archive").set_input_files(
            {"name": "results.zip", "mimeType": "application/zip", "buffer": b"<html>no</html>"}
        )
        page.get_by_role("button", name="Upload").click()
        page.get_by_text("got a page of HTML").wait_for()
        assert page.evaluate("document.activeElement.id") == "main"
        page.goto(f"{place.address}/benchmarks/parks/test/submit")
        _upload(page, place, "Faulty")
        page.wait_for_url(re.compile("/submissions/"))
        fault = Fault("label", "0001.png", "labels 0 to 19", "label 250")
        _work(place.engine, Outcome("rejected", faults=(fault,)))
        page.get_by_role("heading", name="What is wrong with the archive").wait_for()
        assert page.get_by_role("cell", name="labels 0 to 19").is_visible()


def _drain(engine: Engine) -> None:
    """Leave no job of another test in the queue."""
    with transaction(engine) as session:
        while (job := queue.claim(session, "drain", 30_000)) is not None:
            assert queue.finish(session, job.id, "drain", job.attempt, Outcome("failed"))
