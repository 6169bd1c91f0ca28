from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.testclient import TestClient

from peopleparse.server import accounts, limits, logins, passwords
from peopleparse.server.app import make_app
from peopleparse.server.benchmark_folder import read_benchmark
from peopleparse.server.database import open_database, transaction
from peopleparse.server.events import record
from peopleparse.server.pages import render_problem
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Account, Submission
from peopleparse.web.problems import Problem
from tests.server import site

PASSWORD = "correct horse battery"
one_engine = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
EVIL = "<script>alert(1)</script>\"'&"


class Site:
    """A served benchmark, with browsers that need no network."""

    def __init__(self, app: FastAPI, settings: Settings, engine: Engine) -> None:
        self.app, self.settings, self.engine = app, settings, engine
        self.people: dict[str, Account] = {}

    def browser(self, email: str | None = None) -> TestClient:
        client = TestClient(self.app, base_url="http://testserver")
        if email is not None:
            _, secret = logins.log_in(self.engine, self.settings, email, PASSWORD)
            client.cookies.set(logins.cookie_name(self.settings), secret)
        return client

    def person(self, name: str, team: str | None = None, **values: Any) -> Account:
        made = accounts.register(
            self.engine, email=f"{name}@example.org", name=name, password=PASSWORD,
            is_approved=values.pop("is_approved", True), **values,
        )  # fmt: skip
        assert made is not None
        if team is not None:
            with transaction(self.engine) as session:
                account = session.get_one(Account, made.id)
                account.team_id = made.team_id = self.people[team].team_id
        return made


@pytest.fixture
def world(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))
    monkeypatch.setattr(limits, "RATES", {name: (10**6, 10**6, 1000) for name in limits.RATES})
    folder = site.make_folder(tmp_path / "parks")
    settings = Settings(home=settings.home, database=settings.database, benchmarks=(folder,))
    engine = open_database(settings.database_url)
    made = Site(make_app(settings, engine), settings, engine)
    with transaction(engine) as session:
        made.people = site.fill(session)
    yield made
    engine.dispose()


def _send(client: TestClient, page: str, path: str, **fields: str) -> Any:
    """Fill in the form of a page that goes to `path`, and follow the answer."""
    html = client.get(page).text
    assert f'action="{path}"' in html
    token = re.search(r'name="form_token" value="([^"]+)"', html)
    assert token is not None
    return client.post(path, data={"form_token": token[1], **fields})


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@one_engine
def test_a_stranger_finds_the_way(world: Site) -> None:
    client = world.browser()
    front = client.get("/")
    assert front.status_code == 200 and "People in parks" in front.text
    assert "best 50.40" in _words(front.text)
    page = client.get("/benchmarks/parks").text
    words = _words(page)
    assert "2 in any 24 hours, 30 in all" in words and "AP λ strict" not in words
    assert '<script>alert("rules")' in words and "alert(&#34;rules" in page
    assert "--phase parks/test" in words and "Submit to Test 2026" in words
    images = client.get("/benchmarks/parks/images.csv")
    assert images.text.startswith("name,width,height,subset\n0001,40,60,indoor")
    assert client.get("/submissions", follow_redirects=False).headers["location"].startswith("/log")
    for path in ("/nothing", "/benchmarks/x", "/benchmarks/parks/x", "/entries/x", "/static/x"):
        answer = client.get(path)
        assert answer.status_code == 404 and "Not found" in answer.text


def test_the_board_page(world: Site) -> None:
    client = world.browser()
    html = client.get("/benchmarks/parks/test").text
    assert "One-shot parsing with structure" not in html and "Otters" not in html
    ranks = re.findall(r'<td class="number">(\d+)</td>', html)
    assert ranks == ["1", "2", "3", "4", "5"]
    assert 'aria-sort="descending"' in html and "<title" in html and "curve-text" in html
    for secret in ("46.33", "46.35", "49.05", "48.94"):
        assert secret not in html
    sorted_page = client.get("/benchmarks/parks/test?subset=indoor&sort=-mean_iou").text
    assert 'aria-sort="ascending"' in sorted_page
    export = re.search(r'href="(/api/v1/leaderboards/[^"]+\.json[^"]*)"', sorted_page)
    assert export is not None
    told = client.get(unescape(export[1])).json()
    assert told["subset"] == "indoor" and len(told["entries"]) == 5
    overall = client.get("/benchmarks/parks/test?sort=indoor.ap_lambda_strict").text
    for address in re.findall(r'href="(/api/v1/leaderboards/[^"]+)"', overall):
        assert client.get(unescape(address)).status_code == 200
    assert client.get("/benchmarks/parks/test?sort=x").status_code == 422
    closed = _words(client.get("/benchmarks/parks/validation").text)
    assert "public score" in closed and "52.20" in closed


