"""A plain ModelRoute does what FastAPI's route does: every response of one application, built twice, is compared."""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import routing
from fastapi.routing import APIRoute
from integrations.fastapi import stock_app
from integrations.fastapi.support import FASTAPI, Answer, call

from pydantic_serialization.integrations.fastapi import ModelRoute, coalescing, model_route, streams

if TYPE_CHECKING:
    from fastapi import FastAPI

USER = {"id": 1, "name": "Ada", "created": "2024-05-17T12:30:00Z", "tags": ["x"], "score": 2, "color": "blue"}


FORGETS_ITEMS = (0, 134) <= FASTAPI < (0, 141)
"""Whether FastAPI forgets the declared type of a stream's items in routers that are included (fixed in 0.140.8). It sends
what stands in them then, undeclared fields too: there ours does what FastAPI does on routes of the application's own.
"""


def is_forgotten(path: str) -> bool:
    return FORGETS_ITEMS and "/inner/" in path and ("/lines" in path or "/events" in path)


class Twins:
    """The same application with FastAPI's routes and with ours."""

    def __init__(self, route_class: Any) -> None:
        # FastAPI remembers functions by their id, and may take one of these for one of an application that is gone.
        getattr(routing, "_endpoint_context_cache", {}).clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older versions of FastAPI warn about newer versions of Pydantic
            self.stock: FastAPI = stock_app.make_app(APIRoute)
            self.ours: FastAPI = stock_app.make_app(route_class)


@pytest.fixture(scope="module")
def twins() -> Twins:
    return Twins(ModelRoute)


def observe(app: Any, *args: Any, **kwargs: Any) -> tuple[Answer, list[str], list[str]]:
    """Return the response, what the application's functions noted, and the warnings."""
    stock_app.CALLS.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = call(app, *args, **kwargs)
    answer.chunks = []  # where a stream is cut is ours to choose
    answer.error = re.sub(r"0x[0-9a-f]+", "0x", answer.error)
    said = [str(item.message) for item in caught]
    # Older versions of FastAPI build type adapters when they are first needed, and newer ones of Pydantic warn then.
    return answer, list(stock_app.CALLS), [text for text in said if "no effect in the context" not in text]


def assert_same(twins: Twins, *args: Any, **kwargs: Any) -> Answer:
    stock = observe(twins.stock, *args, **kwargs)
    ours = observe(twins.ours, *args, **kwargs)
    assert ours == stock
    return ours[0]


INCLUDED = ("/outer", "/again", "/guarded", "/changing")
WAYS = ("", "/outer/inner", "/again/outer/inner", "/mounted")


def paths(method: str) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = stock_app.make_app(APIRoute)
    return [
        route.path
        for route in app.routes
        if isinstance(route, APIRoute) and method in route.methods and not route.path.startswith(INCLUDED)
    ]


@pytest.mark.parametrize("prefix", WAYS)
@pytest.mark.parametrize("path", paths("GET"))
def test_responses(twins: Twins, path: str, prefix: str) -> None:
    """Status, headers, body, side effects, exceptions and warnings are the same, on every way to a route."""
    if is_forgotten(prefix + path):
        pytest.skip("what FastAPI sends there is not what was declared; see test_no_leak.py")
    path = path.replace("{item_id}", "3").replace("{kind}", "red")
    answer = assert_same(twins, prefix + path, x_key="k", cookie="session=s", agent="test")
    assert answer.status or answer.error


@pytest.mark.parametrize("path", ["/query?limit=9", "/query?limit=x&q=1", "/items/x/green", "/missing", "/many/"])
def test_bad_parameters(twins: Twins, path: str) -> None:
    """Parameters that are wrong are refused in the same words."""
    assert_same(twins, path)
    assert_same(twins, "/outer/inner" + path)


@pytest.mark.parametrize("method", ["PUT", "POST", "HEAD", "OPTIONS"])
def test_methods(twins: Twins, method: str) -> None:
    """Other methods are answered or refused alike."""
    assert_same(twins, "/many", method)


