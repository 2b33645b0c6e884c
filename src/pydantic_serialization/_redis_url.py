"""What a ``redis_url`` may begin with, and how it is shown."""

from __future__ import annotations

import re
from typing import Final

from pydantic_serialization._registry import did_you_mean
from pydantic_serialization.errors import ConfigurationError

SCHEMES: Final = (
    "redis",
    "rediss",
    "unix",
    "redis+sentinel",
    "rediss+sentinel",
    "sentinel",
    "redis+cluster",
    "rediss+cluster",
)
"""``rediss`` is Redis behind TLS."""


def check_scheme(url: str) -> None:
    """Refuse what is no URL of Redis.

    Raises:
        ConfigurationError: it begins with something else. The message does not repeat it: it may hold a password.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        message = "redis_url has no scheme: write redis://HOST:6379"
        raise ConfigurationError(message)
    if scheme not in SCHEMES:
        meant = did_you_mean(scheme, SCHEMES)
        message = f"redis_url cannot begin with {scheme + '://'!r}{meant} (known: {', '.join(SCHEMES)})"
        raise ConfigurationError(message)


def without_credentials(url: str) -> str:
    """Return a URL for statistics and logs: without user, password and options."""
    # By hand: a password may hold "/", "?" or "#" where nobody encoded it, and then a parser takes it for a path.
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "***"
    return f"{scheme}://{re.split('[?#]', rest.rpartition('@')[2], maxsplit=1)[0]}"
