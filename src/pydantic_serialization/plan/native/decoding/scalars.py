"""Programs for scalars, literals and enumerations."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaValidator, to_json
from pydantic_core.core_schema import literal_schema

from pydantic_serialization.plan.native.decoding.user_code import is_closed_enum
from pydantic_serialization.plan.native.program import Unsupported

if TYPE_CHECKING:
    from pydantic_serialization.plan.walk import Node

Program = tuple[Any, ...]

_BOUNDS = ("ge", "gt", "le", "lt")
_LARGEST = 2**63 - 1


def int_program(node: Node) -> Program:
    """Return the program of an ``int``."""
    bounds = [node.get(name) for name in (*_BOUNDS, "multiple_of")]
    if any(bound is not None and (type(bound) is not int or abs(bound) > _LARGEST) for bound in bounds):
        raise Unsupported("a bound that is no integer of 64 bits")
    if bounds[4] is not None and bounds[4] <= 0:
        raise Unsupported("multiple_of is not positive")
    return ("int", *bounds)


def float_program(node: Node) -> Program:
    """Return the program of a ``float``."""
    if node.get("multiple_of") is not None:
        raise Unsupported("multiple_of of a float")
    bounds = [node.get(name) for name in _BOUNDS]
    if any(bound is not None and type(bound) not in {int, float} for bound in bounds):
        raise Unsupported("a bound that is no number")
    return ("float", *(None if bound is None else float(bound) for bound in bounds))


def str_program(node: Node, config: Node) -> Program:
    """Return the program of a ``str``; what its schema does not say, the model's configuration does."""

    def rule(name: str) -> Any:
        return node.get(name, config.get(f"str_{name}"))

    if node.get("pattern") is not None:
        raise Unsupported("a pattern")
    if rule("to_lower") or rule("to_upper"):
        raise Unsupported("a change of case")
    return (
        "str",
        rule("min_length"),
        rule("max_length"),
        bool(rule("strip_whitespace")),
        bool(node.get("ascii_only", config.get("ascii_only"))),
    )


def bytes_program(node: Node, config: Node) -> Program:
    """Return the program of ``bytes``."""
    encoding = config.get("val_json_bytes", "utf8")
    return ("bytes", node.get("min_length"), node.get("max_length"), encoding)


def temporal_program(node: Node) -> Program:
    """Return the program of a date, a time or a duration."""
    allowed = {"type", "ref", "metadata", "serialization", "strict", "microseconds_precision"}
    if node.keys() - allowed:
        raise Unsupported("a constrained date or time")
    return (node["type"],)


def decimal_program(node: Node) -> Program:
    """Return the program of a ``Decimal``."""
    if node.keys() - {"type", "ref", "metadata", "serialization", "strict", "allow_inf_nan"}:
        raise Unsupported("a constrained Decimal")
    return ("decimal",)


def literal_program(node: Node) -> Program:
    """Return the program of a literal."""
    values = node["expected"]
    members = [value for value in values if isinstance(value, Enum)]
    plain = [value for value in values if not isinstance(value, Enum)]
    if any(value is not None and type(value) not in {str, int, bool} for value in plain):
        raise Unsupported("a literal of something else than text, integers and truth values")
    kinds = {type(value) for value in plain}
    # True equals 1 for Python: with both kinds, or with huge integers, Pydantic decides.
    is_closed = not ({int, bool} <= kinds) and not any(type(value) is int and abs(value) > _LARGEST for value in plain)
    if not is_closed:
        raise Unsupported("a literal of values that are equal to Python")
    return ("literal", (*((value, value) for value in plain), *_text_members(node, members, plain)), True)


def _text_members(node: Node, members: list[Enum], plain: list[Any]) -> list[tuple[str, Enum]]:
    """Return the text that stands for each member of an enumeration in a literal.

    Raises:
        Unsupported: it is not known which text stands for one.
    """
    pairs: dict[str, Enum] = {}
    for member in members:
        if not isinstance(member, str) or type(member).__eq__ is not str.__eq__:
            raise Unsupported("a literal of members of an enumeration that is not of text")
        text = str.__str__(member)
        if text in plain or text in pairs or not _stands_for(text, member, node["expected"]):
            raise Unsupported("a literal of values that are equal to Python")
        pairs[text] = member
    return list(pairs.items())


def _stands_for(text: str, member: Enum, expected: list[Any]) -> bool:
    """Say whether Pydantic gives a member for a text: which of several values it is, is Pydantic's to say."""
    try:
        return SchemaValidator(literal_schema(expected)).validate_json(to_json(text)) is member
    except ValueError:  # it is refused, or holds a lone surrogate
        return False


def enum_program(node: Node) -> Program:
    """Return the program of an enumeration."""
    members = node["members"]
    values = [member.value for member in members]
    kinds = {type(value) for value in values}
    if len(kinds) != 1 or not kinds <= {str, int}:
        raise Unsupported("an enumeration of something else than text or integers alone")
    if node.get("sub_type") == "float":
        raise Unsupported("an enumeration of numbers with fractions")
    if kinds == {int} and any(abs(value) > _LARGEST for value in values):
        raise Unsupported("an enumeration of huge integers")
    return ("enum", tuple(zip(values, members, strict=True)), is_closed_enum(node["cls"]))
