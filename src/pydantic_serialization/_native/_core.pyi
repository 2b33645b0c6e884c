"""The module that ``native/`` is compiled to."""

from collections.abc import Callable
from typing import Any

def encoder(
    program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, text: bool, eager: bool = False
) -> Callable[..., Any]:
    """Return a function that writes JSON text of one type.

    Args:
        program: What the compiler made of the type.
        fallback: Does the calls that the program is not certain of, with the same arguments.
        max_depth: Levels of arrays and objects.
        text: Give ``str`` rather than ``bytes``.
        eager: Write natively even where the parts that Pydantic has to write make that slower.
    """

def msgpack_encoder(
    program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, eager: bool = False
) -> Callable[..., Any]:
    """Return a function that writes MessagePack of one type.

    Args:
        program: What the compiler made of the type.
        fallback: Does the calls that the program is not certain of, with the same arguments.
        max_depth: Levels of arrays and maps.
        eager: Write natively even where the parts that Pydantic has to give make that slower.
    """

def tree_encoder(program: tuple[Any, ...], fallback: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives what Pydantic's ``to_python(value, mode="json")`` gives for one type.

    Args:
        program: What the compiler made of the type.
        fallback: Does what the program is not certain of, with the same arguments.
    """

def decoder(
    program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, views: bool
) -> Callable[..., Any]:
    """Return a function that reads JSON text of one type.

    Args:
        program: What the compiler made of the type.
        fallback: Reads what the program is not certain of, with the same arguments.
        max_depth: Levels of arrays and objects.
        views: Read a ``memoryview`` too.
    """

def dispatcher(resolve: Callable[..., Any], *, entry: str, source: str, on_class: bool) -> Callable[..., Any]:
    """Return the function behind a method of all models.

    Args:
        resolve: Takes the method's arguments where the class has no current entry.
        entry: The attribute of a class that holds what was compiled at the time of binding, and the bound function.
        source: The attribute that holds what is compiled now.
        on_class: The method's first argument is the class rather than an instance.
    """
