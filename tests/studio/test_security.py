"""Who may ask: by which name, from which page, with which token, with how much."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from peopleparse.studio import security
from tests.studio.site import Place, client, draw_people, make_studio, serving

TOKEN = "correct-horse-battery-staple-0123456789abcdef"
CAP = 200_000


@pytest.fixture(scope="module")
def here() -> TestClient:
    """A studio on loopback."""
    return client(make_studio([draw_people(1, (40, 60))], max_bytes=CAP))


@pytest.fixture
def wide() -> TestClient:
    """A studio that others reach."""
    return client(make_studio(host="0.0.0.0", token=TOKEN), base_url="http://192.0.2.7")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with serving(make_studio(max_bytes=CAP)) as found:
        yield found


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8321", 200), ("localhost", 200), ("[::1]:8321", 200), ("LOCALHOST:1", 200),
        ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), ("192.0.2.7", 421),
        ("localhost@evil.example", 421), ("evil.example:80#127.0.0.1", 421), ("[::1", 421),
    ],
)  # fmt: skip
def test_only_names_of_this_machine_are_answered(here: TestClient, host: str, status: int) -> None:
    for path in ("/api/items", "/api/nothing"):
        found = here.get(path, headers={"host": host})
        assert found.status_code == (404 if status == 200 and "nothing" in path else status)
    if status == 421:
        assert found.headers["content-type"] == "application/problem+json"
        assert "must be asked for by the address that it printed" in found.json()["detail"]


@pytest.mark.parametrize("host", ["192.0.2.7", "192.0.2.7:8321", "[2001:db8::1]", "localhost"])
def test_opened_wider_addresses_of_numbers_are_answered(wide: TestClient, host: str) -> None:
    assert wide.get("/api/items", headers={"host": host}).status_code == 401
    assert wide.get("/api/items", headers={"host": "rebound.example"}).status_code == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1"},
        {"origin": "http://127.0.0.1:9"},
        {"origin": "http://[::1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1"},
        {"sec-fetch-site": "none"},
    ],
)
def test_other_sites_may_not_write(here: TestClient, method: str, headers: dict[str, str]) -> None:
    for path in ("/api/parse", "/api/project/photos/a/persons", "/"):
        found = here.request(method, path, content=b"x", headers=headers)
        assert found.status_code == 403
    found = here.request(method, "/api/parse", content=b"x", headers=headers)
    assert found.json()["code"] == "other-origin"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"},
    ],
)
def test_our_page_and_programs_may_write(here: TestClient, headers: dict[str, str]) -> None:
    found = here.post("/api/parse?name=a", content=b"", headers=headers)
    assert (found.status_code, found.json()["code"]) == (422, "empty")


def test_without_the_token_nothing_is_answered(wide: TestClient) -> None:
    for path in ("/", "/main.js", "/api/items", "/api/nothing", "/?token=", "/?token=wrong"):
        found = wide.get(path, follow_redirects=False)
        assert found.status_code == 401, path
        assert "must have the token that the studio printed" in found.text
        assert "set-cookie" not in found.headers
    assert wide.post("/api/parse", content=b"x").status_code == 401
    assert wide.post(f"/api/parse?token={TOKEN}", content=b"x").status_code == 401


def test_the_token_becomes_a_cookie_and_leaves_the_address(wide: TestClient) -> None:
    found = wide.get(f"/?a=%2Fb&token={TOKEN}", follow_redirects=False)
    assert (found.status_code, found.headers["location"]) == (303, "/?a=%2Fb")
    cookie = found.headers["set-cookie"]
    assert cookie.startswith("peopleparse_studio_80=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["referrer-policy"] == "same-origin"
    assert wide.get("/api/items").status_code == 200
    wide.cookies.clear()
    assert wide.get("/api/items").status_code == 401
    for wrong in (f"{TOKEN}x", TOKEN[:-1], "", TOKEN.upper()):
        header = {"cookie": f"peopleparse_studio_80={wrong}"}
        assert wide.get("/api/items", headers=header).status_code == 401
    raw = {b"cookie": f"peopleparse_studio_80={TOKEN}".encode() + b"\xff"}
    assert wide.get("/api/items", headers=raw).status_code == 401


def test_the_redirect_stays_on_this_host(wide: TestClient) -> None:
    for path in (f"//evil.example/?token={TOKEN}", f"/\\evil.example/?token={TOKEN}"):
        found = wide.get(f"http://192.0.2.7{path}", follow_redirects=False)
        assert found.headers["location"] in ("/evil.example/", "/%5Cevil.example/")


def test_tokens_are_long_and_new() -> None:
    tokens = {security.make_token() for _ in range(50)}
    assert len(tokens) == 50 and min(map(len, tokens)) >= 43


@pytest.mark.parametrize("path", ["/", "/api/items", "/api/nothing", "/nothing", "/main.js"])
def test_every_answer_carries_the_headers(here: TestClient, path: str) -> None:
    found = here.get(path).headers
    for name, value in security.HEADERS.items():
        assert found[name] == value
    policy = found["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert "img-src 'self' blob: data:" in policy and "worker-src 'self'" in policy
    assert "access-control-allow-origin" not in found
    assert found["cache-control"] in ("no-store", "no-cache")


@pytest.mark.parametrize("cut", ["declared", "chunked"])
def test_a_body_above_the_cap_is_refused_with_a_sentence(place: Place, cut: str) -> None:
    # The answer comes after the whole body was taken, so that browsers read it.
    connection = http.client.HTTPConnection(urlsplit(place.address).netloc, timeout=30)
    body = b"x" * (CAP + 1)
    pieces = body if cut == "declared" else iter([body[:CAP], body[CAP:] * 300_000])
    headers = {} if cut == "declared" else {"transfer-encoding": "chunked"}
    connection.request("POST", "/api/parse?name=a.jpg", pieces, headers, encode_chunked=True)
    found = connection.getresponse()
    assert (found.status, found.getheader("content-type")) == (413, "application/problem+json")
    assert b"file must have at most 0.190735 MiB, got more" in found.read()
    connection.close()


def test_a_body_of_just_the_cap_is_read(here: TestClient) -> None:
    found = here.post("/api/parse?name=a.jpg", content=b"x" * CAP)
    assert found.json()["code"] == "no-photo"


def test_json_has_a_cap_of_its_own() -> None:
    found = client(make_studio()).post(
        "/api/project/photos/a/presence",
        content=b" " * (security.JSON_CAP + 1),
        headers={"content-type": "Application/JSON; charset=utf-8"},
    )
    assert found.status_code == 413
    assert "file must have at most 4 MiB, got more" in found.json()["detail"]


def test_a_length_that_is_no_number_is_refused(here: TestClient) -> None:
    found = here.post("/api/parse", content=b"x", headers={"content-length": "-1"})
    assert found.status_code == 413


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.2", False), ("localhost.example", False)],
)  # fmt: skip
def test_which_addresses_are_only_this_machines(host: str, expected: bool) -> None:
    assert security.is_loopback(host) is expected


def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.05)
    connection = http.client.HTTPConnection(urlsplit(place.address).netloc, timeout=30)
    connection.putrequest("POST", "/api/parse")
    connection.putheader("content-length", "10")
    connection.endheaders(b"x")
    monkeypatch.setattr(security, "_DRAIN_SECONDS", 0.05)
    found = connection.getresponse()
    assert found.status == 408
    assert b"body must come within 0.05 s, got less" in found.read()
    connection.close()
