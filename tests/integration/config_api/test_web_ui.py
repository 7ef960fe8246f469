"""The built web UI from the config API: pages for browsers, files for pages, and the API as it was."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from config_api.main import create_app
from shared.settings import Settings
from tests.integration.config_api.documents import PREFIX, Api, problem_of, wait_until_prepared

PAGE = '<meta name="style-nonce" content="{{style-nonce}}"><meta name="api" content="{{api-prefix}}">'
SCRIPT = "console.log('x');" * 100
NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture
def ui_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / ".vite").mkdir()
    (folder / "index.html").write_text(PAGE)
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "index-4f1c.js").write_text(SCRIPT)
    (folder / ".vite" / "manifest.json").write_text("{}")
    (folder / "link.js").symlink_to("/etc/hostname")
    return folder


@pytest.fixture
def app(settings: Settings, ui_dir: Path) -> FastAPI:
    return create_app(settings.model_copy(update={"ui_dir": ui_dir}))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with app.router.lifespan_context(app):
        await wait_until_prepared(app)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as client:
            yield client


@pytest.mark.parametrize("path", ["/", "/index.html", "/mappings/new?tab=fields", "/runs", "/nothing/here"])
async def test_a_browser_gets_the_page_whatever_it_opens(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=NAVIGATION)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert f'content="{PREFIX}"' in answer.text


async def test_each_page_carries_a_nonce_of_its_own_for_its_styles(client: httpx2.AsyncClient) -> None:
    seen = set()
    for _ in range(2):
        answer = await client.get("/", headers=NAVIGATION)
        nonce = answer.text.split('content="')[1].split('"')[0]
        policy = answer.headers["content-security-policy"]
        assert f"style-src 'self' 'nonce-{nonce}'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        seen.add(nonce)
    assert len(seen) == 2
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_file_with_a_hash_in_its_name_is_good_for_ever(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/assets/index-4f1c.js")
    assert (answer.status_code, answer.text) == (200, SCRIPT)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"


async def test_any_other_file_is_asked_for_again_and_not_sent_twice(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/favicon.svg")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    known = {"If-None-Match": f'W/"other", {answer.headers["etag"]}'}
    again = await client.get("/favicon.svg", headers=known)
    assert (again.status_code, again.content) == (304, b"")


async def test_head_is_get_without_its_body(client: httpx2.AsyncClient) -> None:
    answer = await client.head("/favicon.svg")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "6")


@pytest.mark.parametrize(
    "path", ["/.vite/manifest.json", "/link.js", "/../settings.py", "/assets/gone-0000.js"]
)
async def test_what_is_not_of_the_ui_is_not_served(client: httpx2.AsyncClient, path: str) -> None:
    assert problem_of(await client.get(path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PREFIX}/nothing", 404),
        (f"{PREFIX}/connections/0123", 404),
        ("/assets/gone-0000.js", 404),
        ("/docs-files/gone.js", 404),
    ],
)
async def test_an_address_of_the_api_stays_its_own_in_a_browser_too(
    client: httpx2.AsyncClient, path: str, status: int
) -> None:
    problem_of(await client.get(path, headers=NAVIGATION), status)


@pytest.mark.parametrize("path", ["/health", "/metrics", "/docs", "/openapi.json", f"{PREFIX}/runs/"])
async def test_the_api_answers_a_browser_as_before(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=NAVIGATION)
    assert answer.status_code == 200
    assert "style-nonce" not in answer.text


async def test_the_root_tells_scripts_what_the_service_is(client: httpx2.AsyncClient) -> None:
    for headers in ({}, {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}):
        assert (await client.get("/", headers=headers)).json()["service"] == "config-api"


async def test_only_asking_gets_the_page(client: httpx2.AsyncClient) -> None:
    assert problem_of(await client.post("/runs", headers=NAVIGATION), 404)["code"] == "not_found"


async def test_the_document_does_not_know_of_it(client: httpx2.AsyncClient, settings: Settings) -> None:
    assert (await client.get("/openapi.json")).json() == create_app(settings).openapi()


async def test_its_files_are_counted_as_one_route(api: Api) -> None:
    await api.client.get("/assets/index-4f1c.js")
    await api.client.get("/anything", headers=NAVIGATION)
    assert 'route="web_ui"' in (await api.client.get("/metrics")).text
