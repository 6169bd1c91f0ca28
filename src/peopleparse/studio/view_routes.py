"""Looking at results: lists, layers, photos, parsing and downloads, below /api."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from peopleparse import __version__
from peopleparse.labels import Scheme
from peopleparse.studio.downloads import KINDS, make_download
from peopleparse.studio.items import Item
from peopleparse.studio.photo_bytes import FORMATS, MAX_PIXELS
from peopleparse.studio.session import Studio, get_studio
from peopleparse.studio.shown import Shown
from peopleparse.studio.static_files import send_bytes
from peopleparse.web.problems import Problem

router = APIRouter(prefix="/api")
Here = Annotated[Studio, Depends(get_studio)]


@router.get("/studio")
def get_facts(studio: Here) -> dict[str, Any]:
    """Answer with what this studio can do."""
    return {
        "version": __version__, "has_model": studio.has_model,
        "has_project": studio.project is not None, "max_bytes": studio.max_bytes,
        "max_pixels": MAX_PIXELS, "formats": FORMATS, "downloads": list(KINDS),
    }  # fmt: skip


@router.get("/items")
def get_items(studio: Here) -> list[dict[str, Any]]:
    """Answer with all items; sizes and persons are null where nobody looked yet."""
    return [item.summary() for item in studio.items]


@router.get("/items/{item_id}")
def get_item(studio: Here, item_id: str) -> dict[str, Any]:
    """Answer with one item; a photo that was not parsed is parsed."""
    item = studio.items.find(item_id)
    return _describe(studio, item, studio.items.show(item))


@router.post("/parse", status_code=201)
async def parse(request: Request, studio: Here, name: str = "photo") -> JSONResponse:
    """Take a photo's bytes, parse it and answer with the new item."""
    data = await request.body()
    item, dropped = await run_in_threadpool(studio.add_upload, data, name)
    shown = await run_in_threadpool(studio.items.show, item)
    body = _describe(studio, item, shown) | {"dropped": dropped}
    return JSONResponse(body, 201)


@router.get("/items/{item_id}/photo")
def get_photo(request: Request, studio: Here, item_id: str) -> Response:
    """Answer with the photo, upright."""
    photo = studio.items.show(studio.items.find(item_id)).photo
    if photo is None:
        raise Problem(404, "no-photo", "result must have its photo beside it, got none.")
    return send_bytes(request, photo.data, photo.media_type)


@router.get("/items/{item_id}/layers/{number}.png")
def get_layer(request: Request, studio: Here, item_id: str, number: int) -> Response:
    """Answer with a layer."""
    data = studio.items.show(studio.items.find(item_id)).encode(number)
    if data is None:
        raise Problem(404, "no-layer", "layer must be one of the result's, got another.")
    return send_bytes(request, data, "image/png")


@router.get("/items/{item_id}/download/{kind}")
def get_download(studio: Here, item_id: str, kind: str) -> Response:
    """Answer with a file to save."""
    item = studio.items.find(item_id)
    data, media_type, name = make_download(kind, studio.items.show(item), item.name)
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(data, media_type=media_type, headers={"content-disposition": disposition})


def _describe(studio: Studio, item: Item, shown: Shown) -> dict[str, Any]:
    path = f"{router.prefix}/items/{item.id}"
    return item.summary() | {
        "scheme": shown.scheme.name,
        "labels": describe_labels(shown.scheme),
        "persons": shown.describe_people(),
        "layers": [f"{path}/layers/{number}.png" for number in range(len(shown.results))],
        "photo": None if shown.photo is None else f"{path}/photo",
        "same_photo": studio.items.same_photo(item),
    }


def describe_labels(scheme: Scheme) -> list[dict[str, Any]]:
    """Return a scheme's labels as the page reads them."""
    return [
        {"id": label.id, "name": label.name, "color": "#{:02x}{:02x}{:02x}".format(*label.color)}
        for label in scheme.labels
    ]