BODIES: dict[str, bytes] = {
    "user": json.dumps(USER).encode(),
    "minimal": b'{"id":1,"name":"x"}',
    "users": json.dumps([USER, {**USER, "id": "7"}]).encode(),
    "many users": json.dumps([USER] * 200).encode(),
    "lax": b'{"id":"12","name":"x","score":"1e3","created":1715949000,"color":"red"}',
    "float id": b'{"id":1.0,"name":"x","score":3}',
    "fraction": b'{"id":1.5,"name":"x"}',
    "bool id": b'{"id":true,"name":"x"}',
    "large id": b'{"id":123456789012345678901234567890,"name":"x"}',
    "large exponent": b'{"id":1e400,"name":"x","score":1e400}',
    "negative zero": b'{"id":-0,"name":"x","score":-0}',
    "huge int": b'{"id":1,"name":"x","score":' + b"1" * 400 + b"}",
    "too many digits": b'{"id":1,"name":"x","score":' + b"1" * 5000 + b"}",
    "wrong": b'{"id":"x","name":"","color":"green","tags":"no","score":null}',
    "missing": b"{}",
    "unknown": b'{"id":1,"name":"x","unknown":[1,{"a":2}],"password":"p"}',
    "null": b"null",
    "empty": b"",
    "array": b"[]",
    "text": b'"text"',
    "number": b"12",
    "malformed": b'{"id":1,',
    "trailing": b'{"id":1,"name":"x"} x',
    "trailing space": b' {"id":1,"name":"x"}\r\n ',
    "duplicate": b'{"id":"bad","id":2,"name":"x","name":"y"}',
    "duplicate good": b'{"id":1,"id":2,"name":"x"}',
    "nan": b'{"id":1,"name":"x","score":NaN}',
    "infinity": b'{"id":1,"name":"x","score":-Infinity}',
    "surrogate": b'{"id":1,"name":"\\ud800"}',
    "pair": b'{"id":1,"name":"\\ud83d\\ude00"}',
    "escapes": b'{"id":1,"name":"\\u0000\\n\\u2028\\/"}',
    "raw control": b'{"id":1,"name":"a\nb"}',
    "not utf-8": b'{"id":1,"name":"\xff"}',
    "bom": b'\xef\xbb\xbf{"id":1,"name":"x"}',
    "utf-16": '{"id":1,"name":"x"}'.encode("utf-16"),
    "utf-16-le": '{"id":1,"name":"x"}'.encode("utf-16-le"),
    "utf-32": '{"id":1,"name":"x"}'.encode("utf-32"),
    "deep": b"[" * 300 + b"]" * 300,
    "tree": b'{"name":"a","children":[{"name":"b","children":[]}]}',
    "deep tree": b'{"name":"a","children":[' * 80 + b'{"name":"z"}' + b"]}" * 80,
    "order": json.dumps(
        {"number": 1, "owner": USER, "lines": [{"sku": "a", "price": 1.0}], "by_day": {"a": 1}}
    ).encode(),
    "embedded": json.dumps({"user": USER, "line": {"sku": "s"}, "note": "hello"}).encode(),
    "strict": b'{"day":"2026-01-02","count":1}',
    "strict text": b'{"day":"2026-01-02","count":"1"}',
    "mixed": b'{"when":"2024-01-01T00:00:00","uid":"12345678-1234-5678-1234-567812345678","amount":1.0,"raw":"b"}',
    "mixed 2": b'{"when":5,"amount":1e20,"level":2,"lit":1,"pet":{"kind":"cat"},"span":"P1D"}',
    "mixed 3": b'{"amount":"1.10","lit":true,"level":1.0,"pet":{"kind":"cow"}}',
    "n": b'{"n":1}',
    "n text": b'{"n":"3","m":4}',
    "n negative": b'{"n":-1}',
    "ns": b'[{"n":1},{"n":2}]',
    "ns bad": b'[{"n":1},{"n":"x"}]',
    "extra": b'{"id":1,"more":1.0,"big":123456789012345678901234567890,"deep":{"a":[1e5]}}',
    "aliased": b'{"firstName":"a","last":"b"}',
    "aliased by name": b'{"first_name":"a","ln":"b","last":"c"}',
    "floats": b'{"values":[1,2.5,"3",1e-7,-0.0,1E5],"keyed":{"a":1.0,"b":[null]}}',
    "point": b'{"x":"1"}',
    "pet": b'{"kind":"dog","good":"yes"}',
    "numbers": b'[1,2.0,"3",true]',
    "set": b'{"id":1,"name":"x","tags":["a","a"]}',
}


