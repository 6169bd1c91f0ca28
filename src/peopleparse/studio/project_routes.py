"""The project over HTTP: /api/project and what is below it."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from peopleparse.errors import DataError, InputError, SchemeError
from peopleparse.inference import read_image
from peopleparse.studio.label_bytes import inflate, pack, read_body, save_body
from peopleparse.studio.lint import lint_photo
from peopleparse.studio.person_list import put_persons
from peopleparse.studio.person_masks import size_of
from peopleparse.studio.prefill import prefill_person
from peopleparse.studio.project import Project
from peopleparse.studio.project_statistics import measure_project
from peopleparse.studio.review import find_review, read_review_labels, save_review
from peopleparse.studio.session import Studio, get_studio
from peopleparse.web.problems import Problem

PREFIX = "/api/project"
_NAME = 200  # letters of an annotator or a client
_REVISION = re.compile(r'(?:W/)?"(\d{1,12})"')

router = APIRouter(prefix=PREFIX)
TheStudio = Annotated[Studio, Depends(get_studio)]
Annotator = Annotated[str | None, Query(max_length=_NAME)]
Body = Annotated[bytes, Depends(read_body)]


def get_project(studio: TheStudio) -> Project:
    """Return the project that is open.

    Raises:
        Problem: there is none (404).
    """
    if studio.project is None:
        raise Problem(
            404,
            "no-project",
            "project must be open to annotate, got none. "
            "Start the studio with the folder of a project: peopleparse studio FOLDER.",
        )
    found: Project = studio.project
    return found


Open = Annotated[Project, Depends(get_project)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class PersonBody(_Body):
    """One person of the list; uid None for a new one."""

    uid: str | None = None
    click: tuple[float, float]
    occluded: bool | None = None
    truncated: bool | None = None


class PersonsBody(_Body):
    """Who is in a photo, made from a revision of the list."""

    revision: int
    persons: list[PersonBody]
    allow_overlap: bool | None = None
    annotator: str | None = Field(None, max_length=_NAME)


class StatusBody(_Body):
    """How far a person is; seconds are all that were spent on it so far."""

    status: str
    annotator: str | None = Field(None, max_length=_NAME)
    seconds: float | None = Field(None, ge=0, le=1e7, allow_inf_nan=False)


class PresenceBody(_Body):
    """A page that has a photo open."""

    annotator: str = Field("", max_length=_NAME)
    client: str = Field(min_length=1, max_length=_NAME)
    take: bool = False
    leave: bool = False


@router.get("")
def show_project(project: Open, studio: TheStudio) -> dict[str, Any]:
    """Return the project with the list of its photos."""
    photos = project.photos()
    labels = [
        {"id": i.id, "name": i.name, "color": "#{:02x}{:02x}{:02x}".format(*i.color)}
        for i in project.scheme.labels
    ]
    return {
        "name": project.name,
        "scheme": project.scheme.name,
        "labels": labels,
        "photos": photos,
        "annotators": sorted({name for photo in photos for name in photo["annotators"]}),
        "has_model": studio.has_model,
        "read_only": project.read_only,
        "allow_overlap": project.allow_overlap,
        "notes": project.notes,
    }


@router.get("/statistics")
def show_statistics(project: Open) -> dict[str, Any]:
    """Return the numbers of the statistics page."""
    return measure_project(project)


@router.get("/photos/{photo_id}")
def show_photo(photo_id: str, project: Open) -> dict[str, Any]:
    """Return a photo with its persons."""
    return _describe(project, project.store.photo(photo_id))


def _describe(project: Project, photo: dict[str, Any]) -> dict[str, Any]:
    url = f"{PREFIX}/photos/{quote(photo['id'], safe='')}/photo"
    return photo | {"photo": url, "holder": project.presence.holder(photo["id"])}


@router.get("/photos/{photo_id}/photo")
def send_photo(photo_id: str, project: Open) -> FileResponse:
    """Send the picture."""
    path = project.store.photo_file(photo_id)
    if not path.is_file():
        raise Problem(404, "no-photo", project.store.faults(photo_id)[0])
    kind = "image/png" if path.suffix.lower() == ".png" else "image/jpeg"
    return FileResponse(path, media_type=kind, headers={"cache-control": "no-cache"})


@router.put("/photos/{photo_id}/persons")
def set_persons(photo_id: str, body: PersonsBody, project: Open) -> dict[str, Any]:
    """Set who is in a photo; they are numbered left to right."""
    persons = [
        {"uid": person.uid, "click": list(person.click)}
        | person.model_dump(include={"occluded", "truncated"}, exclude_unset=True)
        for person in body.persons
    ]
    photo = put_persons(
        project.store, photo_id, body.revision, persons, body.allow_overlap, body.annotator
    )
    return _describe(project, photo)


@router.get("/photos/{photo_id}/persons/{uid}/labels")
def send_labels(photo_id: str, uid: str, request: Request, project: Open) -> Response:
    """Send a person's label ids, row by row."""
    labels, revision = project.store.read_labels(photo_id, uid)
    return pack(request, labels.tobytes(), {"etag": f'"{revision}"'})


@router.put("/photos/{photo_id}/persons/{uid}/labels")
def save_labels(
    photo_id: str,
    uid: str,
    request: Request,
    body: Body,
    project: Open,
    if_match: Annotated[str | None, Header()] = None,
    annotator: Annotator = None,
    seconds: Annotated[float | None, Query(ge=0, le=1e7, allow_inf_nan=False)] = None,
) -> Response:
    """Save a person's label ids, made from the revision of If-Match."""
    found = _REVISION.fullmatch(if_match or "")
    if found is None:
        raise Problem(
            428,
            "no-revision",
            f"If-Match must be the revision that the labels were made from, in quotes, got "
            f"{if_match!r}. Load the person again.",
        )
    labels = _read_labels(project, photo_id, request, body)
    saved = project.store.save_labels(photo_id, uid, labels, int(found[1]), annotator, seconds)
    return JSONResponse(saved, headers={"etag": f'"{saved["revision"]}"'})


