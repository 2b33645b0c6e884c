"""Key templates: compiled once, right for every way to call, and never the same for different arguments."""

from __future__ import annotations

from inspect import signature
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization import CacheManager
from pydantic_serialization.cache.keys import check_key, check_tags, compile_key, encode_parts
from pydantic_serialization.errors import ConfigurationError, UnsupportedTypeError


def fetch(user_id: int, name: str = "ann", *, page: int = 1) -> None: ...


def test_a_template_joins_literals_and_encoded_values() -> None:
    """Literal text stays, values enter as encoded parts, braces can be doubled."""
    key = compile_key("user:{user_id}/{name}{{x}}{page}", signature(fetch))
    assert key((7,), {}) == f"user:{encode_parts(7)}/{encode_parts('ann')}{{x}}{encode_parts(1)}"
    assert compile_key("{user_id}", signature(fetch))((7,), {}) == encode_parts(7)
    assert compile_key("all", signature(fetch))((7,), {}) == "all"


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1, "ann"), {}), ((1,), {"name": "ann"}), ((), {"user_id": 1}), ((1,), {"page": 1})],
)
def test_the_way_to_call_does_not_matter(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Positions, keywords and defaults give the same key for the same arguments."""
    key = compile_key("{user_id}:{name}:{page}", signature(fetch))
    assert key(args, kwargs) == key((1, "ann"), {"page": 1})


def test_every_kind_of_parameter_can_be_named() -> None:
    """Positional-only, keyword-only and collecting parameters are found, and keep to themselves."""

    def function(a: int, /, b: int, *rest: int, c: int = 3, **options: int) -> None: ...

    key = compile_key("{a}|{b}|{rest}|{c}|{options}", signature(function))
    assert key((1, 2), {}) == "|".join(map(encode_parts, (1, 2, (), 3, {})))
    assert key((1, 2, 8, 9), {"c": 4, "a": 5, "z": 6}) == "|".join(
        map(encode_parts, (1, 2, (8, 9), 4, {"a": 5, "z": 6}))
    )
    assert key((1,), {"b": 2}) == key((1, 2), {})


def test_methods_have_their_object_in_the_signature() -> None:
    """A template over a method may use an attribute of ``self``."""

    class Service:
        tenant = "t1"

        def load(self, user_id: int) -> None: ...

    key = compile_key("{self.tenant}:{user_id}", signature(Service.load))
    assert key((Service(), 5), {}) == f"{encode_parts('t1')}:{encode_parts(5)}"


def test_attributes_can_be_named_at_any_depth() -> None:
    """``{user.address.city}`` reads attributes of the argument; without the attribute the error names it."""

    def function(user: Any) -> None: ...

    key = compile_key("{user.address.city}", signature(function))
    assert key((SimpleNamespace(address=SimpleNamespace(city="Rome")),), {}) == encode_parts("Rome")
    with pytest.raises(ConfigurationError, match=r"'address.city', which a 'SimpleNamespace' does not have"):
        key((SimpleNamespace(address=SimpleNamespace(secret=1)),), {})


def test_parameters_that_are_not_named_are_not_touched() -> None:
    """A request or a session among the arguments neither enters the key nor has to be encodable."""

    class Untouchable:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    def function(session: Any, user_id: int, request: Any = None) -> None: ...

    key = compile_key("user:{user_id}", signature(function))
    assert key((Untouchable(), 1), {"request": Untouchable()}) == f"user:{encode_parts(1)}"


@pytest.mark.parametrize("template", ["{user_idd}", "{usr_id.x}", "{}", "{0}", "{nothing}"])
def test_an_unknown_name_is_an_error_at_once(template: str) -> None:
    """A template that names no parameter is refused when it is compiled."""
    with pytest.raises(ConfigurationError, match="key template"):
        compile_key(template, signature(fetch))


def test_an_unknown_name_gets_a_suggestion() -> None:
    """The error proposes the nearest parameter, or lists them."""
    with pytest.raises(ConfigurationError, match="did you mean 'user_id'"):
        compile_key("user:{userid}", signature(fetch))
    with pytest.raises(ConfigurationError, match="user_id, name, page"):
        compile_key("user:{zzz}", signature(fetch))


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{user_id",
        "user_id}",
        "{user_id!r}",
        "{user_id:>5}",
        "{user_id[0]}",
        "{user_id.}",
        "{.x}",
        "x" * 600,
        "{a b}",
    ],
)
def test_a_malformed_template_is_an_error_at_once(template: str) -> None:
    """Positions, indices, conversions, format specifications and stray braces are refused when compiled."""
    with pytest.raises(ConfigurationError, match="key template"):
        compile_key(template, signature(fetch))


def test_a_template_is_text() -> None:
    """Something that is neither a template nor a callable is refused when it is compiled."""
    with pytest.raises(UnsupportedTypeError, match="'bytes'"):
        compile_key(b"user:{user_id}", signature(fetch))  # type: ignore[arg-type]


def test_a_missing_argument_is_pythons_own_error() -> None:
    """A call without the argument that the key needs fails as the function itself would."""
    key = compile_key("{user_id}", signature(fetch))
    with pytest.raises(TypeError, match="missing a required argument: 'user_id'"):
        key((), {"page": 2})


def test_a_value_that_cannot_be_encoded_is_an_error() -> None:
    """An argument of an unknown type raises instead of entering the key by its repr."""
    with pytest.raises(UnsupportedTypeError, match="'object'"):
        compile_key("{user_id}", signature(fetch))((object(),), {})


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_values_cannot_reach_over_the_literals(first: tuple[str, str], second: tuple[str, str]) -> None:
    """Two calls share a key only if all named arguments are the same, whatever text they contain."""
    key = compile_key("{user_id}:{name}", signature(fetch))
    assert (key(first, {}) == key(second, {})) is (first == second)


def test_a_key_of_many_long_values_stays_within_the_bound() -> None:
    """Many long parts are replaced by one digest, behind the beginning that a reader recognises."""

    def function(**options: str) -> None: ...

    names = [f"p{number}" for number in range(20)]
    parameters = signature(eval(f"lambda {','.join(names)}: None"))
    key = compile_key("report:" + ":".join(f"{{{name}}}" for name in names), parameters)
    first = key(tuple("x" * 150 for _ in names), {})
    other = key((*["x" * 150 for _ in names[1:]], "x" * 149 + "y"), {})
    assert check_key(first).startswith("report:")
    assert len(first) < 200
    assert first != other


def test_a_callable_gets_the_arguments_of_the_call() -> None:
    """A key function is called like the function that is cached."""
    key = compile_key(lambda user_id, name="ann", *, page=1: f"{user_id}-{name}-{page}", signature(fetch))
    assert key((7,), {"page": 3}) == "7-ann-3"


def test_a_callable_that_returns_no_str_is_an_error() -> None:
    """The error names the key function and what it returned."""

    def by_id(user_id: int) -> int:
        return user_id

    with pytest.raises(UnsupportedTypeError, match=r"by_id' returned 'int', not a str"):
        compile_key(by_id, signature(fetch))((7,), {})


def test_a_key_is_a_str_of_bounded_length() -> None:
    """Keys that are empty, too long or no str are refused; the error does not repeat them."""
    assert check_key("x" * 1024) == "x" * 1024
    for bad in ("", "x" * 1025):
        with pytest.raises(ConfigurationError, match="1 to 1024 characters") as caught:
            check_key(bad)
        assert "xx" not in str(caught.value)
    for other in (b"key", 5, None, ("a",), ["a"]):
        with pytest.raises(UnsupportedTypeError, match="a cache key is a str"):
            check_key(other)


def test_tags_are_a_collection() -> None:
    """One str in place of a collection would be taken for its letters, so it is refused."""
    assert check_tags(["a", "b", "a"]) == ("a", "b")
    assert check_tags(tag for tag in "ab") == ("a", "b")
    assert check_tags(()) == ()
    for bad in ("users", b"users"):
        with pytest.raises(UnsupportedTypeError, match="collection"):
            check_tags(bad)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        check_tags([""])


def test_an_entry_has_a_thousand_tags_at_most() -> None:
    """Each is a name that reads look up. An invalidation may name any number."""
    cache, tags = CacheManager(), [str(number) for number in range(1001)]
    for store in (
        lambda: cache.set_sync("key", b"value", tags=tags),
        lambda: cache.get_or_load_sync("key", lambda: b"value", tags=tags),
    ):
        with pytest.raises(ConfigurationError, match="at most 1000 tags, which reads have to look up, not 1001"):
            store()
    cache.set_sync("key", b"value", tags=tags[:1000])
    cache.invalidate_sync(tags=tags)
    assert cache.get_sync("key") is None
