"""The studio's answers: the page's files, items, parsing, and refusals in one shape."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from peopleparse.errors import ModelError
from peopleparse.structures import ParsedPeople
from peopleparse.studio import static_files
from peopleparse.studio.items import Items
from peopleparse.studio.layers import decode_layer, decode_layers
from tests.studio.site import (
    client,
    draw_overlapping,
    draw_people,
    drawn_parser,
    encode_image,
    make_studio,
)

SIZE = (60, 90)


@pytest.fixture(scope="module")
def results() -> list[ParsedPeople]:
    return [draw_people(3, SIZE), draw_people(2, SIZE, seed=1)]


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return draw_overlapping(4, SIZE)


@pytest.fixture(scope="module")
def site(results: list[ParsedPeople], truth: np.ndarray) -> TestClient:
    return client(make_studio(results, ["first", "<b>second</b>"], truth))


def _refusal(found: Any, status: int, code: str) -> str:
    """Return the sentence of a refusal of the right shape."""
    body = found.json()
    assert found.headers["content-type"] == "application/problem+json"
    assert (found.status_code, body["status"], body["code"]) == (status, status, code)
    assert "\n" not in body["detail"] and body["detail"].endswith(".")
    return str(body["detail"])


def test_the_list_has_every_item(site: TestClient) -> None:
    found = site.get("/api/items").json()
    assert [(one["id"], one["name"], one["kind"], one["persons"]) for one in found] == [
        ("i1", "first", "result", 3),
        ("i2", "<b>second</b>", "result", 2),
        ("i3", "truth", "truth", 4),
    ]
    assert {(one["width"], one["height"]) for one in found} == {(90, 60)}


def test_an_item_says_all_that_the_page_needs(
    site: TestClient, results: list[ParsedPeople]
) -> None:
    found = site.get("/api/items/i1").json()
    assert found["scheme"] == "gps"
    assert found["labels"][1] == {"id": 1, "name": "hat", "color": found["labels"][1]["color"]}
    for label, entry in zip(results[0].scheme.labels, found["labels"], strict=True):
        assert bytes.fromhex(entry["color"][1:]) == bytes(label.color)
    assert [person["index"] for person in found["persons"]] == [1, 2, 3]
    assert found["layers"] == ["/api/items/i1/layers/0.png"]
    assert found["photo"] == "/api/items/i1/photo"
    assert found["same_photo"] == ["i2", "i3"]


def test_layers_over_the_wire_are_exact(
    site: TestClient, results: list[ParsedPeople], truth: np.ndarray
) -> None:
    for name, persons in (("i1", results[0].person_parsings()), ("i3", truth)):
        urls = site.get(f"/api/items/{name}").json()["layers"]
        layers = [decode_layer(site.get(url).content) for url in urls]
        assert np.array_equal(decode_layers(layers), persons)


def test_the_photo_is_the_one_that_was_parsed(
    site: TestClient, results: list[ParsedPeople]
) -> None:
    found = site.get("/api/items/i1/photo")
    assert found.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(found.content)) as image:
        assert np.array_equal(np.array(image), results[0].image)
    assert "must have its photo beside it" in _refusal(
        site.get("/api/items/i3/photo"), 404, "no-photo"
    )


def test_files_are_asked_for_again_and_sent_once(site: TestClient) -> None:
    for path in ("/", "/api/items/i1/layers/0.png", "/api/items/i1/photo"):
        first = site.get(path)
        assert first.headers["cache-control"] == "no-cache"
        tag = first.headers["etag"]
        for mark in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            again = site.get(path, headers={"if-none-match": mark})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        assert site.get(path, headers={"if-none-match": '"x"'}).status_code == 200
        packed = first.headers.get("content-encoding")
        assert packed == (None if path.startswith("/api/") else "gzip")
        plain = site.get(path, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers and plain.content == first.content


def test_every_file_of_the_page_has_its_type(site: TestClient) -> None:
    files = [path for path in static_files.WEB.iterdir() if path.suffix in static_files.TYPES]
    for path in files:
        found = site.get(f"/{path.name}")
        assert found.content == path.read_bytes()
        assert found.headers["content-type"] == static_files.TYPES[path.suffix]
        assert site.head(f"/{path.name}").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/app.py", "/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/web/index.html", "/etc/passwd",
     "/index.html/", "/%00", "/INDEX.HTML"],
)  # fmt: skip
def test_nothing_else_is_a_page(site: TestClient, path: str) -> None:
    found = site.get(path, follow_redirects=False)
    assert found.status_code == 404
    assert found.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not-found"),
        ("GET", "/api/items/i9", 404, "no-item"),
        ("GET", "/api/items/..%2f..%2fetc", 404, "not-found"),
        ("GET", "/api/items/i1/layers/1.png", 404, "no-layer"),
        ("GET", "/api/items/i1/layers/x.png", 422, "invalid"),
        ("GET", "/api/items/i1/download/exe", 404, "no-download"),
        ("DELETE", "/api/items", 405, "method-not-allowed"),
        ("GET", "/api/parse", 405, "method-not-allowed"),
    ],
)
def test_refusals_have_one_shape(
    site: TestClient, method: str, path: str, status: int, code: str
) -> None:
    _refusal(site.request(method, path), status, code)


def test_downloads_come_as_files(site: TestClient) -> None:
    found = site.get("/api/items/i2/download/indexed.png")
    assert found.headers["content-type"] == "image/png"
    assert found.headers["content-disposition"] == (
        "attachment; filename=\"b__indexed.png\"; filename*=UTF-8''b__indexed.png"
    )


def test_a_photo_is_parsed_at_its_size(results: list[ParsedPeople]) -> None:
    site = client(make_studio(make_parser=drawn_parser(3)))
    image = draw_people(1, (70, 50)).image
    found = site.post("/api/parse?name=C:%5Cme%5C%E2%80%AEa.png", content=encode_image(image))
    body = found.json()
    assert found.status_code == 201
    assert (body["name"], body["kind"], body["width"], body["height"]) == (
        "a.png", "result", 50, 70,
    )  # fmt: skip
    assert len(body["persons"]) == 3 and body["dropped"] == []
    layer = decode_layer(site.get(body["layers"][0]).content)
    assert np.array_equal(layer[..., 0], draw_people(3, (70, 50)).parsing)
    assert site.get(body["photo"]).content == encode_image(image)
    again = site.post("/api/parse?name=b.png", content=encode_image(image)).json()
    assert again["same_photo"] == ["i1"]
    other = encode_image(255 - image)
    assert site.post("/api/parse?name=a.png", content=other).json()["same_photo"] == []


def test_a_photo_that_is_open_already_is_compared_with_it(site: TestClient) -> None:
    image = np.zeros((*SIZE, 3), np.uint8)
    found = site.post("/api/parse?name=drawn.jpg", content=encode_image(image)).json()
    assert found["same_photo"] == ["i1", "i2", "i3"]
    small = encode_image(image[:30])
    assert site.post("/api/parse?name=drawn.jpg", content=small).json()["same_photo"] == []


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_shown_and_parsed_upright(orientation: int) -> None:
    seen: list[np.ndarray] = []

    def parse(image: np.ndarray) -> ParsedPeople:
        seen.append(image)
        return drawn_parser(1)()(image)

    site = client(make_studio(make_parser=lambda: parse))
    image = np.zeros((40, 60, 3), np.uint8)
    image[:20, :30] = (250, 10, 10)
    picture, exif = Image.fromarray(image), Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=exif)
    found = site.post("/api/parse?name=a.png", content=buffer.getvalue()).json()
    assert (found["height"], found["width"]) == ((40, 60) if orientation < 5 else (60, 40))
    with Image.open(io.BytesIO(site.get(found["photo"]).content)) as shown:
        assert shown.getexif().get(0x0112, 1) == 1
        assert np.array_equal(np.array(shown), seen[0])


@pytest.mark.parametrize("kind", ["RGBA", "P", "CMYK", "I;16", "GIF", "TIFF"])
def test_photos_of_every_kind_are_shown_as_they_were_parsed(kind: str) -> None:
    seen: list[np.ndarray] = []

    def parse(image: np.ndarray) -> ParsedPeople:
        seen.append(image)
        return drawn_parser(1)()(image)

    site = client(make_studio(make_parser=lambda: parse))
    picture = Image.fromarray(draw_people(1, (40, 60)).image)
    if kind == "I;16":
        picture = Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27)
    elif kind not in ("GIF", "TIFF"):
        picture = picture.convert(kind)
    if kind == "RGBA":
        picture.putalpha(120)
    buffer = io.BytesIO()
    file_kind = {"CMYK": "TIFF", "GIF": "GIF", "TIFF": "TIFF"}.get(kind, "PNG")
    picture.save(buffer, file_kind)
    found = site.post("/api/parse?name=a", content=buffer.getvalue()).json()
    with Image.open(io.BytesIO(site.get(found["photo"]).content)) as shown:
        assert shown.format in ("PNG", "JPEG", "WEBP") and shown.mode in ("RGB", "L")
        assert np.array_equal(np.array(shown.convert("RGB")), seen[0])


def test_24_megapixels_with_20_persons() -> None:
    site = client(make_studio(make_parser=drawn_parser(20)))
    image = np.zeros((4000, 6000, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    found = site.post("/api/parse?name=large.jpg", content=jpeg).json()
    assert (found["width"], found["height"], len(found["persons"])) == (6000, 4000, 20)
    layer = decode_layer(site.get(found["layers"][0]).content)
    areas = np.bincount(layer[..., 1].ravel(), minlength=21)
    assert [sum(part["area"] for part in person["parts"]) for person in found["persons"]] == (
        areas[1:].tolist()
    )
    assert site.get(found["photo"]).content == jpeg


_JPEG = encode_image(draw_people(1, (200, 300)).image, "JPEG")


@pytest.mark.parametrize(
    ("data", "status", "code", "sentence"),
    [
        (b"", 422, "empty", "'a.jpg' must hold a photo, got 0 bytes. Copy it again."),
        (
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", 415, "heic",
            "'a.jpg' must be JPEG, PNG, WebP, TIFF, BMP or GIF, got HEIC. Save it as JPEG first.",
        ),
        (b"no picture at all", 415, "no-photo", "got a file that is no photo. Choose another."),
        (b"%PDF-1.7\n", 415, "no-photo", "'a.jpg' must be JPEG, PNG, WebP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "no-photo", "is no photo"),
        (_JPEG[: len(_JPEG) // 2], 422, "broken", "'a.jpg' must be a whole photo, got 'image file"),
    ],
)  # fmt: skip
def test_what_cannot_be_parsed_is_said_in_a_sentence(
    site: TestClient, data: bytes, status: int, code: str, sentence: str
) -> None:
    found = site.post("/api/parse?name=a.jpg", content=data)
    assert sentence in _refusal(found, status, code)


def test_too_many_pixels_are_refused_before_they_are_decoded(
    site: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = io.BytesIO()
    Image.new("1", (20_000, 6_000)).save(picture, "PNG")
    monkeypatch.delattr("PIL.ImageFile.ImageFile.load")
    found = site.post("/api/parse?name=wide.png", content=picture.getvalue())
    detail = _refusal(found, 413, "too-many-pixels")
    assert detail == "'wide.png' must have at most 100 megapixels, got more. Scale it down first."


def test_names_in_sentences_are_short_and_of_one_line(site: TestClient) -> None:
    name = "..%2F" + "w" * 200 + "%0A%3Cscript%3E.jpg"
    detail = _refusal(site.post(f"/api/parse?name={name}", content=b""), 422, "empty")
    assert detail.startswith(f"'{'w' * 40}…")
    assert detail.count("w") < 70


def test_the_network_is_loaded_at_the_first_photo_and_once() -> None:
    made: list[int] = []
    active: list[int] = []

    def make() -> Any:
        made.append(1)
        time.sleep(0.02)

        def parse(image: np.ndarray) -> ParsedPeople:
            active.append(1)
            assert len(active) == 1  # one at a time
            time.sleep(0.01)
            found = draw_people(1, image.shape[:2])
            active.pop()
            return found

        return parse

    site = client(make_studio(make_parser=make))
    assert site.get("/api/items").json() == made == []
    photos = [encode_image(np.full((20, 20, 3), n, np.uint8)) for n in range(6)]
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda photo: answers.append(
                site.post("/api/parse?name=a.png", content=photo).status_code
            ),
            args=(photo,),
        )
        for photo in photos
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [201] * 6 and made == [1]
    assert len(site.get("/api/items").json()) == 6


def test_without_a_model_it_says_so() -> None:
    site = client(make_studio(make_parser=None))
    photo = encode_image(np.zeros((20, 20, 3), np.uint8))
    found = site.post("/api/parse?name=a.png", content=photo)
    assert "studio must have a model to parse photos" in _refusal(found, 503, "no-model")
    assert site.get("/api/studio").json()["has_model"] is False

    def fail() -> Any:
        raise ModelError("model must be there, got none. Fetch it.")

    site = client(make_studio(make_parser=fail))
    found = site.post("/api/parse?name=a.png", content=photo)
    assert _refusal(found, 503, "no-model") == "model must be there, got none. Fetch it."


def test_the_scheme_asked_for_is_that_of_results() -> None:
    site = client(make_studio(make_parser=drawn_parser(2), scheme="lip"))
    photo = encode_image(np.zeros((60, 60, 3), np.uint8))
    assert site.post("/api/parse?name=a.png", content=photo).json()["scheme"] == "lip"


def test_results_that_had_to_go_are_named() -> None:
    site = client(make_studio(items=Items(memory_bytes=60_000)))
    photo = encode_image(np.zeros((80, 100, 3), np.uint8))
    first = site.post("/api/parse?name=a.png", content=photo).json()
    second = site.post("/api/parse?name=b.png", content=photo).json()
    assert (first["dropped"], second["dropped"]) == ([], ["a.png"])
    detail = _refusal(site.get("/api/items/i1"), 410, "dropped")
    assert detail.startswith("'a.png' must be parsed again, got dropped to make room")


def test_a_fault_of_our_own_is_a_problem_too(caplog: pytest.LogCaptureFixture) -> None:
    def make() -> Any:
        raise RuntimeError("secret /path")

    site = client(make_studio(make_parser=make))
    found = site.post("/api/parse?name=a.png", content=encode_image(np.zeros((9, 9, 3), np.uint8)))
    detail = _refusal(found, 500, "fault")
    assert (
        detail == "studio must be able to answer, got a fault of its own. Its terminal says more."
    )
    assert "fault while answering: RuntimeError" in caplog.text


def test_what_this_studio_can_do(site: TestClient) -> None:
    found = site.get("/api/studio").json()
    assert found["has_model"] is True and found["has_project"] is False
    assert found["max_bytes"] == 128 << 20 and found["max_pixels"] == 100_000_000
    assert "JPEG" in found["formats"] and "persons.zip" in found["downloads"]
