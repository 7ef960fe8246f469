"""Health, metrics, and what is answered while MongoDB is away."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient

from config_api.blocking import MAX_QUERIES
from config_api.main import _route_table, create_app
from shared.secret import Secret
from shared.settings import Settings
from tests.integration.config_api.documents import Api, connection_body, problem_of, wait_until_prepared
from tests.tcp_proxy import Direction, TcpProxy


async def test_the_root_says_what_this_is(client: httpx2.AsyncClient) -> None:
    answer = (await client.get("/")).json()
    assert answer["service"] == "config-api"
    assert answer["links"]["connections"] == "/api/v1/connections/"


async def test_a_sound_service_is_healthy_alive_and_ready(client: httpx2.AsyncClient) -> None:
    health = await client.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "healthy"
    assert health.json()["environment"] == "development"
    assert health.json()["checks"]["mongodb"]["status"] == "ok"
    assert (await client.get("/health/live")).json() == {"status": "alive"}
    assert (await client.get("/health/ready/")).json() == {"status": "ready"}


async def test_the_documentation_needs_no_other_host(client: httpx2.AsyncClient) -> None:
    for path in ("/docs", "/docs/"):
        page = await client.get(path)
        assert page.status_code == 200
        assert "://" not in page.text.replace("window.location.protocol + '//'", "")
    for file in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert (await client.get(file)).status_code == 200


async def test_requests_are_counted_by_route_template(api: Api) -> None:
    made = await api.make_schema()
    for _ in range(3):
        await api.get(f"/schemas/{made['id']}")
    await api.client.get("/no/such/path")
    answer = await api.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    template = re.escape('method="GET",route="/api/v1/schemas/{schema_id}",status="200"')
    assert re.search(rf"http_requests_total{{{template}}} 3\.0", answer.text)
    assert 'route="unmatched",status="404"' in answer.text
    assert made["id"] not in answer.text


async def test_labels_are_bounded_whatever_is_asked(api: Api, app: FastAPI) -> None:
    """Every label is of the routes, methods and statuses that there are; what is asked adds none."""
    known = {route for _, route in _route_table(app.state.services.settings).operations()}
    for number in range(50):
        await api.client.get(f"/no/such/{number}")
        await api.client.get(f"/api/v1/schemas/{number:024x}", params={"x": number})
        await api.client.get(f"/api/v1/schemas/{number:024x}/", headers={"X-Tenant-ID": f"t{number}"})
        await api.client.request(f"METHOD{number}", "/api/v1/schemas/")
        await api.client.request("PROPFIND", f"/{number}")
    found = [
        sample.labels
        for metric in text_string_to_metric_families((await api.client.get("/metrics")).text)
        for sample in metric.samples
    ]
    assert {one["route"] for one in found if "route" in one} <= known | {"unmatched", "web_ui"}
    methods = {one["method"] for one in found if "method" in one}
    assert methods <= {*("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"), "OTHER"}
    assert {name for one in found for name in one} <= {"method", "route", "status", "le", "pool"}
    assert {one["pool"] for one in found if "pool" in one} == {"connection_tests", "queries", "event_streams"}
    assert len(found) < 200


async def test_pools_show_what_is_taken_of_them(
    api: Api, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, end = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        end.wait(20)

    work = asyncio.create_task(app.state.services.blocking.run_query(wait))
    await asyncio.to_thread(began.wait, 20)
    text = (await api.client.get("/metrics")).text
    end.set()
    await work
    assert 'etl_pool_used{pool="queries"} 1.0' in text
    assert 'etl_pool_used{pool="connection_tests"} 0.0' in text
    assert f'etl_pool_size{{pool="queries"}} {float(MAX_QUERIES)}' in text
    assert 'etl_pool_used{pool="queries"} 0.0' in (await api.client.get("/metrics")).text


@pytest.fixture
def proxy(mongodb_url: str) -> Iterator[TcpProxy]:
    with MongoClient[dict[str, object]](mongodb_url) as client:
        address = client.primary or client.address
        deadline = time.monotonic() + 10
        while address is None and time.monotonic() < deadline:
            client.admin.command("ping")
            address = client.primary
        assert address is not None
        host, port = address
    with TcpProxy(host, port) as proxy:
        yield proxy


@pytest.fixture
async def far_client(settings: Settings, proxy: TcpProxy) -> AsyncIterator[httpx2.AsyncClient]:
    url = Secret(f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true")
    app = create_app(settings.model_copy(update={"mongodb_url": url}))
    async with app.router.lifespan_context(app):
        await wait_until_prepared(app)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
            yield client


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_without_mongodb_every_answer_is_a_quick_problem(
    far_client: httpx2.AsyncClient, proxy: TcpProxy, how: str
) -> None:
    body = connection_body()
    assert (await far_client.post("/api/v1/connections/", json=body)).status_code == 201
    if how == "refused":
        proxy.refuse()
    else:
        proxy.silence(*Direction)
    started = time.monotonic()
    for answer in (
        await far_client.get("/api/v1/connections/"),
        await far_client.post("/api/v1/connections/", json=body),
    ):
        problem = problem_of(answer, 503)
        assert problem["code"] == "store_unavailable"
        assert "127.0.0.1" not in answer.text
        assert answer.headers["retry-after"]
    health = await far_client.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
    assert (await far_client.get("/health/ready")).status_code == 503
    assert (await far_client.get("/health/live")).status_code == 200
    assert time.monotonic() - started < 20
    proxy.heal()
    deadline = time.monotonic() + 15
    while (await far_client.get("/health")).status_code != 200:
        assert time.monotonic() < deadline
    assert len((await far_client.get("/api/v1/connections/")).json()) == 1
