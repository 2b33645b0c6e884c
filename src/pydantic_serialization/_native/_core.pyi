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

def copier(
    kind_of: Callable[[type], tuple[str, bool, bool]],
    deepcopy: Callable[[Any, dict[int, Any]], Any],
    fallback: Callable[[Any], Any],
) -> Callable[[Any], Any]:
    """Return a function that copies a model as ``model_copy(deep=True)`` does.

    Args:
        kind_of: Says how instances of a class are copied; asked once for each class, and again when it is changed.
        deepcopy: Copies a value, with a memo, where the core is not certain.
        fallback: Copies a model that the core does not copy at all.
    """

def freeze_checker(kind_of: Callable[[type], tuple[str, bool, bool]]) -> Callable[[Any], bool]:
    """Return a function that says whether a value is frozen all the way down.

    Args:
        kind_of: As for ``copier``.
    """
