"""Typed calls over httpx and httpx2, sync and async, to a real server."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from integrations.http.server import JSON, MSGPACK, Behaviour, Seen, User, UserInDB
from pydantic import BaseModel, ValidationError

from pydantic_serialization import (
    ConfigurationError,
    DecodeError,
    DecompressionError,
    LimitExceededError,
    UnknownFormatError,
    create_serialization_manager,
)
from pydantic_serialization.integrations.http import ModelClient, SyncModelClient, UnexpectedStatusError
from pydantic_serialization.integrations.http.answers import Collector

if TYPE_CHECKING:
    from collections.abc import Callable

ADA = User(id=1, fullName="Ada")


@pytest.mark.parametrize("formats", [("msgpack", "json"), ("json", "msgpack"), ("json",), ("msgpack",), "orjson"])
def test_answers_are_models_in_every_format(make: Callable[..., Any], formats: Any) -> None:
    """The server chooses by ``Accept``; the body is read as what it says it is."""
    assert make(formats=formats).get("/user", User) == ADA


@pytest.mark.parametrize("format_name", ["json", "msgpack"])
@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_bodies_are_models_by_alias(make: Callable[..., Any], format_name: str, method: str) -> None:
    """The format is the call's, or else the client's; ``Content-Type`` says it."""
    seen = getattr(make(), method)("/echo", ADA, Seen, format=format_name)
    assert seen == getattr(make(body_format=format_name), method)("/echo", ADA, Seen)
    assert (seen.method, seen.user) == (method.upper(), {"id": 1, "fullName": "Ada"})
    assert seen.headers["content-type"] == {"json": JSON, "msgpack": MSGPACK}[format_name]


def test_a_subclass_gives_the_declared_fields(make: Callable[..., Any]) -> None:
    """``body_type`` decides, as a response model does on the other side."""
    client = make()
    assert client.post("/echo", UserInDB(id=1, fullName="Ada"), Seen, body_type=User).user == ADA.model_dump(
        by_alias=True
    )
    both = [UserInDB(id=1, fullName="Ada")]
    seen = client.post("/echo", {"users": both}, Seen, body_type=dict[str, list[User]])
    assert seen.user == {"users": [ADA.model_dump(by_alias=True)]}


def test_what_is_asked_for(make: Callable[..., Any]) -> None:
    """Formats in order, codings that can be bounded; headers of the call win, but for the coding."""
    headers = make().get("/echo", Seen).headers
    assert headers["accept"] == f"{MSGPACK}, {JSON};q=0.9"
    assert headers["accept-encoding"] == "gzip, zstd, br"
    given = {"accept": JSON, "Accept-Encoding": "deflate", "x-own": "1"}
    headers = make().get("/echo", Seen, headers=given, params={"a": "b"}, timeout=60).headers
    assert (headers["accept"], headers["accept-encoding"], headers["x-own"]) == (JSON, "gzip, zstd, br", "1")


def test_calls_without_a_model_look_at_the_status_only(make: Callable[..., Any], server: Behaviour) -> None:
    """``delete`` and the like return ``None``, whatever comes back."""
    client = make()
    assert client.delete("/nothing") is None
    assert client.delete("/user") is None
    assert client.delete("/user", User) == ADA
    server.status = 500
    with pytest.raises(UnexpectedStatusError):
        client.delete("/user")


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br"])
def test_content_codings(make: Callable[..., Any], coding: str) -> None:
    """What was asked for is decoded."""
    assert make().get("/compressed", User, headers={"x-coding": coding}).name == "x" * 5000


def test_one_coding_and_no_chain() -> None:
    """Each coding more is a body more to decompress, and a header may name thousands."""
    body = gzip.compress(gzip.compress(b"{}"))
    collector = Collector(httpx.Response(200, headers={"content-encoding": "gzip, gzip"}), 1000)
    collector.add(body)
    with pytest.raises(DecompressionError, match="'gzip, gzip', which was not asked for"):
        collector.answer()


@pytest.mark.parametrize("coding", ["gzip", "zstd", "brotli"])
def test_bombs_are_bounded(make: Callable[..., Any], coding: str) -> None:
    """Kilobytes do not become megabytes."""
    with pytest.raises(LimitExceededError, match=r"GET http://127\.0\.0\.1:\d+/bomb: .*max_"):
        make(max_response_bytes=1_000_000).get("/bomb", User, headers={"x-coding": coding})


@pytest.mark.parametrize("headers", [{}, {"content-length": "5000002"}])
def test_large_bodies_are_cut_off_while_they_come_in(
    make: Callable[..., Any], server: Behaviour, headers: dict[str, str]
) -> None:
    """With and without an announcement of the length."""
    server.headers = headers
    with pytest.raises(
        LimitExceededError, match=r"/large: the body is larger than max_response_bytes=1000000"
    ) as caught:
        make(max_response_bytes=1_000_000).get("/large", str)
    assert caught.value.limit == "max_response_bytes"
    assert make(max_response_bytes=6_000_000, formats=["json"]).get("/large", str) == "x" * 5_000_000


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (
            {"content-type": "text/html; charset=utf-8"},
            b"<html>",
            r"\(200\): the body has 'text/html'; this client reads",
        ),
        ({"content-type": ""}, b"{}", "the body has no Content-Type"),
        ({"content-type": JSON}, b"{", "not a JSON document"),
        ({"content-type": MSGPACK}, b"\x81", "not a msgpack document"),
        ({"content-type": JSON}, b"", "the body is empty"),
        ({"content-type": "application/x-pickle"}, b"\x80\x04N.", "the body has 'application/x-pickle'"),
        ({"content-type": JSON}, b"\x80\x04N.", "not a JSON document"),
    ],
)
def test_answers_that_cannot_be_read(
    make: Callable[..., Any], server: Behaviour, headers: dict[str, str], body: bytes, message: str
) -> None:
    """A ``DecodeError`` names the request without secrets, the status and the model."""
    server.headers, server.body = headers, body
    with pytest.raises(DecodeError, match=message) as caught:
        make().get("/user", User, params={"token": "SECRET"})
    assert str(caught.value).startswith("GET http://127.0.0.1:")
    assert ("/user (200)" in str(caught.value), "SECRET" in str(caught.value)) == (True, False)
    assert caught.value.model == "User"


@pytest.mark.parametrize(
    ("coding", "body"), [("gzip", b"x"), ("zstd", b"\x28\xb5\x2f\xfd"), ("deflate", b"x"), ("gzip, x", b"x")]
)
def test_codings_that_cannot_be_decoded(make: Callable[..., Any], server: Behaviour, coding: str, body: bytes) -> None:
    """Damaged, or never asked for."""
    server.headers, server.body = {"content-encoding": coding}, body
    with pytest.raises(DecompressionError, match="GET http"):
        make().get("/user", User)


@pytest.mark.parametrize("content_type", ["application/problem+json", "text/json", "APPLICATION/JSON; charset=utf-8"])
def test_other_names_of_a_format(make: Callable[..., Any], server: Behaviour, content_type: str) -> None:
    """Suffixes, parameters and case (RFC 9110, RFC 6839)."""
    server.headers, server.body = {"content-type": content_type}, b'{"id":1,"fullName":"Ada"}'
    assert make().get("/user", User) == ADA


def test_another_shape_is_pydantics_error(make: Callable[..., Any]) -> None:
    """It passes untouched, with a note that names the request without secrets."""

    class Other(BaseModel):
        email: str

    with pytest.raises(ValidationError, match="email") as caught:
        make().get("/user?token=SECRET", Other)
    [note] = caught.value.__notes__
    assert note.startswith("in the answer to GET http://127.0.0.1:")
    assert note.endswith("/user (200)")


@pytest.mark.parametrize("status", [301, 304, 400, 404, 500])
def test_other_statuses_are_errors(make: Callable[..., Any], server: Behaviour, status: int) -> None:
    """With everything that a caller needs, and nothing secret in the text."""
    server.status, server.body = status, None if status == 304 else b'{"detail":"SECRET"}'
    server.headers = {"content-length": "0"} if status == 304 else {}
    server.body = b"" if status == 304 else server.body
    with pytest.raises(UnexpectedStatusError) as caught:
        make().get("/user", User, params={"token": "SECRET"})
    error = caught.value
    assert (error.status, error.method, error.model) == (status, "GET", "User")
    assert str(error) == f"GET {error.url} was answered with {status} [model=User]"
    assert error.url.endswith("/user")
    if status != 304:
        assert error.body == b'{"detail":"SECRET"}'


@pytest.mark.parametrize("headers", [{}, {"content-length": "3000000"}, {"content-encoding": "gzip"}])
def test_a_large_error_is_still_an_error(make: Callable[..., Any], server: Behaviour, headers: dict[str, str]) -> None:
    """The status is told, with the beginning of the body, whatever its size and coding; the rest is not read."""
    server.status, server.headers, server.body = 500, headers, b"x" * 3_000_000
    with pytest.raises(UnexpectedStatusError, match="500") as caught:
        make(max_response_bytes=1_000_000).get("/user", User)
    expected = b"" if "content-encoding" in headers else b"x" * 65_536
    assert caught.value.body == expected


def test_a_server_that_is_not_there(make: Callable[..., Any]) -> None:
    """The client's own error, with a note that names the request without secrets."""
    with pytest.raises((httpx.ConnectError, httpx2.ConnectError)) as caught:
        make({"base_url": "http://user:SECRET@127.0.0.1:1"}).get("/user?q=SECRET", User)
    assert caught.value.__notes__ == ["in GET http://127.0.0.1:1/user"]


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_transports_for_tests(library: Any) -> None:
    """Answers that are whole from the start, also compressed ones, and their limits."""

    def answer(request: Any) -> Any:
        body = gzip.compress(b'{"id":1,"fullName":"Ada"}')
        return library.Response(200, content=body, headers={"content-encoding": "gzip", "content-type": JSON})

    with library.Client(transport=library.MockTransport(answer), base_url="http://x") as http:
        assert SyncModelClient(http).get("/user", User) == ADA
        with pytest.raises(LimitExceededError):
            SyncModelClient(http, max_response_bytes=10).get("/user", User)


