"""A caller of the config API over HTTP that says clearly what was not as expected."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx2

PREFIX = "/api/v1"
FINAL = frozenset({"succeeded", "failed", "cancelled", "timed_out", "skipped"})
POLL_SECONDS = 0.1

Json = Any


class UnexpectedAnswer(Exception):
    """A request was answered otherwise than the caller relied on."""


class ApiClient:
    """Paths are those of the API's resources, such as `/connections/`, below the version prefix.

    Every method but `request` raises UnexpectedAnswer, with the problem body, unless the answer is a success.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        # No environment: a proxy of the machine's has no place between two processes on loopback.
        self._http = httpx2.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Any answer, as it is. A path under the prefix is given without it; others start with `//`."""
        full = path[1:] if path.startswith("//") else PREFIX + path
        return self._http.request(method, full, json=body, params=params, headers=headers)

    def get(self, path: str, **params: str | int) -> Json:
        return self._expect(self.request("GET", path, params=params))

    def post(self, path: str, body: Json = None) -> Json:
        return self._expect(self.request("POST", path, body=body))

    def put(self, path: str, body: Json) -> Json:
        return self._expect(self.request("PUT", path, body=body))

    def delete(self, path: str) -> None:
        self._expect(self.request("DELETE", path))

    def wait_for_run(
        self, run_id: str, *, seconds: float = 60, watch: Callable[[Json], None] | None = None
    ) -> Json:
        """The run once it is in a final state; `watch` sees it at each look. Raises TimeoutError."""
        for run in self._looks(f"/runs/{run_id}", {}, seconds):
            if watch is not None:
                watch(run)
            if run["status"] in FINAL:
                return run
        raise AssertionError("unreachable: the looks end with TimeoutError")

    def wait_for_runs(self, *, seconds: float = 60, count: int = 1, **filters: str) -> Sequence[Json]:
        """The first runs that the filters find, once there are as many. Raises TimeoutError."""
        for runs in self._looks("/runs/", filters, seconds):
            if len(runs) >= count:
                found: Sequence[Json] = runs
                return found
        raise AssertionError("unreachable: the looks end with TimeoutError")

    def _looks(self, path: str, params: Mapping[str, str | int], seconds: float) -> Iterator[Json]:
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(path, **params)
            yield found
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {seconds:.0f} s GET {path} still answers {found}")
            time.sleep(POLL_SECONDS)

    def _expect(self, response: httpx2.Response) -> Json:
        if response.is_success:
            return response.json() if response.content else None
        request = response.request
        raise UnexpectedAnswer(
            f"{request.method} {request.url.path} was answered {response.status_code}: {response.text[:2000]}"
        )
