"""Read settings from the environment and ``.env`` files through pydantic-settings, which is imported only here."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from pydantic import create_model
from pydantic_core import from_json

from pydantic_serialization._registry import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


def read_environment(
    known: Mapping[str, Any],
    *,
    prefix: str,
    env_file: str | Path | None,
    also_known: Collection[str] = (),
) -> dict[str, Any]:
    """Return the settings that the environment or the file gives a value, as the types in ``known`` ask.

    Args:
        known: Name of each setting to its type.
        prefix: What stands before the name, in capitals, in the environment.
        env_file: Path of a ``.env`` file, or ``None``.
        also_known: Names, in capitals and without prefix, that mean something elsewhere: no warning for them.

    Raises:
        pydantic.ValidationError: a value does not fit its type.
    """
    # Costs 126 ms to import, and only this call needs it.
    from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict  # noqa: PLC0415

    class _Environment(BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=prefix, env_file=env_file, extra="ignore", hide_input_in_errors=True, enable_decoding=False
        )

    optional: dict[str, Any] = dict.fromkeys(known, (Any, None))
    settings = create_model("EnvironmentSettings", __base__=_Environment, **optional)
    values = settings().model_dump(exclude_unset=True)

    in_file = DotEnvSettingsSource(settings, env_file=env_file).env_vars if env_file is not None else {}
    names = {name.upper() for name in os.environ} | {name.upper() for name in in_file}
    spellings = tuple(f"{prefix}{name.upper()}" for name in known)
    for name in sorted(names):
        if name.startswith(prefix) and name not in spellings and name.removeprefix(prefix) not in also_known:
            message = f"environment variable {name} names no setting{did_you_mean(name, spellings)}"
            warnings.warn(message, UserWarning, stacklevel=3)
    return {name: _plain(name, text) for name, text in values.items()}


def _plain(name: str, text: Any) -> Any:
    """Return lists and ``None`` as values; everything else stays text and is converted by the configuration."""
    if name == "signing_keys" and isinstance(text, str):
        return _keys(text)
    if (
        isinstance(text, str)
        and text.strip().lower() in {"none", "null", ""}
        and name in {"fallback_format", "redis_url"}
    ):
        return None
    return text


def _keys(text: str) -> Any:
    """Return the keys of a list: separated by commas, or in JSON, as pydantic-settings has lists."""
    if text.lstrip().startswith("["):
        try:
            return from_json(text)
        except ValueError:
            pass  # a key may begin with a bracket
    return tuple(key.strip() for key in text.split(",") if key.strip())
