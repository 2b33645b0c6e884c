"""Call ASGI applications in process, message by message."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import fastapi

FASTAPI = tuple(int(part) for part in fastapi.__version__.split(".")[:2])

JSON = ("content-type", "application/json")


@dataclass
class Answer:
    """What an application sent."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    error: str = ""

    def header(self, name: str) -> str | None:
        """Return the value of a header, if there is exactly one."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, found
        return found[0] if found else None

    def json(self) -> Any:
        """Return the document in the body."""
        return json.loads(self.body)


async def acall(
    app: Any,
    path: str,
    method: str = "GET",
    body: bytes = b"",
    headers: tuple[tuple[str, str], ...] = (),
    state: dict[str, Any] | None = None,
) -> Answer:
    """Send one request, and return what comes back; an exception of the application is part of it."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"test"), *((key.encode(), value.encode("latin-1")) for key, value in headers)],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
        "scheme": "http",
    }
    if state is not None:
        scope["state"] = state
    answer = Answer()
    given = False
    gone = asyncio.Event()

    async def receive() -> Any:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in message["headers"]]
        else:
            answer.chunks.append(bytes(message.get("body", b"")))
            answer.body += message.get("body", b"")

    try:
        await app(scope, receive, send)
    except Exception as error:
        answer.error = f"{type(error).__name__}: {error}"
    return answer


def call(app: Any, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    """Send one request; ``content_type="..."`` is a header."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return asyncio.run(acall(app, path, method, body, pairs))
