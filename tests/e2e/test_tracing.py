"""Spans from a request to its run's commit, as a collector receives them from real processes."""

import base64
import re
import zlib
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from local_servers.api_client import ApiClient, Json
from local_servers.installation import Installation
from tests.chaos.waiting import until
from tests.conftest import DatabaseFactory
from tests.e2e.conftest import StartInstallation
from tests.integration.executor.receivers import Posted, WebReceiver, web_receiver

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALUE, SEARCHED = "row-value-canary", "searched-canary"
HEADER = "collector-canary"
COLUMNS = [{"name": "id", "data_type": "integer"}, {"name": "text", "data_type": "string"}]
RUN_REQUEST, SEARCH_REQUEST = "POST /api/v1/mappings/{mapping_id}/run", "GET /api/v1/schemas/"
PHASES = {"plan", "extract", "load", "commit"}


@dataclass(frozen=True)
class Received:
    service: str
    span: Span

    @property
    def name(self) -> str:
        return self.span.name

    def attribute(self, name: str) -> object:
        found = [one.value for one in self.span.attributes if one.key == name]
        return getattr(found[0], found[0].WhichOneof("value")) if found else None


def body_of(posted: Posted) -> bytes:
    packed = posted.headers.get("content-encoding") == "gzip"
    return zlib.decompress(posted.body, 31) if packed else posted.body


def received_by(receiver: WebReceiver) -> list[Received]:
    found = []
    for posted in list(receiver.posted):
        assert posted.path == "/v1/traces"
        assert posted.headers["x-key"] == HEADER
        for resource in ExportTraceServiceRequest.FromString(body_of(posted)).resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            spans = (span for scope in resource.scope_spans for span in scope.spans)
            found += [Received(names["service.name"], span) for span in spans]
    return found


def start(start_installation: StartInstallation, receiver: WebReceiver, **settings: str) -> Installation:
    endpoint = f"http://127.0.0.1:{receiver.port}"
    installation = start_installation(
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_HEADERS=f"x-key={HEADER}", **settings
    )
    installation.start_api()
    installation.start_executor()
    return installation


def make_mapping(api: ApiClient, source: Json, target: Json) -> str:
    schema = api.post("/schemas/", {"name": "traced", "columns": COLUMNS})["id"]
    ids = [api.post("/connections/", body)["id"] for body in (source, target)]
    body = {
        "name": "traced",
        "source_connection_id": ids[0],
        "source_query": "SELECT id, text FROM traced",
        "target_connection_id": ids[1],
        "target_schema_id": schema,
    }
    return str(api.post("/mappings/", body)["id"])


def test_a_run_is_part_of_the_trace_of_the_request_that_queued_it(
    start_installation: StartInstallation, create_database: DatabaseFactory
) -> None:
    source, target = create_database("sqlite"), create_database("sqlite")
    source.execute("CREATE TABLE traced (id INTEGER, text TEXT)")
    source.execute(f"INSERT INTO traced VALUES (1, '{VALUE}'), (2, 'b')")
    with web_receiver() as receiver:
        api = start(start_installation, receiver).api
        mapping = make_mapping(api, source.connection_body("s"), target.connection_body("t"))
        asked = api.request(
            "POST", f"/mappings/{mapping}/run", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}
        )
        api.request("GET", "/schemas/", params={"q": SEARCHED})
        run = api.wait_for_run(asked.json()["id"])
        assert run["status"] == "succeeded"
        wanted = {RUN_REQUEST, SEARCH_REQUEST, "run", *PHASES}
        until(lambda: {one.name for one in received_by(receiver)} >= wanted, "all the spans")
        spans = [one for one in received_by(receiver) if one.span.trace_id.hex() == TRACE]
        everything = b"".join(body_of(posted) for posted in receiver.posted)
    [request] = [one for one in spans if one.span.kind == Span.SPAN_KIND_SERVER]
    [attempt] = [one for one in spans if one.name == "run"]
    assert request.name == RUN_REQUEST
    assert (request.service, request.span.parent_span_id.hex()) == ("etl-config-api", PARENT)
    assert attempt.span.parent_span_id == request.span.span_id
    assert (attempt.service, attempt.attribute("etl.run_id")) == ("etl-worker", run["id"])
    assert (attempt.attribute("etl.mapping_id"), attempt.attribute("etl.status")) == (mapping, "succeeded")
    below = {one.name: one for one in spans if one.span.parent_span_id == attempt.span.span_id}
    assert set(below) == PHASES
    assert (below["extract"].attribute("etl.rows"), below["load"].attribute("etl.rows")) == (2, 2)
    for canary in (VALUE, SEARCHED, "SELECT id", HEADER):
        for form in (canary.encode(), base64.b64encode(canary.encode())):
            assert form not in everything, canary
    assert re.search(rb"/health", everything) is None


def test_what_fails_is_marked_without_its_message(
    start_installation: StartInstallation, create_database: DatabaseFactory
) -> None:
    source, target = create_database("sqlite"), create_database("sqlite")
    source.execute("CREATE TABLE traced (id TEXT, text TEXT)")
    source.execute(f"INSERT INTO traced VALUES ('{VALUE}', 'a')")
    with web_receiver() as receiver:
        api = start(start_installation, receiver).api
        mapping = make_mapping(api, source.connection_body("s"), target.connection_body("t"))
        run = api.wait_for_run(api.post(f"/mappings/{mapping}/run")["id"])
        assert run["status"] == "failed"
        until(lambda: any(one.name == "run" for one in received_by(receiver)), "the run's span")
        [attempt] = [one for one in received_by(receiver) if one.name == "run"]
        assert attempt.attribute("etl.status") == "failed"
        assert VALUE.encode() not in b"".join(body_of(posted) for posted in receiver.posted)


def test_a_collector_that_fails_keeps_nobody_waiting(
    start_installation: StartInstallation, create_database: DatabaseFactory
) -> None:
    source, target = create_database("sqlite"), create_database("sqlite")
    source.execute("CREATE TABLE traced (id INTEGER, text TEXT)")
    with web_receiver(answers=(500,)) as receiver:
        installation = start(start_installation, receiver)
        api = installation.api
        mapping = make_mapping(api, source.connection_body("s"), target.connection_body("t"))
        run = api.wait_for_run(api.post(f"/mappings/{mapping}/run")["id"])
        assert run["status"] == "succeeded"
        until(lambda: len(receiver.posted) > 0, "an attempt to export")
        installation.stop()
