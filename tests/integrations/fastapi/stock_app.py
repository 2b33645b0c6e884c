"""One application that uses much of FastAPI, built once with FastAPI's routes and once with ours."""

# No `from __future__ import annotations`: the classes are local to the module, but this is how applications are written.

import asyncio
import dataclasses
import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
    UploadFile,
    status,
)
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from fastapi.security import APIKeyHeader
from integrations.fastapi.support import FASTAPI
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

T = TypeVar("T")


class Color(str, Enum):
    RED = "red"
    BLUE = "blue"


class Level(Enum):
    LOW = 1
    HIGH = 2


class User(BaseModel):
    id: int
    name: str = Field(min_length=1, max_length=50)
    email: str = "a@example.com"
    created: datetime = datetime(2024, 5, 17, 12, 30, tzinfo=UTC)
    uid: UUID = UUID("12345678-1234-5678-1234-567812345678")
    color: Color = Color.RED
    tags: list[str] = []
    score: float = 1.5
    nick: str | None = None


class UserInDB(User):
    password: str = "secret"


class Line(BaseModel):
    sku: str
    quantity: int = 1
    price: Decimal = Decimal("9.90")


class Order(BaseModel):
    number: int
    owner: User
    lines: list[Line] = []
    by_day: dict[str, int] = {}


class Page(BaseModel, Generic[T]):
    items: list[T]
    total: int


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    first_name: str = Field(alias="firstName")
    last_name: str = Field("x", serialization_alias="lastName", validation_alias=AliasChoices("ln", "last"))


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int


class ExtraPlus(Extra):
    secret: str = "s"


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date
    count: int


class After(BaseModel):
    n: int

    @model_validator(mode="after")
    def bump(self) -> "After":
        self.n += 1
        return self


class Wrap(BaseModel):
    n: int

    @model_validator(mode="wrap")
    @classmethod
    def around(cls, value: Any, handler: Any) -> Any:
        CALLS.append("wrap")
        return handler(value)


class Before(BaseModel):
    n: int

    @model_validator(mode="before")
    @classmethod
    def first(cls, value: Any) -> Any:
        CALLS.append("before")
        return value


class Checked(BaseModel):
    n: Annotated[int, AfterValidator(lambda value: CALLS.append("after") or value)]
    m: Annotated[str, BeforeValidator(lambda value: CALLS.append("before") or str(value))] = "m"

    @field_validator("n")
    @classmethod
    def positive(cls, value: int) -> int:
        CALLS.append("field")
        if value < 0:
            raise ValueError("negative")
        return value


class Revalidated(BaseModel):
    model_config = ConfigDict(revalidate_instances="always")
    n: Annotated[int, AfterValidator(lambda value: CALLS.append("again") or value)]


class Posted(BaseModel):
    n: int
    _made: int = 0

    def model_post_init(self, context: Any) -> None:
        CALLS.append("post")
        self._made = self.n


class Computed(BaseModel):
    a: int

    @computed_field
    @property
    def double(self) -> int:
        return self.a * 2


class ComputedSub(Computed):
    @computed_field
    @property
    def leak(self) -> str:
        return "secret"


class Serialized(BaseModel):
    a: int
    when: Annotated[datetime, PlainSerializer(lambda value: value.year, return_type=int)] = datetime(2024, 1, 1)

    @field_serializer("a")
    def hexadecimal(self, value: int) -> str:
        return hex(value)


class Whole(BaseModel):
    a: int

    @model_serializer
    def whole(self) -> dict[str, Any]:
        return {"whole": self.a}


class Names(RootModel[list[str]]):
    pass


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool = True


class StrictField(BaseModel):
    day: date = Field(strict=True)


class Mixed(BaseModel):
    when: datetime | str = "x"
    uid: UUID | str = "x"
    amount: Decimal = Decimal(1)
    raw: bytes | str = "x"
    level: Level = Level.LOW
    lit: Literal[1, "a", None] = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    span: timedelta = timedelta(0)


class Floats(BaseModel):
    values: list[float]
    keyed: dict[str, Any] = {}


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


@dataclasses.dataclass
class Point:
    x: int
    y: int = 2