@pytest.mark.parametrize(
    ("turn", "path"), [pytest.param(turn, path, id=path) for turn, path in enumerate(paths("POST"))]
)
def test_bodies(twins: Twins, path: str, turn: int) -> None:
    """Bodies that are right, wrong, odd and broken give the same answers, the same 422 and the same calls.

    Each third of them also on the way through routers, which takes most of the time: another third for each path.
    """
    for number, body in enumerate(BODIES.values()):
        assert_same(twins, path, "POST", body, content_type="application/json")
        if (number + turn) % 3 == 0:
            assert_same(twins, "/outer/inner" + path, "POST", body, content_type="application/json")


@pytest.mark.parametrize("prefix", ["/again/outer/inner", "/guarded", "/changing", "/mounted"])
@pytest.mark.parametrize("path", paths("POST"))
def test_bodies_that_dependencies_of_a_router_read(twins: Twins, path: str, prefix: str) -> None:
    """The same for some of the bodies where routers, and dependencies of theirs that read the body, stand before."""
    for name in ("user", "users", "embedded", "n", "wrong", "malformed", "empty", "duplicate"):
        assert_same(twins, prefix + path, "POST", BODIES[name], content_type="application/json")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "application/problem+json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/msgpack",
        "",
        "nonsense",
        "APPLICATION/JSON",
        "application/json/x",
        "application/a/b+json",
        "application/json, text/plain",
        ' application/json ; q="a;b"',
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/user",
        "/users",
        "/two",
        "/raw",
        "/any",
        "/optional",
        "/request-json",
        "/json-in-dependency",
        "/json-beside-bytes",
    ],
)
def test_content_types(twins: Twins, path: str, content_type: str) -> None:
    """What FastAPI takes for JSON is taken for JSON, and nothing else."""
    for name in ("user", "users", "malformed", "empty"):
        assert_same(twins, path, "POST", BODIES[name], content_type=content_type)
    assert_same(twins, path, "POST", BODIES["user"])


MULTIPART = b"".join(
    (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n',
        b"Content-Type: text/plain\r\n\r\nhello\r\n",
        b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n--b--\r\n',
    )
)


@pytest.mark.parametrize("path", ["/form", "/form-model", "/upload", "/upload-bytes", "/user"])
def test_forms(twins: Twins, path: str) -> None:
    """Forms and files are FastAPI's own business, right, wrong, and where something else comes."""
    urlencoded = "application/x-www-form-urlencoded"
    forms = (b"name=Ada&number=2", b"sku=a&quantity=3", b"number=x", b"name=%FF&name=b", b"", b"name=a;b&&=", b"{}")
    answers = [assert_same(twins, path, "POST", body, content_type=urlencoded) for body in forms]
    for content_type in ("multipart/form-data; boundary=b", "multipart/form-data", "application/json", "text/plain"):
        for body in (MULTIPART, MULTIPART[:-20], b""):
            answers.append(assert_same(twins, path, "POST", body, content_type=content_type))
            assert_same(twins, "/outer/inner" + path, "POST", body, content_type=content_type)
    assert path == "/user" or any(answer.status == 200 for answer in answers)


