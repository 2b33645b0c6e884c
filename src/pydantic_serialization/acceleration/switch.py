"""Switch the acceleration of Pydantic's public methods on and off.

Only the public methods are replaced, never what Pydantic compiles for a class: pydantic-core asks for exactly its own
objects there. What a class does not leave to Pydantic stays as it is: a ``model_dump_json`` that the user wrote is not
replaced, and gains only where it calls ``super()`` while :func:`install` is in force.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, TypeVar

from pydantic import BaseModel

from pydantic_serialization.acceleration import _behind
from pydantic_serialization.acceleration._entries import forget_all
from pydantic_serialization.acceleration._methods import METHODS, installed
from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.plan.native import core_for_json

ModelT = TypeVar("ModelT", bound=BaseModel)

_log = logging.getLogger("pydantic_serialization")
_lock = threading.RLock()
_OF_MODELS = ("model_dump_json", "model_validate_json")


def accelerate(model: type[ModelT]) -> type[ModelT]:
    """Put the native core under a class's ``model_dump_json`` and ``model_validate_json``; usable as a decorator.

    Results, errors and signatures stay Pydantic's. Subclasses inherit the methods, each served by its own fields. A
    method that the class or one of its bases defines itself is left alone. Without the native core nothing changes.
    ``uninstall(model)`` undoes it.

    Args:
        model: A model class. Fields that refer to classes which do not exist yet are no obstacle.

    Returns:
        The class itself.

    Raises:
        UnsupportedTypeError: This is no model class, or ``BaseModel`` itself, which is what :func:`install` is for.
    """
    _check(model)
    with _lock:
        for name in _OF_MODELS if core_for_json() is not None else ():
            if _is_left_to_pydantic(model, name):
                setattr(model, name, METHODS[BaseModel, name])
    return model


def install() -> None:
    """Put the native core under Pydantic's public JSON methods for the whole process.

    These are ``BaseModel.model_dump_json``, ``BaseModel.model_validate_json``, ``TypeAdapter.dump_json`` and
    ``TypeAdapter.validate_json``; FastAPI answers through the third. Results, errors and signatures stay Pydantic's.
    Called again, it does nothing. A method that another library has replaced is left alone, with a warning in the log.
    Without the native core nothing changes.
    """
    with _lock:
        for (owner, name), method in METHODS.items() if core_for_json() is not None else ():
            if name in installed:
                continue
            original = _behind.METHODS[owner, name]
            if owner.__dict__[name] is not original or not _behind.is_pydantics(original):
                _log.warning("%s.%s is not pydantic's own method any more; it is left alone", owner.__name__, name)
                continue
            installed.add(name)
            setattr(owner, name, method)


def uninstall(model: type[BaseModel] | None = None) -> None:
    """Undo :func:`install`, or :func:`accelerate` for one class.

    The methods that Pydantic came with are put back, the very same objects. A library that has wrapped ours in the
    meantime is left alone; what it wraps then does what Pydantic's method did. Called again, it does nothing.

    Args:
        model: A class that was accelerated by itself; ``None`` for the whole process, which leaves such classes as
            they are.

    Raises:
        UnsupportedTypeError: This is no model class.
    """
    if model is not None:
        _check(model)
    with _lock:
        if model is not None:
            for name in _OF_MODELS:
                if model.__dict__.get(name) is METHODS[BaseModel, name]:
                    delattr(model, name)
            return
        installed.clear()
        for (owner, name), method in METHODS.items():
            if owner.__dict__[name] is method:
                setattr(owner, name, _behind.METHODS[owner, name])
        forget_all()


def _check(model: Any) -> None:
    if not isinstance(model, type) or not issubclass(model, BaseModel) or model is BaseModel:
        message = f"expected a model class, got {model!r}" if isinstance(model, type) else "expected a model class"
        raise UnsupportedTypeError(f"{message}; install() and uninstall() without an argument are for all models")


def _is_left_to_pydantic(model: type[BaseModel], name: str) -> bool:
    """Say whether a class has a public method from Pydantic, not one of its own or of a library."""
    method = next(above.__dict__[name] for above in model.__mro__ if name in above.__dict__)
    original = _behind.METHODS[BaseModel, name]
    return method is METHODS[BaseModel, name] or (method is original and _behind.is_pydantics(original))
