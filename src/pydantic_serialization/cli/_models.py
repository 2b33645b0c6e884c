"""Find the model that is named on the command line: ``module:Class`` or ``path/to/file.py:Class``."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pydantic_serialization._registry import did_you_mean
from pydantic_serialization.cli._console import CommandError

if TYPE_CHECKING:
    from types import ModuleType


def load_object(reference: str, app_dir: Path | None = None) -> Any:
    """Import and return what ``reference`` names. This runs the module's code.

    Args:
        reference: ``"module:name"`` or ``"path/to/file.py:name"``; the name may have dots.
        app_dir: Directory to import from; the current one if ``None``.

    Raises:
        CommandError: there is no such module or name (with the nearest one there is), or importing it failed.
    """
    module_name, separator, name = reference.rpartition(":")
    if not separator or not module_name or not name:
        message = f"{reference!r} names no object; write module:Class or path/to/file.py:Class"
        raise CommandError(message)
    directory = str((app_dir if app_dir is not None else Path.cwd()).resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    module = _from_file(module_name, directory) if module_name.endswith(".py") else _from_name(module_name)
    return _attribute(module, name)


def load_model(reference: str, app_dir: Path | None = None) -> Any:
    """Return the type that ``reference`` names; see :func:`load_object`.

    Raises:
        CommandError: there is none, or it is a value and no type.
    """
    found = load_object(reference, app_dir)
    if isinstance(found, (BaseModel, str, bytes, int, float, list, dict, tuple)):
        message = f"{reference} is a value of the class {type(found).__name__}, not a model"
        raise CommandError(message)
    return found


def _from_name(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise _failed(name, error) from error
        message = f"there is no module {missing!r}{did_you_mean(missing, _siblings(missing))}"
        raise CommandError(message) from error
    except Exception as error:
        raise _failed(name, error) from error


def _from_file(text: str, directory: str) -> ModuleType:
    path = Path(directory, text).resolve()
    if not path.is_file():
        near = tuple(sorted(item.name for item in path.parent.glob("*.py")))
        message = f"there is no file {text}{did_you_mean(path.name, near)}"
        raise CommandError(message)
    # The module is found again under this name by whatever looks its classes up, pickle for one.
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"_model_file_{abs(hash(path))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        message = f"{text} is no Python file"
        raise CommandError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(name, None)
        raise _failed(text, error) from error
    return module


def _attribute(module: ModuleType, name: str) -> Any:
    found: Any = module
    for step in name.split("."):
        if not hasattr(found, step):
            known = tuple(key for key, value in vars(found).items() if isinstance(value, type) or callable(value))
            models = [key for key in known if _is_model(getattr(found, key), found)]
            has = f" (models: {', '.join(models)})" if models else ""
            owner = getattr(found, "__name__", str(found))
            message = f"{owner} has no {step!r}{did_you_mean(step, known)}{has}"
            raise CommandError(message)
        found = getattr(found, step)
    return found


def _is_model(value: Any, owner: Any) -> bool:
    is_class = isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel
    return is_class and value.__module__ == getattr(owner, "__name__", "")


def _siblings(name: str) -> tuple[str, ...]:
    """Return the modules beside the one that is missing."""
    parent, _, _ = name.rpartition(".")
    package = sys.modules.get(parent) if parent else None
    where = getattr(package, "__path__", None)
    prefix = f"{parent}." if parent else ""
    return tuple(f"{prefix}{found.name}" for found in pkgutil.iter_modules(where))


def _failed(what: str, error: Exception) -> CommandError:
    """Say where the user's own module failed: one line, not the whole traceback of the import system."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "importlib" not in frame.filename and frame.filename != __file__]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return CommandError(f"importing {what} failed: {type(error).__name__}: {error}{place}")