def test_an_entry_page(world: Site) -> None:
    client = world.browser()
    html = client.get("/benchmarks/parks/test").text
    keys = re.findall(r'<a href="/entries/([^"]+)"', html)
    page = client.get(f"/entries/{keys[0]}").text
    assert 'href="https://example.org/paper" rel="nofollow noopener ugc"' in page
    assert f"http://testserver/entries/{keys[0]}" in page and "50.40" in page
    masked = next(
        page for key in keys if "Two towers" in (page := client.get(f"/entries/{key}").text)
    )
    assert "Otters" not in masked and "example.org/paper" not in masked
    hidden = site.add(
        world.engine, "test", world.people["Hares"], "scored", visibility="hidden",
        **site.score_values(0.6),
    )  # fmt: skip
    later = site.add(
        world.engine,
        "test",
        world.people["Hares"],
        "scored",
        **site.score_values(0.55, shown=0.6, is_new_best=False),
    )
    assert client.get(f"/entries/{hidden.key}").status_code == 404
    assert client.get(f"/entries/{later.key}").status_code == 404


@one_engine
def test_untrusted_words_are_only_words(world: Site) -> None:
    world.person("fox", "Foxes")
    row = site.add(
        world.engine, "test", world.people["Foxes"], "scored", method=EVIL, description=EVIL,
        link="javascript:alert(1)", message=EVIL, **site.score_values(0.9),
    )  # fmt: skip
    fault = {"code": EVIL, "file": EVIL, "expected": EVIL, "found": "\u202eevil"}
    faulty = site.add(
        world.engine, "test", world.people["Foxes"], "rejected", method=EVIL, faults=[fault]
    )
    client = world.browser("fox@example.org")
    pages = (
        "/benchmarks/parks/test", f"/entries/{row.key}", f"/submissions/{row.key}",
        f"/submissions/{faulty.key}", "/submissions",
    )  # fmt: skip
    for path in pages:
        html = client.get(path).text
        assert "<script>alert" not in html and "javascript:" not in html
        assert unescape(html).count(EVIL) >= 1
        assert not re.search(r"\son\w+=|style=", html)
    assert "<bdi>\u202eevil</bdi>" in client.get(f"/submissions/{faulty.key}").text


@one_engine
@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("receiving", "The archive is being uploaded."),
        ("queued", "Next in the queue."),
        ("running", "A worker checks and scores the archive."),
        ("scored", "It is a new best of the team."),
        ("rejected", "40 x 60"),
        ("failed", "It costs you nothing."),
        ("withdrawn", "It was withdrawn."),
    ],
)
def test_a_submission_in_each_state(world: Site, state: str, words: str) -> None:
    world.person("fox", "Foxes")
    world.person("hare", "Hares")
    world.person("boss", is_admin=True)
    values = site.score_values(0.51) if state == "scored" else {}
    if state == "rejected":
        values = {"faults": [{"code": "a", "file": "", "expected": "40 x 60", "found": "1 x 1"}]}
    row = site.add(world.engine, "test", world.people["Foxes"], state, **values)
    html = world.browser("fox@example.org").get(f"/submissions/{row.key}").text
    assert words in _words(html)
    is_live = state in ("receiving", "queued", "running")
    assert ('http-equiv="refresh"' in html) == is_live == ("data-live" in html)
    assert (f'action="/submissions/{row.key}/withdraw"' in html) == (
        state in ("receiving", "queued")
    )
    assert world.browser("boss@example.org").get(f"/submissions/{row.key}").status_code == 200
    assert world.browser("hare@example.org").get(f"/submissions/{row.key}").status_code == 404


def test_what_is_no_new_best_keeps_its_score(world: Site) -> None:
    world.person("fox", "Foxes")
    values = site.score_values(0.49123, shown=0.49, is_new_best=False)
    row = site.add(world.engine, "test", world.people["Foxes"], "scored", **values)
    client = world.browser("fox@example.org")
    html = client.get(f"/submissions/{row.key}").text
    assert "No significant improvement" in html and "best so far" in html and "49.00" in html
    assert "49.12" not in html and "48.01" not in html and "57.25" not in html
    assert "49.12" not in client.get("/submissions").text