def test_the_wrong_colour_is_told() -> None:
    """A synchronous client is not silently blocking an event loop."""
    with httpx.Client() as client, pytest.raises(ConfigurationError, match="use SyncModelClient"):
        ModelClient(client)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="use ModelClient"):
        SyncModelClient(httpx.AsyncClient())


def test_what_is_no_client_or_no_cache_is_told() -> None:
    """An address in place of a client, a manager in place of its cache."""
    for kind in (ModelClient, SyncModelClient):
        with pytest.raises(ConfigurationError, match="a client of httpx or httpx2, not of str"):
            kind("https://api.example")  # type: ignore[arg-type]
    with httpx.Client() as client, pytest.raises(ConfigurationError, match=r"manager\.cache_manager, not Optimized"):
        SyncModelClient(client, cache=create_serialization_manager())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"formats": ()}, ConfigurationError),
        ({"formats": ("pickle", "json")}, ConfigurationError),
        ({"body_format": "pickle"}, ConfigurationError),
        ({"formats": ("jsn",)}, UnknownFormatError),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(options: dict[str, Any], error: type[Exception]) -> None:
    """When the client is made."""
    with httpx.Client() as client, pytest.raises(error):
        SyncModelClient(client, **options)


def test_the_cache_needs_a_cache(make: Callable[..., Any]) -> None:
    """Forgetting ``cache=`` is not silently uncached."""
    with pytest.raises(ConfigurationError, match="pass cache= to the client"):
        make().get("/user", User, ttl=5)
