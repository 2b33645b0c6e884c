"""The cached list once more, with fastapi-cache2."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

from typing import Any

from _web_app import USERS, User
from fastapi import FastAPI


def build() -> FastAPI:
    """Return an application whose list is cached in this process, as the library's documentation has it."""
    from fastapi_cache import FastAPICache  # noqa: PLC0415
    from fastapi_cache.backends.inmemory import InMemoryBackend  # noqa: PLC0415
    from fastapi_cache.decorator import cache  # noqa: PLC0415

    FastAPICache.init(InMemoryBackend(), prefix="benchmark")
    app = FastAPI()
    decorate: Any = cache(expire=3600)

    async def from_cache() -> list[User]:
        return USERS

    app.get("/cached")(decorate(from_cache))
    return app
