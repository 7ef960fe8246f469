"""A body that was read already, for whoever reads it next."""

from starlette.types import Message, Receive


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the whole body first, then what the client sends later."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
