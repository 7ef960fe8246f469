"""The built web UI: its files, and its one page for whatever address a browser opens."""

import hashlib
import mimetypes
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from config_api.middleware import SERVED_AS, without_body
from config_api.route_table import RouteTable

PAGE = "/index.html"
ROUTE = "web_ui"
# The build puts a hash of the content into the names here, so what was fetched once is good for ever.
HASHED = "/assets/"
# What the page is given when it is answered.
NONCE_MARK = b"{{style-nonce}}"
PREFIX_MARK = b"{{api-prefix}}"
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
# Components write style elements while the page runs, and carry the page's nonce; no script stands in the page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class WebFile:
    """A file of the UI as it is answered."""

    content: bytes
    media_type: str
    etag: str
    cache_control: str


class WebFiles:
    """The files of a built UI, read once: what was not there at the start is not served."""

    def __init__(self, folder: Path, api_prefix: str) -> None:
        self._files = dict(_read_files(folder))
        self._page = self._files.pop(PAGE).content.replace(PREFIX_MARK, api_prefix.encode())

    def find(self, path: str) -> WebFile | None:
        return self._files.get(path)

    def page(self, nonce: str) -> bytes:
        """Return the UI's page with a nonce for the styles that it makes."""
        return self._page.replace(NONCE_MARK, nonce.encode())


def _read_files(folder: Path) -> Iterator[tuple[str, WebFile]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_file() or path.is_symlink() or any(part.startswith(".") for part in inside.parts):
            continue
        name, content = f"/{inside.as_posix()}", path.read_bytes()
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
        yield name, WebFile(content, media_type, etag, _FOR_EVER if name.startswith(HASHED) else _ASK_AGAIN)


class WebUi:
    """Answers what belongs to the UI. What the API knows, or could only say no to, goes on to the API."""

    def __init__(
        self, app: ASGIApp, *, files: WebFiles, routes: RouteTable, api_places: tuple[str, ...]
    ) -> None:
        self._app = app
        self._files = files
        self._routes = routes
        self._api_places = (HASHED, *(f"{place}/" for place in api_places))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = (
            self._answer(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        )
        if answer is None:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})[SERVED_AS] = ROUTE
        await answer(scope, receive, without_body(send) if scope["method"] == "HEAD" else send)

    def _answer(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if file := self._files.find(scope["path"]):
            return _file_answer(file, headers)
        if is_navigation(headers) and not self._belongs_to_api(scope["path"]):
            return self._page_answer()
        return None

    def _belongs_to_api(self, path: str) -> bool:
        # At the root both answer: browsers the page, everybody else the service's description.
        if path in ("/", PAGE):
            return False
        return f"{path}/".startswith(self._api_places) or self._routes.find(path) is not None

    def _page_answer(self) -> Response:
        nonce = secrets.token_urlsafe(16)
        headers = {
            **_SAFETY,
            "Content-Security-Policy": _POLICY.format(nonce=nonce),
            "Cache-Control": _ASK_AGAIN,
            "Vary": "Accept, Sec-Fetch-Mode",
        }
        return Response(self._files.page(nonce), media_type="text/html", headers=headers)


def is_navigation(headers: Headers) -> bool:
    """Whether a browser opens an address, rather than a page or a script asking for something."""
    mode = headers.get("sec-fetch-mode", "navigate")
    return mode == "navigate" and "text/html" in headers.get("accept", "")


def _file_answer(file: WebFile, headers: Headers) -> Response:
    marks = {**_SAFETY, "Cache-Control": file.cache_control, "ETag": file.etag}
    if file.etag in (tag.strip() for tag in headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=marks)
    return Response(file.content, media_type=file.media_type, headers=marks)
