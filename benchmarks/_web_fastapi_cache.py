"""The cached list once more, with fastapi-cache2."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

from importlib import import_module
from typing import Any

from _web_app import USERS, User
from fastapi import FastAPI


def build() -> FastAPI:
    """Return an application whose list is cached in this process, as the library's documentation has it."""
    library = import_module("fastapi_cache")  # not among what this project needs
    backend = import_module("fastapi_cache.backends.inmemory").InMemoryBackend()
    decorate: Any = import_module("fastapi_cache.decorator").cache(expire=3600)
    library.FastAPICache.init(backend, prefix="benchmark")
    app = FastAPI()

    async def from_cache() -> list[User]:
        return USERS

    app.get("/cached")(decorate(from_cache))
    return app
