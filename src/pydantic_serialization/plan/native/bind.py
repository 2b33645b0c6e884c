"""Functions of the native core for one type, each with Pydantic's own function behind it.

The functions are drop-ins: whatever the core is not certain of, it hands to ``fallback`` with the very same arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.plan.native.decoding import compile_decoding
from pydantic_serialization.plan.native.parts import ProgramParts
from pydantic_serialization.plan.native.supported import core_for_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.plan.spec import ModelPlan

DEEPEST = 200
"""Levels of arrays and objects that Pydantic reads."""


def bind_encoder(
    plan: ModelPlan,
    fallback: Callable[..., Any],
    *,
    max_depth: int = DEEPEST,
    text: bool = False,
    part_check: Callable[[Any], bool] | None = None,
) -> Callable[..., Any]:
    """Return the function that writes JSON text of the plan's type.

    Args:
        plan: The type.
        fallback: Takes a value and Pydantic's options of ``SchemaSerializer.to_json``; gives what the function gives.
        max_depth: Levels of arrays and objects; deeper values go to ``fallback``.
        text: Give ``str``, as ``model_dump_json`` does, rather than ``bytes``.
        part_check: Says whether a value holds NaN or infinities, which then go to ``fallback`` unless the model says how
            they are written. ``None`` writes them as Pydantic does.

    Returns:
        A function with the arguments of ``fallback``; ``fallback`` itself where the core can do nothing.
    """
    core, program = core_for_json(), (plan.encoding if part_check is None else plan.finite_encoding).program
    if core is None or program is None:
        return fallback
    return core.encoder(
        program, fallback, max_depth=max_depth, text=text, part_stack=_stack_to_write(plan), part_check=part_check
    )


def bind_lines_encoder(
    item: ModelPlan,
    fallback: Callable[..., Any],
    *,
    max_depth: int = DEEPEST,
    part_check: Callable[[Any], bool] | None = None,
) -> Callable[..., Any]:
    """Return the function that writes a list as lines of JSON (https://jsonlines.org).

    Args:
        item: The type of an item.
        fallback: Takes a list and Pydantic's options of ``SchemaSerializer.to_json``; gives the lines.
        max_depth: Levels of arrays and objects of an item; deeper values go to ``fallback``.
        part_check: As for :func:`bind_encoder`.

    Returns:
        A function with the arguments of ``fallback``; ``fallback`` itself where the core can do nothing.
    """
    core, program = core_for_json(), (item.encoding if part_check is None else item.finite_encoding).program
    if core is None or program is None:
        return fallback
    return core.lines_encoder(
        program, fallback, max_depth=max_depth, part_stack=_stack_to_write(item), part_check=part_check
    )


def bind_msgpack_encoder(
    plan: ModelPlan,
    fallback: Callable[..., Any],
    *,
    max_depth: int = DEEPEST,
    part_check: Callable[[Any], bool] | None = None,
) -> Callable[..., Any]:
    """Return the function that writes MessagePack of the plan's type.

    Args:
        plan: The type.
        fallback: Takes a value and Pydantic's options of ``SchemaSerializer.to_python``; gives the document.
        max_depth: Levels of arrays and maps; deeper values go to ``fallback``.
        part_check: As for :func:`bind_encoder`.

    Returns:
        A function with the arguments of ``fallback``; ``fallback`` itself where the core can do nothing.
    """
    core, program = core_for_json(), (plan.packing if part_check is None else plan.finite_packing).program
    if core is None or program is None:
        return fallback
    return core.msgpack_encoder(
        program, fallback, max_depth=max_depth, part_stack=_stack_to_write(plan), part_check=part_check
    )


def bind_decoder(
    plan: ModelPlan, fallback: Callable[..., Any], *, max_depth: int = DEEPEST, views: bool = False
) -> Callable[..., Any]:
    """Return the function that reads JSON text of the plan's type.

    Args:
        plan: The type.
        fallback: Takes data and Pydantic's options of ``SchemaValidator.validate_json``.
        max_depth: Levels of arrays and objects; deeper documents go to ``fallback``.
        views: Read a ``memoryview`` too, which Pydantic does not.

    Returns:
        A function with the arguments of ``fallback``; ``fallback`` itself where the core can do nothing.
    """
    core, program = core_for_json(), plan.decoding.program
    if core is None or program is None:
        return fallback
    return core.decoder(
        program,
        fallback,
        max_depth=max_depth,
        views=views,
        part_stack=_stack_to_read(plan, has_hole=plan.decoding_has_hole),
    )


def bind_msgpack_decoder(
    plan: ModelPlan, fallback: Callable[..., Any], *, max_depth: int = DEEPEST, mark: str | None = None
) -> Callable[..., Any]:
    """Return the function that reads MessagePack of the plan's type, as JSON is read, from any contiguous buffer.

    Args:
        plan: The type.
        fallback: Takes data and Pydantic's options of ``SchemaValidator.validate_json``.
        max_depth: Levels of arrays and maps; deeper documents go to ``fallback``.
        mark: The schema of the plan was changed, and its validator built anew, to take text that begins so for
            ``bytes``; see :mod:`~pydantic_serialization.plan.marks`. Without one, bytes are their text.

    Returns:
        A function with the arguments of ``fallback``; ``fallback`` itself where the core can do nothing.
    """
    core = core_for_json()
    if core is None:
        return fallback
    if mark is None:
        program = plan.decoding.program
    else:
        program = compile_decoding(plan.wire_schema, plan.validator, is_rebuilt=True).program
    if program is None:
        return fallback
    has_hole = plan.decoding_has_hole if mark is None else ProgramParts(program, "reading").has_hole
    return core.msgpack_decoder(
        program, fallback, max_depth=max_depth, mark=mark, part_stack=_stack_to_read(plan, has_hole=has_hole)
    )


def _stack_to_write(plan: ModelPlan) -> int:
    """Return the bytes of the stack that Pydantic may take for a part that it is asked to write."""
    return plan.stack_to_write.most


def _stack_to_read(plan: ModelPlan, *, has_hole: bool) -> int:
    """Return the bytes of the stack that Pydantic may take for a part that it is asked to read; 0 if there is none."""
    return plan.stack_to_read.most if has_hole else 0