def test_another_parameter_is_wrong(twins: Twins) -> None:
    """Where the body is right and a query parameter is not, the error tells of the body as it was sent."""
    for body in (BODIES["user"], BODIES["minimal"], BODIES["wrong"]):
        answer = assert_same(twins, "/with-query?limit=x", "POST", body, content_type="application/json")
        assert answer.status == 422
        assert answer.json()["seen"] == "dict"


KNOWN: list[tuple[str, str, int, str]] = [
    ("/strict", "strict", 422, "date_type"),  # JSON text alone would do; a tree of plain values does not
    ("/strict-field", "strict", 422, "date_type"),
    ("/mixed", "mixed", 200, "when='2024-01-01T00:00:00', uid='12345678-"),
    ("/mixed", "mixed", 200, "amount=Decimal('1.0'), raw='b'"),
    ("/user", "utf-16", 201, '"id":1'),
    ("/user", "bom", 201, "x"),
    ("/user", "duplicate good", 201, '"id":2'),
    ("/set-fields", "nan", 200, '["id","name","score"]'),
    ("/user", "surrogate", 422, "string_unicode"),
    ("/user", "wrong", 422, "int_parsing"),
    ("/changed", "user", 200, '"name":"Ada"'),
    ("/kept", "user", 200, '"tags":["x","added by the endpoint"]'),
    ("/request-json", "user", 200, '["dict",'),
]


@pytest.mark.parametrize(("path", "body", "status", "told"), KNOWN)
def test_where_a_faster_way_would_be_wrong(twins: Twins, path: str, body: str, status: int, told: str) -> None:
    """What FastAPI does there is known, and not only the same: its own tree is validated, each reader has its own."""
    answer = assert_same(twins, path, "POST", BODIES[body], content_type="application/json")
    assert answer.status == status
    assert told in answer.body.decode()


@pytest.mark.parametrize(("path", "made", "sent"), [("/wrap", 1, 1), ("/before", 1, 0), ("/checked", 2, 0)])
def test_validators_run_as_often_as_with_fastapi(twins: Twins, path: str, made: int, sent: int) -> None:
    """Those around a model run once more when it is sent, those inside of it do not."""
    assert_same(twins, path)
    _, calls, _ = observe(twins.ours, path)
    assert len(calls) == made + sent


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.msgpack", "application/json;q=0", "nonsense"])
def test_accept_is_not_looked_at(twins: Twins, accept: str) -> None:
    """FastAPI does not look at Accept, so a plain route does not."""
    assert_same(twins, "/user", accept=accept)
    assert_same(twins, "/outer/inner/users", accept=accept, if_none_match="*", accept_encoding="gzip")


def test_openapi(twins: Twins) -> None:
    """The OpenAPI document is the same, byte for byte."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, stock = twins.ours.openapi(), twins.stock.openapi()
    for found in (ours, stock):
        found["paths"] = {path: what for path, what in found["paths"].items() if not is_forgotten(path)}
    assert json.dumps(ours) == json.dumps(stock)


@pytest.mark.skipif(FASTAPI < (0, 134), reason="FastAPI streams generators from 0.134 on")
def test_streams_are_taken_over(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    """The streams that are compared above are not all FastAPI's own: ours come in fewer pieces."""
    monkeypatch.setattr(streams, "Pace", lambda: coalescing.Pace(seconds=3600))
    assert len(call(twins.stock, "/lines").chunks) > len(call(twins.ours, "/lines").chunks)


def test_work_is_ours() -> None:
    """The writers and readers that are compared above are in use: most routes have one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = stock_app.make_app(ModelRoute, is_part=True)
        stock = stock_app.make_app(model_route(body="stock", unannotated="stock", stream="stock"), is_part=True)
    assert call(ours, "/user") == call(stock, "/user")
    bound = [route for route in ours.routes if isinstance(route, ModelRoute)]
    assert len(bound) > 100
