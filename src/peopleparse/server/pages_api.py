"""The page that tells programs' authors which routes there are."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from peopleparse.server.api import make_document
from peopleparse.server.deps import viewer_of
from peopleparse.server.pages_common import render

router = APIRouter(include_in_schema=False)
_METHODS = ("get", "post", "put", "patch", "delete")


@router.get("/api")
def show_api(request: Request) -> HTMLResponse:
    """Show every route of the API, as its OpenAPI document has them."""
    viewer_of(request)
    base = str(request.base_url).rstrip("/")
    return render(request, "api.html", routes=list_routes(make_document(request.app)), base=base)


def list_routes(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return method, path, words and parameters of each route of an OpenAPI document."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": route.get("description") or route.get("summary") or "",
            "parameters": route.get("parameters", []),
            "body": sorted(route.get("requestBody", {}).get("content", {})),
        }
        for path, methods in document.get("paths", {}).items()
        for method, route in methods.items()
        if method in _METHODS
    ]
