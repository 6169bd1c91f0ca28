"""The project over HTTP, from nothing to an export, and every refusal as a sentence."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from peopleparse.data.gps import record_path
from peopleparse.data.gps_check import check_dataset
from peopleparse.structures import ParsedPeople
from peopleparse.studio.project import Project
from tests.studio.projects import HEIGHT, WIDTH, make_project, paint, person_at
from tests.studio.site import client as make_client
from tests.studio.site import make_studio

API = "/api/project"
ONE = f"{API}/photos/one"


def parse_two(image: Any) -> ParsedPeople:
    """Find a person at 4 and one at 40."""
    parsing = np.maximum(person_at(4), person_at(40))
    owners = np.where(person_at(4) > 0, 1, 2).astype(np.uint16) * (parsing > 0)
    return ParsedPeople.from_maps(parsing, owners.astype(np.uint16), [0.9, 0.8])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path, ["one.jpg", "two.jpg"], name="Street")


@pytest.fixture
def web(project: Project) -> TestClient:
    studio = make_studio(make_parser=lambda: parse_two)
    studio.project = project
    return make_client(studio)


def put_persons(web: TestClient, *persons: Any, revision: int = 0, **more: Any) -> Any:
    body = {"revision": revision, "persons": list(persons), **more}
    return web.put(f"{ONE}/persons", json=body)


def count(web: TestClient, *clicks: Any) -> list[str]:
    answer = put_persons(web, *[{"uid": None, "click": click} for click in clicks])
    assert answer.status_code == 200, answer.text
    return [person["uid"] for person in answer.json()["persons"]]


def save(web: TestClient, uid: str, labels: Any, revision: int = 0, **headers: str) -> Any:
    headers = {"If-Match": f'"{revision}"'} | {k.replace("_", "-"): v for k, v in headers.items()}
    data = labels if isinstance(labels, bytes) else labels.tobytes()
    return web.put(f"{ONE}/persons/{uid}/labels?annotator=Ann", content=data, headers=headers)


def refused(answer: Any, status: int, words: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert words in body["detail"] and body["detail"].endswith(".")
    return body


def test_without_a_project_every_address_says_so(project: Project) -> None:
    bare = make_client(make_studio())
    asked = [
        bare.get(API), bare.get(ONE), bare.get(f"{ONE}/lint"), bare.get(f"{API}/statistics"),
        bare.get(f"{ONE}/superpixels"), bare.get(f"{API}/export/gps"),
        bare.post(f"{API}/import/gps", content=b""), bare.get(f"{ONE}/persons/p/labels"),
    ]  # fmt: skip
    for answer in asked:
        refused(answer, 404, "project must be open to annotate, got none")


def test_the_project_and_its_photos(web: TestClient) -> None:
    found = web.get(API).json()
    assert (found["name"], found["scheme"], found["has_model"]) == ("Street", "gps", True)
    assert found["labels"][11] == {"id": 11, "name": "face", "color": "#ffcd94"}
    assert [photo["id"] for photo in found["photos"]] == ["one", "two"]
    assert found["photos"][0] | {"annotators": [], "fault": None} == {
        "id": "one", "name": "one", "state": "todo", "persons": 0, "done": 0, "width": WIDTH,
        "height": HEIGHT, "holder": None, "annotators": [], "fault": None,
    }  # fmt: skip
    assert found["read_only"] is False and found["notes"] == [] and found["annotators"] == []


def test_a_photo_from_counting_to_checked_and_out(web: TestClient, project: Project) -> None:
    photo = web.get(ONE).json()
    assert (photo["revision"], photo["state"], photo["persons"]) == (0, "todo", [])
    picture = web.get(photo["photo"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content == (project.folder / "images" / "one.jpg").read_bytes()

    left, right = count(web, [44, 20], [8, 20])[::1]
    persons = web.get(ONE).json()["persons"]
    assert [(p["uid"], p["index"], p["click"]) for p in persons] == [
        (left, 1, [8, 20]), (right, 2, [44, 20]),
    ]  # fmt: skip
    for uid, x in ((left, 4), (right, 40)):
        answer = save(web, uid, person_at(x))
        assert answer.status_code == 200 and answer.headers["etag"] == '"1"'
        assert set(answer.json()) >= {"revision", "area", "mask_sha256"}
        found = web.get(f"{ONE}/persons/{uid}/labels")
        assert found.content == person_at(x).tobytes() and found.headers["etag"] == '"1"'
        done = {"status": "done", "annotator": "Ann", "seconds": 33.5}
        assert web.post(f"{ONE}/persons/{uid}/status", json=done).json()["seconds"] == 33.5
    assert web.get(f"{ONE}/lint").json() == []
    review = web.post(f"{ONE}/review/{left}?annotator=Bob", content=person_at(5).tobytes()).json()
    assert review["agreement"]["parts"] == {"face": 7 / 9, "upper clothes": 7 / 9}
    assert web.get(f"{ONE}/review/{left}").json() == review
    assert web.get(f"{ONE}/review/{left}/labels").content == person_at(5).tobytes()
    for uid in (left, right):
        web.post(f"{ONE}/persons/{uid}/status", json={"status": "checked", "annotator": "Bob"})
    assert web.get(API).json()["photos"][0]["state"] == "checked"
    assert web.get(API).json()["annotators"] == ["Ann"]
    numbers = web.get(f"{API}/statistics").json()
    assert numbers["states"]["checked"] == 1 and numbers["agreement"]["reviews"] == 1
    assert check_dataset(project.folder) == []


def test_labels_travel_packed_both_ways(web: TestClient) -> None:
    (uid,) = count(web, [5, 5])
    labels = person_at(7)
    assert (
        save(web, uid, zlib.compress(labels.tobytes()), Content_Encoding="deflate").json()["area"]
        == (labels > 0).sum()
    )
    assert save(web, uid, gzip.compress(person_at(9).tobytes()), 1, Content_Encoding="gzip").json()[
        "revision"
    ] == 2  # fmt: skip
    packed = web.get(f"{ONE}/persons/{uid}/labels", headers={"accept-encoding": "gzip"})
    plain = web.get(f"{ONE}/persons/{uid}/labels", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and packed.content == plain.content
    assert "content-encoding" not in plain.headers and plain.content == person_at(9).tobytes()
    previous = web.get(f"{ONE}/persons/{uid}/previous")
    assert previous.content == labels.tobytes() and previous.headers["x-revision"] == "1"


@pytest.mark.parametrize(
    ("data", "headers", "status", "words"),
    [
        (b"abc", {}, 422, "labels must be 60 x 40 = 2400 bytes, one a pixel, got 3"),
        (bytes(2401), {}, 422, "got more"),
        (zlib.compress(bytes(10**8)), {"Content_Encoding": "deflate"}, 422, "got more"),
        (b"\x00\x01", {"Content_Encoding": "deflate"}, 422, "labels must be whole deflate data"),
        (zlib.compress(bytes(2400))[:-6], {"Content_Encoding": "deflate"}, 422, "ends too early"),
        (b"", {"Content_Encoding": "br"}, 415, "Content-Encoding must be deflate or gzip or none"),
        (b"\x14" * 2400, {}, 422, "label ids must be ids of scheme 'gps' or 255, got [20]"),
    ],
)
def test_bodies_that_are_no_labels_are_refused(
    web: TestClient, data: bytes, headers: Any, status: int, words: str
) -> None:
    (uid,) = count(web, [5, 5])
    refused(save(web, uid, data, **headers), status, words)
    assert web.get(ONE).json()["persons"][0]["revision"] == 0


def test_a_save_without_or_with_an_old_revision_is_refused(web: TestClient) -> None:
    (uid,) = count(web, [5, 5])
    for mark in (None, "3", "*", '"x"'):
        headers = {} if mark is None else {"If-Match": mark}
        answer = web.put(f"{ONE}/persons/{uid}/labels", content=b"", headers=headers)
        refused(answer, 428, "If-Match must be the revision that the labels were made from")
    save(web, uid, person_at(3))
    told = refused(save(web, uid, person_at(9)), 409, "Ann saved it at 20")
    assert told["revision"] == 1 and told["annotator"] == "Ann"
    assert web.get(f"{ONE}/persons/{uid}/labels").content == person_at(3).tobytes()
    told = refused(put_persons(web, revision=0), 409, "revision must be 1, got 0")
    assert told["revision"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", f"{API}/photos/none", None, 404, "photo must be one of the project's, got 'none'"),
        ("GET", f"{API}/photos/..%2Fone", None, 404, "must be"),
        ("GET", f"{ONE}/persons/p/labels", None, 404, "person must be one of the project's"),
        ("GET", f"{ONE}/review/p", None, 404, "person must be one of the project's"),
        ("POST", f"{ONE}/persons/p/status", {"status": "done"}, 404, "person must be one"),
        ("POST", f"{ONE}/persons/p/status", {"status": "ok"}, 422, "status must be one of todo"),
        ("POST", f"{ONE}/persons/p/status", {"status": "done", "seconds": -1}, 422, "seconds"),
        ("PUT", f"{ONE}/persons", {"revision": 0}, 422, "persons must be as described"),
        (
            "PUT", f"{ONE}/persons", {"revision": 0, "persons": [{"click": [99, 1]}]}, 422,
            "click must be [x, y] on the photo of 60 x 40",
        ),
        ("POST", f"{ONE}/presence", {"annotator": "Ann"}, 422, "client must be as described"),
        ("GET", f"{API}/export/word", None, 422, "'word'"),
        ("POST", f"{API}/import/coco", b"no zip", 422, ""),
    ],
)  # fmt: skip
def test_refusals_are_sentences(
    web: TestClient, method: str, path: str, body: Any, status: int, words: str
) -> None:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    refused(web.request(method, path, **({} if body is None else sent)), status, words)


def test_prefill_and_superpixels(web: TestClient) -> None:
    left, far = count(web, [6, 20], [25, 20])
    found = web.post(f"{ONE}/persons/{left}/prefill")
    assert found.content == person_at(4).tobytes()
    assert (found.headers["x-contained"], found.headers["x-loss"]) == ("yes", "")
    refused(web.post(f"{ONE}/persons/{far}/prefill"), 404, "Paint the person by hand")
    answer = web.get(f"{ONE}/superpixels")
    pieces = np.frombuffer(answer.content, "<u4").reshape(HEIGHT, WIDTH)
    assert sorted(set(pieces.ravel().tolist())) == list(range(int(answer.headers["x-count"])))


def test_without_a_model_prefill_says_so(project: Project) -> None:
    studio = make_studio(make_parser=None)
    studio.project = project
    web = make_client(studio)
    assert web.get(API).json()["has_model"] is False
    (uid,) = count(web, [6, 20])
    refused(web.post(f"{ONE}/persons/{uid}/prefill"), 503, "studio must have a model")


def test_photos_that_cannot_be_used_open_with_their_faults(
    web: TestClient, project: Project
) -> None:
    (uid,) = count(web, [6, 20])
    path = project.folder / "images" / "one.jpg"
    Image.new("RGB", (9, 9)).save(path)
    assert "photo must be 60 x 40" in web.get(ONE).json()["faults"][0]
    refused(web.get(f"{ONE}/superpixels"), 422, "photo must be 60 x 40")
    path.unlink()
    refused(web.get(f"{ONE}/photo"), 404, "image must be a file, got none")
    refused(web.get(f"{ONE}/superpixels"), 422, "photo must be an existing file")
    (project.folder / "annotations" / "one" / "one_01_01.png").write_bytes(b"?")
    assert len(web.get(ONE).json()["faults"]) == 2
    refused(web.get(f"{ONE}/persons/{uid}/labels"), 422, "label map must be a PNG file")
    record_path(project.folder, "one").write_text("{")
    photo = web.get(ONE).json()
    assert photo["read_only"] and "annotation must be JSON" in photo["faults"][0]
    assert "annotation must be JSON" in web.get(API).json()["photos"][0]["fault"]
    refused(put_persons(web), 422, "annotation must be JSON")


def test_a_read_only_project_says_so(web: TestClient, project: Project) -> None:
    (uid,) = count(web, [6, 20])
    project.read_only = project.store.read_only = True
    assert web.get(API).json()["read_only"] and web.get(ONE).json()["read_only"]
    for answer in (
        save(web, uid, person_at(3)),
        put_persons(web, revision=1),
        web.post(f"{ONE}/persons/{uid}/status", json={"status": "doing"}),
        web.post(f"{ONE}/review/{uid}?annotator=Bob", content=person_at(3).tobytes()),
        web.post(f"{API}/import/gps", content=b""),
    ):
        refused(answer, 403, "got one open for reading only")


def test_two_people_on_one_photo(web: TestClient) -> None:
    def call(who: str, **more: Any) -> Any:
        body = {"annotator": who, "client": who.lower(), **more}
        return web.post(f"{ONE}/presence", json=body).json()["holder"]

    assert call("Ann")["client"] == "ann"
    assert call("Bob")["annotator"] == "Ann"
    assert web.get(ONE).json()["holder"]["client"] == "ann"
    assert web.get(API).json()["photos"][0]["holder"]["annotator"] == "Ann"
    assert call("Bob", take=True)["client"] == "bob"
    assert call("Ann")["client"] == "bob"
    assert call("Bob", leave=True) is None
    refused(
        web.post(f"{API}/photos/none/presence", json={"client": "c"}), 404, "photo must be one of"
    )


def test_overlap_is_allowed_by_the_list(web: TestClient) -> None:
    first, second = count(web, [6, 20], [10, 20])
    save(web, first, person_at(4))
    save(web, second, person_at(8))
    (remark,) = [r for r in web.get(f"{ONE}/lint").json() if r["code"] == "overlap"]
    assert remark["severity"] == "error" and remark["box"] == [8, 4, 12, 30]
    persons = [{"uid": first, "click": [6, 20], "occluded": True}]
    persons.append({"uid": second, "click": [10, 20], "occluded": False})
    photo = put_persons(web, *persons, revision=1, allow_overlap=True).json()
    assert photo["allow_overlap"] and photo["overlaps"] == [{"a": 1, "b": 2, "pixels": 104}]
    assert [p["occluded"] for p in photo["persons"]] == [True, False]
    (remark,) = [r for r in web.get(f"{ONE}/lint").json() if r["code"] == "overlap"]
    assert remark["severity"] == "warning"


@pytest.mark.parametrize("form", ["gps", "coco"])
def test_out_and_in_again(web: TestClient, project: Project, tmp_path: Path, form: str) -> None:
    first, second = count(web, [6, 20], [44, 20])
    save(web, first, person_at(4))
    save(web, second, person_at(40))
    sent = web.get(f"{API}/export/{form}")
    assert sent.headers["content-type"] == "application/zip"
    assert f"Street-{form}.zip" in sent.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(sent.content)) as archive:
        assert archive.testzip() is None
    save(web, first, paint((0, 0, 9, 9, 4)), 1)
    report = web.post(f"{API}/import/{form}", content=sent.content)
    assert report.status_code == 200, report.text
    assert web.get(f"{ONE}/persons/{first}/labels").content == person_at(4).tobytes()
    assert web.get(ONE).json()["persons"][0]["revision"] == 3
    assert check_dataset(project.folder) == []
    refused(web.post(f"{API}/import/word", content=b""), 422, "'word'")


def test_a_body_that_is_too_large_is_refused(
    web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uid,) = count(web, [6, 20])
    monkeypatch.setattr("peopleparse.studio.label_bytes.MAX_BYTES", 1000)
    monkeypatch.setattr("peopleparse.studio.label_bytes.MAX_ARCHIVE", 1000)
    refused(save(web, uid, bytes(2400)), 413, "body must have at most 0 MiB, got more")
    refused(web.post(f"{API}/import/gps", content=bytes(2400)), 413, "body must have at most")


def test_odd_names_of_photos_are_addresses(tmp_path: Path) -> None:
    studio = make_studio()
    studio.project = make_project(tmp_path, ["a.b c-d.jpg", "äö.png"], name="<b>&\"'")
    web = make_client(studio)
    found = web.get(API).json()
    assert found["name"] == "<b>&\"'"
    for photo in found["photos"]:
        shown = web.get(f"{API}/photos/{photo['id']}").json()
        assert web.get(shown["photo"]).status_code == 200
    sent = web.get(f"{API}/export/gps")
    assert "b-" in sent.headers["content-disposition"]