def test_withdraw_and_visibility(world: Site) -> None:
    world.person("fox", "Foxes")
    client = world.browser("fox@example.org")
    row = site.add(world.engine, "test", world.people["Foxes"], "queued")
    page = f"/submissions/{row.key}"
    assert (
        "visibility is saved" in _send(client, page, f"{page}/visibility", visibility="hidden").text
    )
    assert _send(client, page, f"{page}/visibility", visibility="x").status_code == 422
    assert client.post(f"{page}/withdraw").status_code == 403
    assert "is withdrawn" in _send(client, page, f"{page}/withdraw").text
    with transaction(world.engine) as session:
        found = session.get_one(Submission, row.id)
        assert (found.state, found.visibility) == ("withdrawn", "hidden")


@one_engine
def test_the_form_says_what_stands_in_the_way(world: Site) -> None:
    world.person("new", is_approved=False)
    world.person("alone")
    world.person("fox", "Foxes")
    path = "/benchmarks/parks/test/submit"
    told = {
        name: world.browser(f"{name}@example.org").get(path).text
        for name in ("new", "alone", "fox")
    }
    assert "has not approved" in told["new"] and "in no team yet" in told["alone"]
    assert 'enctype="multipart/form-data"' in told["fox"] and "500 MiB" in told["fox"]
    assert told["fox"].index('name="form_token"', 2000) < told["fox"].index('name="archive"')
    client = world.browser("fox@example.org")
    assert "takes no archives" in client.get("/benchmarks/parks/validation/submit").text
    for _ in range(2):
        site.add(world.engine, "test", world.people["Foxes"], "queued")
    full = client.get(path).text
    assert "has to wait" in full and "24 hours" in _words(full) and "multipart" not in full
    assert "0 of 2" in _words(client.get("/submissions").text)


@one_engine
def test_register_log_in_and_out(world: Site) -> None:
    client = world.browser()
    given = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD}
    short = _send(client, "/register", "/register", **given | {"password": "short"})
    assert short.status_code == 422 and 'role="alert"' in short.text
    assert 'value="ada@example.org"' in short.text and "short" not in short.text
    first = _send(client, "/register", "/register", **given).text
    again = _send(client, "/register", "/register", **given).text
    assert _words(first) == _words(again) and "approves it" in first
    wrong = _send(client, "/login", "/login", email="ada@example.org", password="x" * 12)
    assert wrong.status_code == 401 and 'role="alert"' in wrong.text
    inside = _send(
        client, "/login?next=/account", "/login", email="Ada@Example.org", password=PASSWORD,
        next="/account",
    )  # fmt: skip
    assert inside.url.path == "/account" and "has not approved this account" in inside.text
    assert client.get("/login", params={"next": "//evil.example"}).url.host == "testserver"
    assert "Log in" in _send(client, "/", "/logout").text
    assert client.get("/account").url.path == "/login"


@one_engine
def test_team_tokens_and_password(world: Site) -> None:
    world.person("ada")
    world.person("bob")
    ada, bob = world.browser("ada@example.org"), world.browser("bob@example.org")
    assert "FOXES" in (taken := _send(ada, "/account", "/account/team", team_name="FOXES")).text
    assert taken.status_code == 409
    made = _send(ada, "/account", "/account/team", team_name="Lynxes")
    invite = re.search(r'<code class="secret"[^>]*>([^<]+)</code>', made.text)
    assert invite is not None and "Lynxes" in made.text
    assert _send(bob, "/account", "/account/join", invite="wrong").status_code == 422
    assert "You have joined" in _send(bob, "/account", "/account/join", invite=invite[1]).text
    assert "2 members" in ada.get("/account").text
    fresh = _send(ada, "/account", "/account/invite").text
    assert 'class="secret"' in fresh and invite[1] not in fresh
    token = _send(
        ada, "/account", "/account/tokens", token_name="laptop", scope="read", days="30"
    ).text
    text = re.search(r"(pp_[\w-]{43})", token)
    assert text is not None and text[1] not in ada.get("/account").text
    assert _send(ada, "/account", "/account/tokens", token_name="x", days="²").status_code == 422
    path = re.search(r'action="(/account/tokens/\d+/revoke)"', token)
    assert path is not None and "is revoked" in _send(ada, "/account", path[1]).text
    assert bob.post(path[1]).status_code == 403
    wrong = _send(ada, "/account", "/account/password", old="no", new="another good horse")
    assert wrong.status_code == 403 and 'role="alert"' in wrong.text
    done = _send(ada, "/account", "/account/password", old=PASSWORD, new="another good horse")
    assert "password is changed" in done.text


