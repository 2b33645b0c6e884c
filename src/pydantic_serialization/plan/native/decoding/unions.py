"""Programs for unions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.plan.native.decoding.certainty import is_certain
from pydantic_serialization.plan.native.program import Part, Unsupported

if TYPE_CHECKING:
    from pydantic_serialization.plan.native.decoding.compiler import DecodingCompiler
    from pydantic_serialization.plan.walk import Node

Program = tuple[Any, ...]


def union_program(compiler: DecodingCompiler, node: Node, config: Node) -> Program:
    """Return the program of a union in smart or left-to-right mode.

    Raises:
        Unsupported: the fit of a member is known to Pydantic only.
    """
    if any(key in node for key in ("custom_error_type", "custom_error_message", "custom_error_context")):
        raise Part("a union with an error of its own")
    choices = [choice[0] if isinstance(choice, tuple) else choice for choice in node["choices"]]
    if len(choices) == 1 and node.get("auto_collapse", True):
        return compiler.native(choices[0], config)
    try:
        members = tuple(compiler.native(choice, config) for choice in choices)
    except Unsupported as error:
        reason = f"a union with a member that pydantic reads ({error.reason})"
        raise Part(reason, error.advice, by_user=error.by_user) from None
    if not all(is_certain(member, None) for member in members):
        raise Part("a union with a member that pydantic reads")
    kind = "union" if node.get("mode", "smart") == "smart" else "union-left"
    return compiler.union_checked_later((kind, members))


def tagged_program(compiler: DecodingCompiler, node: Node, config: Node) -> Program:
    """Return the program of a union whose member is told by a key.

    Raises:
        Unsupported: the key is found by a function, or in a way of its own.
    """
    if any(key in node for key in ("custom_error_type", "custom_error_message", "custom_error_context")):
        raise Part("a union with an error of its own")
    discriminator = node["discriminator"]
    while isinstance(discriminator, list) and len(discriminator) == 1:
        discriminator = discriminator[0]
    if not isinstance(discriminator, str):
        raise Part("a discriminator that is no single key")
    tags: list[tuple[str, int]] = []
    programs: list[Program] = []
    for tag, choice in node["choices"].items():
        if type(tag) is not str:
            raise Part("a tag that is no plain text")
        tags.append((tag, len(programs)))
        program = compiler.program(choice, config)
        if not _has_key(compiler, program, discriminator):
            raise Part("a member that does not declare the discriminator as a field")
        programs.append(program)
    return ("tagged", discriminator, tuple(tags), tuple(programs))


def _has_key(compiler: DecodingCompiler, program: Program, key: str) -> bool:
    """Say whether a member reads a key as a field, so that it notices a second one."""
    if program[0] == "definition-ref":
        target = compiler.definitions[program[1]]
        # One that is still being compiled is a model around this very union.
        return target == ("none",) or _has_key(compiler, target, key)
    if program[0] in {"model", "typed-dict"}:
        keys = program[3] if program[0] == "model" else program[2]
        return any(name == key and meaning is not None for name, meaning in keys)
    if program[0] == "after":
        return _has_key(compiler, program[2], key)
    if program[0] == "before":
        return _has_key(compiler, program[2], key)
    if program[0] in {"piece", "init"}:  # Pydantic reads it whole, or no key may come twice
        return True
    return program[0] == "tagged" and all(_has_key(compiler, member, key) for member in program[3])