class Row:
    """What an object-relational mapper gives."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


CALLS: list[str] = []
"""What ran, in order: part of what is compared."""

USER = User(id=1, name="Ada", tags=["x", "ü"], nick=None)
IN_DB = UserInDB(id=2, name="Bob")
ORDER = Order(number=7, owner=USER, lines=[Line(sku="a"), Line(sku="b", quantity=3)], by_day={"mon": 1})


def opened() -> Iterator[str]:
    CALLS.append("open")
    try:
        yield "resource"
    except HTTPException:
        CALLS.append("rolled back")
        raise
    finally:
        CALLS.append("close")


async def answered(response: Response) -> str:
    response.headers["x-dependency"] = "yes"
    response.set_cookie("seen", "1")
    return "dependency"


def reads_body(user: User) -> str:
    CALLS.append(type(user).__name__)
    return user.name


def changes_body(user: User) -> None:
    user.name = "changed by a dependency"
    user.tags.append("added by a dependency")


class Narrow(BaseModel):
    id: int


def reads_narrow(user: Narrow) -> int:
    return user.id


async def reads_json(request: Request) -> str:
    try:
        given = await request.json()
    except ValueError as error:
        given = error
    CALLS.append(f"{type(given).__name__} {await request.body()!r}")
    return type(given).__name__


key = APIKeyHeader(name="x-key", auto_error=False)


def get_endpoints(router: APIRouter) -> None:
    """Add endpoints that return things."""

    @router.get("/user")
    async def user() -> User:
        """Describe a user."""
        return USER

    @router.get("/user-sync")
    def user_sync() -> User:
        return USER

    @router.get("/users")
    async def users() -> list[User]:
        return [USER, USER]

    @router.get("/none-of-them")
    async def empty() -> list[User]:
        return []

    @router.get("/user-leak")
    async def leak() -> User:
        return IN_DB

    @router.get("/users-leak")
    async def leaks() -> list[User]:
        return [USER, IN_DB]

    @router.get("/order-leak")
    async def nested_leak() -> Order:
        return Order.model_construct(number=1, owner=IN_DB, lines=[], by_day={})

    @router.get("/dict-leak")
    async def dict_leak() -> dict[str, User]:
        return {"a": USER, "b": IN_DB}

    @router.get("/union-leak")
    async def union_leak() -> User | Line:
        return IN_DB

    @router.get("/extra-leak")
    async def extra_leak() -> Extra:
        return ExtraPlus(id=1, more="x")

    @router.get("/extra")
    async def extra() -> Extra:
        return Extra(id=1, more="x", when=date(2024, 1, 1))

    @router.get("/computed-leak")
    async def computed_leak() -> Computed:
        return ComputedSub(a=1)

    @router.get("/computed")
    async def computed() -> list[Computed]:
        return [Computed(a=1)]

    @router.get("/order")
    async def order() -> Order:
        return ORDER

    @router.get("/page")
    async def page() -> Page[User]:
        return Page[User](items=[USER], total=1)

    @router.get("/page-unparametrized")
    async def loose_page() -> Page[User]:
        return Page(items=[IN_DB], total=1)

    @router.get("/dict-as-user")
    async def as_dict() -> User:
        return {"id": "5", "name": "from a dict", "unknown": 1}  # type: ignore[return-value]

    @router.get("/row-as-user")
    async def as_row() -> User:
        return Row(id=3, name="row", password="p")  # type: ignore[return-value]

    @router.get("/rows-as-users")
    async def as_rows() -> list[User]:
        return [Row(id=3, name="row", password="p"), USER, {"id": 4, "name": "x"}]  # type: ignore[list-item]

    @router.get("/generator-as-users")
    async def as_generator() -> list[User]:
        return (item for item in [USER, IN_DB])  # type: ignore[return-value]

    @router.get("/tuple-as-users")
    async def as_tuple() -> list[User]:
        return (USER, IN_DB)  # type: ignore[return-value]

    @router.get("/bad")
    async def bad() -> User:
        return {"id": "no number"}  # type: ignore[return-value]

    @router.get("/bad-sync")
    def bad_sync() -> list[User]:
        return [USER, {"id": "no number"}]  # type: ignore[list-item]

    @router.get("/none")
    async def none() -> User | None:
        return None

    @router.get("/some")
    async def some() -> User | None:
        return USER

    @router.get("/aliased")
    async def aliased() -> Aliased:
        return Aliased(firstName="a", ln="b")

    @router.get("/names", response_model_by_alias=False)
    async def by_name() -> Aliased:
        return Aliased(firstName="a", ln="b")

    @router.get("/included", response_model_include={"id", "name"})
    async def included() -> User:
        return USER

    @router.get("/excluded", response_model_exclude={"name"}, response_model_exclude_none=True)
    async def excluded() -> list[User]:
        return [USER]

    @router.get("/unset", response_model_exclude_unset=True)
    async def unset() -> User:
        return USER

    @router.get("/defaults", response_model_exclude_defaults=True)
    async def defaults() -> Order:
        return ORDER

    @router.get("/response-model", response_model=User)
    async def response_model() -> Any:
        return IN_DB

    @router.get("/response-model-none", response_model=None)
    async def response_model_none() -> Any:
        return IN_DB

    @router.get("/after")
    async def after() -> After:
        return After(n=1)

    @router.get("/afters")
    async def afters() -> list[After]:
        return [After(n=1)]

    @router.get("/wrap")
    async def wrap() -> Wrap:
        return Wrap(n=1)

    @router.get("/before")
    async def before() -> Before:
        return Before(n=1)

    @router.get("/checked")
    async def checked() -> Checked:
        return Checked(n=1)

    @router.get("/checked-dict")
    async def checked_dict() -> Checked:
        return {"n": 1}  # type: ignore[return-value]

    @router.get("/checked-bad")
    async def checked_bad() -> list[Checked]:
        return [{"n": -1}]  # type: ignore[list-item]

    @router.get("/revalidated")
    async def revalidated() -> Revalidated:
        return Revalidated(n=1)

    @router.get("/posted")
    async def posted() -> Posted:
        return Posted(n=1)

    @router.get("/serialized")
    async def serialized() -> Serialized:
        return Serialized(a=255)

    @router.get("/whole")
    async def whole() -> list[Whole]:
        return [Whole(a=1)]

    @router.get("/root")
    async def root() -> Names:
        return Names(["a"])

    @router.get("/mixed")
    async def mixed() -> Mixed:
        return Mixed(when=datetime(2024, 1, 1), pet=Cat(kind="cat"), span=timedelta(days=1), level=Level.HIGH)

    @router.get("/tree")
    async def tree() -> Tree:
        return Tree(name="a", children=[Tree(name="b")])

    @router.get("/point")
    async def point() -> Point:
        return Point(1)

    @router.get("/number")
    async def number() -> int:
        return 3

    @router.get("/text")
    async def text() -> str:
        return 'a "quoted" ü\u2028'

    @router.get("/numbers")
    async def numbers() -> list[float]:
        return [1.0, 1e22, 1e-7, 0.1]

    @router.get("/floats")
    async def floats() -> Floats:
        return Floats(values=[1e16, 1e-7, 0.1, 123456.789], keyed={"a": 1e-9})

    @router.get("/infinite")
    async def infinite() -> Floats:
        return Floats(values=[float("inf"), float("nan")])

    @router.get("/surrogate")
    async def surrogate() -> User:
        return User.model_construct(id=1, name="\ud800")

    @router.get("/created", status_code=201)
    async def created() -> User:
        return USER

    @router.get("/status")
    async def dynamic_status(response: Response) -> User:
        response.status_code = status.HTTP_202_ACCEPTED
        response.headers["x-own"] = "1"
        return USER

    @router.get("/no-content", status_code=204)
    async def no_content() -> None:
        return None

    @router.get("/no-content-dynamic")
    async def no_content_dynamic(response: Response) -> User:
        response.status_code = 204
        return USER

    @router.get("/not-modified-dynamic")
    async def not_modified_dynamic(response: Response) -> User:
        response.status_code = 304
        return USER

    @router.get("/headers")
    async def headers(response: Response, said: Annotated[str, Depends(answered)]) -> User:
        response.headers.append("x-many", "1")
        response.headers.append("x-many", "2")
        response.set_cookie("own", said)
        return USER

    @router.get("/dependency")
    async def dependency(said: Annotated[str, Depends(answered)], held: Annotated[str, Depends(opened)]) -> User:
        CALLS.append(f"endpoint {said} {held}")
        return USER

    @router.get("/secured")
    async def secured(token: Annotated[str | None, Security(key)]) -> dict[str, str | None]:
        return {"token": token}

    @router.get("/background")
    async def background(tasks: BackgroundTasks) -> User:
        tasks.add_task(CALLS.append, "background")
        return USER

    @router.get("/background-sync")
    def background_sync(tasks: BackgroundTasks, response: Response) -> list[User]:
        response.headers["x-a"] = "b"
        tasks.add_task(CALLS.append, "background")
        return [USER]

    @router.get("/refused")
    async def refused(held: Annotated[str, Depends(opened)]) -> User:
        raise HTTPException(404, "not here", headers={"x-reason": held})

    @router.get("/refused-sync")
    def refused_sync(held: Annotated[str, Depends(opened)]) -> User:
        raise HTTPException(404, "not here", headers={"x-reason": held})

    @router.get("/broken")
    async def broken(held: Annotated[str, Depends(opened)]) -> User:
        raise RuntimeError("broken")

    @router.get("/returned")
    async def returned() -> User:
        return JSONResponse({"own": 1}, 203, {"x-a": "b"})  # type: ignore[return-value]

    @router.get("/plain")
    async def plain() -> Response:
        return PlainTextResponse("plain")

    @router.get("/redirect")
    async def redirect() -> RedirectResponse:
        return RedirectResponse("/elsewhere")

    @router.get("/streamed")
    async def streamed() -> StreamingResponse:
        return StreamingResponse(iter([b"a", b"b"]), media_type="text/plain")

    @router.get("/json-class", response_class=JSONResponse)
    async def json_class() -> User:
        return USER

    @router.get("/text-class", response_class=PlainTextResponse)
    async def text_class() -> str:
        return "text"

    @router.get("/query")
    async def query(
        limit: Annotated[int, Query(ge=1, le=5)] = 2,
        q: str | None = None,
        agent: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        return {"limit": limit, "q": q, "agent": agent}

    @router.get("/items/{item_id}/{kind}")
    async def path(item_id: int, kind: Color, session: Annotated[str | None, Cookie()] = None) -> list[Any]:
        return [item_id, kind, session]

    @router.get("/request")
    async def request(request: Request) -> list[str]:
        return [request.url.path, request.scope["route"].name, request.scope["endpoint"].__name__, request.method]

    @router.get("/deprecated", deprecated=True, tags=["old"], summary="Old", responses={404: {"model": Line}})
    async def deprecated() -> User:
        return USER

    class Endpoint:
        async def method(self) -> list[User]:
            return [USER, IN_DB]

        def method_sync(self) -> User:
            return IN_DB

        @staticmethod
        async def static() -> User:
            return IN_DB

        def __call__(self) -> User:  # older versions of FastAPI do not await an asynchronous one
            return IN_DB

    async def with_argument(user: User) -> User:
        return user

    def traced(endpoint: Any) -> Any:
        @functools.wraps(endpoint)
        async def run(*arguments: Any, **named: Any) -> Any:
            CALLS.append("traced")
            return await endpoint(*arguments, **named)

        return run

    def in_thread(endpoint: Any) -> Any:
        @functools.wraps(endpoint)
        def run(*arguments: Any, **named: Any) -> Any:
            CALLS.append("in a thread")
            return asyncio.run(endpoint(*arguments, **named))

        return run

    @traced
    async def decorated(limit: int = 2) -> list[User]:
        return [IN_DB] * limit

    @in_thread
    async def decorated_sync(limit: int = 2) -> list[User]:
        return [IN_DB] * limit

    router.add_api_route("/method", Endpoint().method)
    router.add_api_route("/method-sync", Endpoint().method_sync)
    router.add_api_route("/static", Endpoint.static)
    router.add_api_route("/callable", Endpoint())
    router.add_api_route("/partial", functools.partial(with_argument, user=IN_DB), response_model=User)
    router.add_api_route("/decorated", decorated)
    router.add_api_route("/decorated-sync", decorated_sync)

    @router.get("/forward")
    async def forward() -> "list[User]":
        return [USER, IN_DB]

    @router.get("/annotated")
    async def annotated() -> Annotated[User, "told"]:
        return IN_DB

    @router.get("/as-any")
    async def as_any() -> Any:
        return IN_DB

    @router.get("/list-of-any")
    async def list_of_any() -> list[Any]:
        return [IN_DB, {"a": USER}]

    @router.api_route("/many", methods=["GET", "PUT"])
    async def many() -> User:
        return USER


def undeclared_endpoints(router: APIRouter) -> None:
    """Add endpoints without a declared type."""
    values: dict[str, Any] = {
        "user": USER,
        "subclass": IN_DB,
        "users": [USER] * 3,
        "different": [USER, IN_DB],
        "empty": [],
        "order": ORDER,
        "orders": [ORDER, ORDER],
        "mixed": Mixed(when=datetime(2024, 1, 1), span=timedelta(days=400, seconds=3), pet=Dog(kind="dog")),
        "aliased": Aliased(firstName="a", ln="b"),
        "floats": Floats(values=[1e16, 1e-7, 0.1, -0.0, 1e22, 5e-324, 0.00001, 123456789.125]),
        "plain floats": Floats(values=[1.5, 0.0, -2.25]),
        "infinite": [Floats(values=[float("inf")])],
        "hidden": Floats(values=[], keyed={"_sa_instance_state": 1, "b": 2}),
        "surrogate": User.model_construct(id=1, name="\ud800"),
        "escaped": User(id=1, name='\x00\x1f\x7f\u2028"\\/\b\f\n\r\t😀'),
        "large": User(id=2**70, name="x"),
        "extra": ExtraPlus(id=1, more="x", _sa="hidden"),
        "computed": ComputedSub(a=2),
        "serialized": Serialized(a=1),
        "whole": Whole(a=1),
        "root": Names(["a"]),
        "roots": [Names(["a"])],
        "tree": Tree(name="a", children=[Tree(name="b")]),
        "dict": {"a": USER, "_sa": 1, 3: [date(2024, 1, 1)]},
        "scalars": [1, 1.0, "x", None, True, Decimal("1.50"), Level.HIGH, UUID(int=3)],
        "set": {1},
        "dataclass": Point(1),
        "row": Row(a=1),
        "none": None,
        "wrong": User.model_construct(id="text", name=3, tags=None),
        "missing": User.model_construct(id=1),
    }

    def add(name: str, value: Any) -> None:
        @router.get(f"/undeclared/{name.replace(' ', '-')}", name=name)
        async def undeclared():  # type: ignore[no-untyped-def]
            return value

        @router.get(f"/undeclared-sync/{name.replace(' ', '-')}", name=name)
        def undeclared_sync():  # type: ignore[no-untyped-def]
            return value

    for name, value in values.items():
        add(name, value)


def post_endpoints(router: APIRouter) -> None:
    """Add endpoints that read bodies."""

    @router.post("/user", status_code=201)
    async def user(user: User) -> User:
        return user

    @router.post("/user-sync")
    def user_sync(user: User) -> User:
        return user

    @router.post("/users")
    async def users(users: list[User]) -> list[User]:
        return users

    @router.post("/set-fields")
    async def set_fields(user: User) -> list[str]:
        return sorted(user.model_fields_set)

    @router.post("/type")
    async def type_of(user: User) -> list[str]:
        return [type(user).__name__, *(type(value).__name__ for value in user.__dict__.values())]

    @router.post("/optional")
    async def optional(user: User | None = None) -> User | None:
        return user

    @router.post("/embedded")
    async def embedded(user: Annotated[User, Body(embed=True)]) -> User:
        return user

    @router.post("/two")
    async def two(user: User, line: Line, note: Annotated[str, Body()] = "n") -> dict[str, Any]:
        return {"user": user, "line": line, "note": note}

    @router.post("/order")
    async def order(order: Order) -> Order:
        return order

    @router.post("/strict")
    async def strict(value: Strict) -> Strict:
        return value

    @router.post("/strict-field")
    async def strict_field(value: StrictField) -> str:
        return repr(value)

    @router.post("/mixed")
    async def mixed(value: Mixed) -> str:
        return repr(value)

    @router.post("/checked")
    async def checked(value: Checked) -> Checked:
        return value

    @router.post("/after")
    async def after(value: After) -> int:
        return value.n

    @router.post("/wrap")
    async def wrap(value: list[Wrap]) -> int:
        return len(value)

    @router.post("/posted")
    async def posted(value: Posted) -> int:
        return value._made

    @router.post("/extra")
    async def extra(value: Extra) -> Extra:
        return value

    @router.post("/aliased")
    async def aliased(value: Aliased) -> Aliased:
        return value

    @router.post("/floats")
    async def floats(value: Floats) -> str:
        return repr(value)

    @router.post("/tree")
    async def tree(value: Tree) -> Tree:
        return value

    @router.post("/point")
    async def point(value: Point) -> Point:
        return value

    @router.post("/pet")
    async def pet(value: Annotated[Cat | Dog, Body(discriminator="kind")]) -> str:
        return repr(value)

    @router.post("/any")
    async def anything(value: Annotated[Any, Body()]) -> str:
        return repr(value)

    @router.post("/numbers")
    async def numbers(value: list[int]) -> list[int]:
        return value

    @router.post("/raw")
    async def raw(value: Annotated[bytes, Body()]) -> int:
        return len(value)

    @router.post("/request-json")
    async def request_json(request: Request, user: User) -> list[Any]:
        given = await request.json()
        return [type(given).__name__, given, (await request.body()).decode("latin-1"), user]

    @router.post("/request-only")
    async def request_only(request: Request) -> Any:
        return await request.json()

    @router.post("/shared-same")
    async def shared_same(user: User, name: Annotated[str, Depends(reads_body)]) -> list[Any]:
        return [user, name]

    @router.post("/shared-different")
    async def shared_different(user: User, number: Annotated[int, Depends(reads_narrow)]) -> list[Any]:
        return [user, number]

    @router.post("/changed")
    async def changed(user: User, _: Annotated[None, Depends(changes_body)]) -> User:
        return user

    @router.post("/kept", dependencies=[Depends(changes_body)])
    async def kept(request: Request, user: User) -> list[Any]:
        user.tags.append("added by the endpoint")
        return [user, await request.json()]

    @router.post("/of-dependency")
    async def of_dependency(name: Annotated[str, Depends(reads_body)]) -> str:
        return name

    @router.post("/json-in-dependency")
    async def json_in_dependency(user: User, name: Annotated[str, Depends(reads_json)]) -> list[Any]:
        return [user, name]

    @router.post("/json-beside-bytes")
    async def json_beside_bytes(value: Annotated[bytes, Body()], name: Annotated[str, Depends(reads_json)]) -> str:
        return name

    @router.post("/with-query")
    async def with_query(user: User, limit: Annotated[int, Query()]) -> int:
        return limit + user.id

    @router.post("/held")
    async def held(user: User, held: Annotated[str, Depends(opened)]) -> User:
        CALLS.append(held)
        return user

    @router.post("/form")
    async def form(name: Annotated[str, Form()], number: Annotated[int, Form()] = 1) -> Line:
        return Line(sku=name, quantity=number)

    @router.post("/form-model")
    async def form_model(line: Annotated[Line, Form()]) -> Line:
        return line

    @router.post("/upload")
    async def upload(file: UploadFile, name: Annotated[str, Form()] = "n") -> list[Any]:
        return [file.filename, (await file.read()).decode("latin-1"), name]

    @router.post("/upload-bytes")
    def upload_bytes(file: Annotated[bytes | None, File()] = None) -> int:
        return len(file or b"")


def streaming_endpoints(router: APIRouter) -> None:
    """Add generators, which FastAPI streams as JSON lines from 0.134 on."""

    @router.get("/lines")
    async def lines() -> AsyncIterator[User]:
        for number in range(3):
            yield User(id=number, name="n")

    @router.get("/lines-sync")
    def lines_sync(held: Annotated[str, Depends(opened)]) -> Iterator[User]:
        CALLS.append(held)
        for number in range(3):
            yield User(id=number, name="n")

    @router.get("/lines-leak")
    async def lines_leak(held: Annotated[str, Depends(opened)]) -> AsyncIterator[User]:
        CALLS.append(held)
        yield USER
        yield IN_DB
        yield {"id": 3, "name": "dict", "password": "p"}  # type: ignore[misc]
        yield Row(id=3, name="row", password="p")  # type: ignore[misc]

    @router.get("/lines-leak-sync")
    def lines_leak_sync() -> Iterator[User]:
        yield USER
        yield IN_DB
        yield {"id": 3, "name": "dict", "password": "p"}  # type: ignore[misc]
        yield Row(id=3, name="row", password="p")  # type: ignore[misc]

    @router.get("/lines-after")
    async def lines_after() -> AsyncIterator[After]:
        yield After(n=1)

    @router.get("/lines-bad")
    async def lines_bad() -> AsyncIterator[User]:
        yield USER
        yield {"id": "x"}  # type: ignore[misc]

    @router.get("/lines-bad-sync")
    def lines_bad_sync() -> Iterator[User]:
        yield USER
        yield {"id": "x"}  # type: ignore[misc]

    @router.get("/lines-broken")
    async def lines_broken() -> AsyncIterator[User]:
        yield USER
        raise RuntimeError("broken")

    @router.get("/lines-broken-sync")
    def lines_broken_sync() -> Iterator[User]:
        yield USER
        raise RuntimeError("broken")

    @router.get("/lines-empty")
    async def lines_empty() -> AsyncIterator[User]:
        for number in ():
            yield number

    @router.get("/lines-undeclared")
    async def lines_undeclared():  # type: ignore[no-untyped-def]
        yield USER
        yield {"a": float("inf")}

    @router.get("/lines-unset", response_model_exclude_unset=True)
    async def lines_unset(response: Response) -> AsyncIterator[User]:
        response.headers["x-own"] = "1"
        yield USER

    @router.get("/raw-stream", response_class=StreamingResponse)
    async def raw_stream() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    if FASTAPI >= (0, 135):
        from fastapi.sse import EventSourceResponse

        @router.get("/events", response_class=EventSourceResponse)
        async def events() -> AsyncIterator[User]:
            yield USER


def add_endpoints(router: APIRouter) -> None:
    """Add everything."""
    get_endpoints(router)
    undeclared_endpoints(router)
    post_endpoints(router)
    if FASTAPI >= (0, 134):
        streaming_endpoints(router)


def include_routers(app: FastAPI, route_class: Any) -> None:
    """Include everything in two routers, twice, and what reads bodies behind dependencies that read the same body."""
    inner, bodies = APIRouter(route_class=route_class), APIRouter(route_class=route_class)
    add_endpoints(inner)
    post_endpoints(bodies)
    outer = APIRouter(prefix="/outer", route_class=route_class, dependencies=[Depends(answered)])
    outer.include_router(inner, prefix="/inner", tags=["inner"])
    app.include_router(outer, responses={418: {"description": "teapot"}})
    app.include_router(outer, prefix="/again", default_response_class=JSONResponse, dependencies=[Depends(opened)])
    app.include_router(bodies, prefix="/guarded", dependencies=[Depends(reads_body)])
    app.include_router(bodies, prefix="/changing", dependencies=[Depends(changes_body), Depends(reads_json)])


def make_app(route_class: Any, *, is_part: bool = False) -> FastAPI:
    """Return the application: everything at the root, in routers, and in an application that is a part of it.

    Args:
        route_class: The class of all routes.
        is_part: Only what is at the root.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"user": "state"}

    app = FastAPI(lifespan=lifespan)
    app.router.route_class = route_class
    add_endpoints(app.router)
    if not is_part:
        include_routers(app, route_class)
        app.mount("/mounted", make_app(route_class, is_part=True))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        body = error.body
        told = body if isinstance(body, (dict, list, str, int, float, type(None))) else repr(body)
        seen = type(await request.json()).__name__ if isinstance(body, (dict, list)) else ""
        return JSONResponse({"detail": repr(error.errors()), "body": repr(told), "seen": seen}, 422)

    return app
