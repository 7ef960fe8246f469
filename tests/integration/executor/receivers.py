"""Those who are told: a web server and a mail server that keep what they were sent."""

import asyncio
import base64
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebReceiver:
    """Answers with `answers`, one after the other, and with the last of them from then on."""

    answers: Sequence[int] = (200,)
    headers: dict[str, str] = field(default_factory=dict)
    posted: list[Posted] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/etl?from=test"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.posted.append(Posted(request.path, headers, body))
        request.send_response(self.answers[min(len(self.posted), len(self.answers)) - 1])
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("content-length", "0")
        request.end_headers()


@contextmanager
def web_receiver(tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[WebReceiver]:
    receiver = WebReceiver(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            receiver.answer(self)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@dataclass
class MailReceiver:
    """A mail server; `refuse` answers every mail with 451."""

    mails: list[Message] = field(default_factory=list)
    refuse: bool = False
    logins: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuse:
            return "451 not now"
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True, handled=False)


class _FreePort(Controller):
    """Listens on a port that the system gives, and says which."""

    def _trigger_server(self) -> None:
        if isinstance(self.server, asyncio.Server):
            self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd's own step


@contextmanager
def mail_receiver(*, with_login: bool = False) -> Iterator[MailReceiver]:
    receiver = MailReceiver()
    controller = _FreePort(
        receiver,
        hostname="127.0.0.1",
        port=0,
        authenticator=receiver.authenticate if with_login else None,
        auth_require_tls=False,
        auth_required=with_login,
    )
    controller.start()
    try:
        receiver.port = controller.port
        yield receiver
    finally:
        controller.stop()


def check_signature(posted: Posted, secret: str, digest: Callable[[bytes, bytes], bytes]) -> bool:
    """Verify a notice as a receiver does that knows nothing but its secret and the documented rule."""
    signed = b".".join(
        (posted.headers["webhook-id"].encode(), posted.headers["webhook-timestamp"].encode(), posted.body)
    )
    expected = base64.b64encode(digest(base64.b64decode(secret.removeprefix("whsec_")), signed)).decode()
    return f"v1,{expected}" in posted.headers["webhook-signature"].split(" ")
