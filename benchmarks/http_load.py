"""Load on an HTTP server over kept-open connections, cheap enough not to be what is measured."""

import asyncio
import dataclasses
import json
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.measure import percentile
from benchmarks.options import BenchmarkError
from local_servers.machine import LOOPBACK


@dataclasses.dataclass(frozen=True)
class Call:
    """One request; `kind` is what it is counted as."""

    kind: str
    method: str
    path: str
    body: Any = None
    token: str | None = None

    def encoded(self, host: str) -> bytes:
        payload = b"" if self.body is None else json.dumps(self.body).encode()
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(payload)}\r\n"
        if self.token is not None:
            head += f"Authorization: Bearer {self.token}\r\n"
        return head.encode() + b"Content-Type: application/json\r\n\r\n" + payload


@dataclasses.dataclass(frozen=True)
class Answered:
    kind: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class LoadResult:
    seconds: float
    answered: Sequence[Answered]

    @property
    def per_second(self) -> float:
        return len(self.answered) / self.seconds

    def milliseconds(self, percent: float, kind: str | None = None) -> float:
        chosen = [each.seconds for each in self.answered if kind in (None, each.kind)]
        return percentile(chosen, percent) * 1000


async def put_load(host: str, port: int, calls: Sequence[Call], connections: int) -> LoadResult:
    """Send all calls, each connection its share one after the other. Raises BenchmarkError on any non-2xx."""
    shares = [calls[start::connections] for start in range(connections)]
    started = time.perf_counter()
    parts = await asyncio.gather(*(_send(host, port, share) for share in shares))
    seconds = time.perf_counter() - started
    return LoadResult(seconds, [answered for part in parts for answered in part])


async def _send(host: str, port: int, calls: Sequence[Call]) -> list[Answered]:
    reader, writer = await asyncio.open_connection(host, port)
    answered = []
    try:
        for call in calls:
            started = time.perf_counter()
            writer.write(call.encoded(f"{host}:{port}"))
            status = await _read_answer(reader)
            answered.append(Answered(call.kind, time.perf_counter() - started))
            if not 200 <= status < 300:
                raise BenchmarkError(f"{call.method} {call.path} was answered {status}")
    finally:
        writer.close()
    return answered


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(first.split(" ", 2)[1])


def put_load_now(port: int, calls: Sequence[Call], *, connections: int) -> LoadResult:
    """As `put_load`, on loopback, for callers that are not asynchronous."""
    return asyncio.run(put_load(LOOPBACK, port, calls, connections))