def test_administrators_pages(world: Site) -> None:
    world.person("boss", is_admin=True)
    new = world.person("new", is_approved=False)
    fox = world.people["Foxes"]
    failed = site.add(world.engine, "test", fox, "failed", blob_sha256="ab" * 32)
    site.add(world.engine, "test", world.people["Hares"], "queued", blob_sha256="ab" * 32)
    with transaction(world.engine) as session:
        record(session, "worker-died", submission_id=failed.id)
    boss, other = world.browser("boss@example.org"), world.browser("new@example.org")
    for path in ("/admin", "/admin/submissions", "/admin/evidence"):
        assert boss.get(path).status_code == 200
        assert other.get(path).status_code == 403
        assert world.browser().get(path).url.path == "/login"
    place = f"/admin/accounts/{new.id}"
    assert "is approved" in _send(boss, "/admin", f"{place}/approve").text
    assert "is disabled" in _send(boss, "/admin", f"{place}/disable").text
    assert "enabled again" in _send(boss, "/admin", f"{place}/enable").text
    assert _send(boss, "/admin", f"{place}/disable").status_code == 200
    rows = boss.get("/admin/submissions?state=failed").text
    assert "worker-died" in rows and rows.count("<tr>") == 2
    retried = _send(boss, "/admin/submissions", f"/admin/submissions/{failed.key}/retry")
    assert "in the queue again" in retried.text
    evidence = _words(boss.get("/admin/evidence").text)
    assert "Foxes, Hares" in evidence and "ab" * 32 in evidence
    me = accounts.find_by_email(world.engine, "boss@example.org")
    assert me is not None
    token = re.search(r'name="form_token" value="([^"]+)"', boss.get("/admin").text)
    assert token is not None
    own = boss.post(f"/admin/accounts/{me.id}/disable", data={"form_token": token[1]})
    assert own.status_code == 409 and "your own" in own.text
    odd = boss.post(f"/admin/accounts/{me.id}/promote", data={"form_token": token[1]})
    assert odd.status_code == 404 and "approve, disable, enable" in odd.text


@one_engine
def test_every_api_route_is_on_its_page(world: Site) -> None:
    client = world.browser()
    words = _words(client.get("/api").text)
    for path, methods in client.get("/api/v1/openapi.json").json()["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in words


@one_engine
@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503, 507]
)
def test_refusals_are_pages(world: Site, status: int) -> None:
    path = f"/fail{status}"

    @world.app.get(path)
    def fail() -> None:
        raise Problem(status, "x", f"thing must be {EVIL}, got another.", retry_after=3700)

    client = TestClient(world.app, base_url="http://testserver", follow_redirects=False)
    answer = client.get(path)
    if status == 401:
        assert answer.headers["location"] == "/login?next=/fail401"
        return
    assert answer.status_code == status and answer.headers["retry-after"] == "3700"
    assert "<script>" not in answer.text and "Thing must be" in answer.text
    assert "in 1 hour 2 minutes" in _words(answer.text)


@one_engine
def test_static_files_are_kept_by_browsers(world: Site) -> None:
    client = world.browser()
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/").text)
    assert len(addresses) == 2
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]


def test_a_problem_page_needs_no_database() -> None:
    scope = {"type": "http", "path": "/x", "headers": [], "method": "GET", "query_string": b""}
    page = render_problem(Request(scope), Problem(503, "away", "database must answer, got none."))
    assert page.status_code == 503 and b"Back in a moment" in page.body


@one_engine
def test_the_public_part_is_what_the_checker_needs(world: Site, tmp_path: Path) -> None:
    found = world.browser().get("/benchmarks/parks/public.zip")
    with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
        archive.extractall(tmp_path / "public")
    told = read_benchmark(tmp_path / "public", secret=False)
    served = world.app.state.benchmarks["parks"]
    assert told.images == served.images and told.manifest == served.manifest
    assert served.split_seed and not told.split_seed
