"""Answers held back until something has been done about them."""

from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class CapturedAnswer:
    """A whole answer, as it would have been sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header, by its name in lower case."""
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)

    async def send(self, send: Send) -> None:
        """Send the answer after all."""
        start = {"type": "http.response.start", "status": self.status, "headers": list(self.headers)}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


async def capture(app: ASGIApp, scope: Scope, receive: Receive) -> CapturedAnswer:
    """Let the app answer and return the answer instead of sending it: for answers of bounded size."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    start = messages[0]
    return CapturedAnswer(
        status=start["status"],
        headers=tuple((bytes(name).lower(), bytes(value)) for name, value in start["headers"]),
        body=b"".join(message.get("body", b"") for message in messages[1:]),
    )