@router.get("/photos/{photo_id}/persons/{uid}/previous")
def send_previous(photo_id: str, uid: str, request: Request, project: Open) -> Response:
    """Send the label ids before the last save."""
    labels, revision = project.store.read_previous(photo_id, uid)
    return pack(request, labels.tobytes(), {"x-revision": str(revision)})


@router.post("/photos/{photo_id}/persons/{uid}/status")
def set_status(photo_id: str, uid: str, body: StatusBody, project: Open) -> dict[str, Any]:
    """Set how far a person is."""
    store = project.store
    return store.set_status(photo_id, uid, body.status, body.annotator, body.seconds)


@router.post("/photos/{photo_id}/persons/{uid}/prefill")
def prefill(
    photo_id: str, uid: str, request: Request, project: Open, studio: TheStudio
) -> Response:
    """Send the model's own prediction for a person; nothing is saved."""
    found = prefill_person(project.store, photo_id, uid, studio.parse, project.predictions)
    headers = {
        "x-score": f"{found.score:.4f}",
        "x-contained": "yes" if found.contained else "no",
        "x-loss": found.loss.encode("ascii", "replace").decode(),
    }
    return pack(request, found.labels.tobytes(), headers)


@router.get("/photos/{photo_id}/superpixels")
def send_superpixels(photo_id: str, request: Request, project: Open) -> Response:
    """Send the number of each pixel's piece of the photo, uint32 little-endian, row by row."""
    record = project.store.record(photo_id)
    try:
        image = read_image(project.store.photo_file(photo_id))
    except InputError as error:
        raise Problem(422, "unusable-file", str(error)) from error
    if image.shape[:2] != size_of(record):
        raise Problem(422, "unusable-file", project.store.faults(photo_id)[0])
    pieces, count = project.superpixels.get(record["image"]["sha256"], image)
    return pack(request, pieces.astype("<u4").tobytes(), {"x-count": str(count)})


@router.get("/photos/{photo_id}/lint")
def lint(photo_id: str, project: Open) -> list[dict[str, Any]]:
    """Return what is likely wrong."""
    return [remark.to_dict() for remark in lint_photo(project.store, photo_id)]


@router.post("/photos/{photo_id}/presence")
def call_presence(photo_id: str, body: PresenceBody, project: Open) -> dict[str, Any]:
    """Return who holds a photo: the page that calls, or one that came first."""
    project.store.check_photo(photo_id)
    holder = project.presence.call(
        photo_id, body.annotator, body.client, take=body.take, leave=body.leave
    )
    return {"holder": holder}


@router.post("/photos/{photo_id}/review/{uid}")
def review(
    photo_id: str, uid: str, request: Request, body: Body, project: Open, annotator: Annotator = ""
) -> dict[str, Any]:
    """Keep a second person's label ids and return how far they agree with the first's."""
    labels = _read_labels(project, photo_id, request, body)
    return save_review(project.store, photo_id, uid, labels, annotator or "")


@router.get("/photos/{photo_id}/review/{uid}")
def show_review(photo_id: str, uid: str, project: Open) -> dict[str, Any]:
    """Return the last review of a person."""
    return find_review(project.store, photo_id, uid)


@router.get("/photos/{photo_id}/review/{uid}/labels")
def send_review(photo_id: str, uid: str, request: Request, project: Open) -> Response:
    """Send the second person's label ids."""
    return pack(request, read_review_labels(project.store, photo_id, uid).tobytes(), {})


@router.get("/export/{form}")
def export(form: str, project: Open) -> FileResponse:
    """Send the project in another form, as a zip archive with a report of what was lost."""
    from peopleparse.studio.exchange import export_project

    folder = Path(tempfile.mkdtemp(prefix="peopleparse-"))
    try:
        name = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', project.name)[:80] or 'project'}-{form}.zip"
        _refuse_plainly(lambda: export_project(project, form, folder / name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    cleaner = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(
        folder / name, media_type="application/zip", filename=name, background=cleaner
    )


@router.post("/import/{form}")
def import_archive(
    form: str, archive: Annotated[Path, Depends(save_body)], project: Open
) -> dict[str, Any]:
    """Take persons over from a zip archive of another form and return the report."""
    from peopleparse.studio.exchange import import_into

    project.store.check_writable()
    found: dict[str, Any] = _refuse_plainly(lambda: import_into(project, form, archive)).to_dict()
    return found


def _refuse_plainly(work: Any) -> Any:
    """Do a piece of work; what it cannot do with what was given is a refusal (422)."""
    try:
        return work()
    except (InputError, DataError, SchemeError) as error:
        raise Problem(422, "exchange-failed", str(error)) from error


def _read_labels(
    project: Project, photo_id: str, request: Request, body: bytes
) -> NDArray[np.uint8]:
    """Return the labels of a request, (H, W) uint8.

    Raises:
        Problem: they are not as many as the photo has pixels (422).
    """
    height, width = size_of(project.store.record(photo_id))
    data = inflate(request, body, height * width)
    if len(data) != height * width:
        got = f"{len(data)}" if len(data) < height * width else "more"
        raise Problem(
            422,
            "bad-labels",
            f"labels must be {width} x {height} = {height * width} bytes, one a pixel, got {got}, "
            f"at photo '{photo_id}'. Load the photo again.",
        )
    return np.frombuffer(data, np.uint8).reshape(height, width)
