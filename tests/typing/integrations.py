"""What type checkers see of the integrations: run ``mypy`` over this file; nothing here is executed."""

from __future__ import annotations

from typing import Any, assert_type

import httpx
import httpx2
from pydantic import BaseModel
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from pydantic_serialization import CacheManager
from pydantic_serialization.integrations.http import ModelClient, SyncModelClient
from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.sqlalchemy import fetch_models, fetch_models_sync


class User(BaseModel):
    name: str


async def database(session: AsyncSession, other: Session, cache: CacheManager) -> None:
    assert_type(await fetch_models(session, select(), User), list[User])
    assert_type(await fetch_models(session, text("SELECT 1"), int, cache=cache, ttl=5, tags=["x"]), list[int])
    assert_type(await fetch_models(session, text("SELECT 1"), User | None), list[Any])
    assert_type(fetch_models_sync(other, text("SELECT 1"), User), list[User])


async def clients(one: httpx.AsyncClient, two: httpx2.AsyncClient, three: httpx.Client, four: httpx2.Client) -> None:
    for client in (ModelClient(one), ModelClient(two)):
        assert_type(await client.get("/", User), User)
        assert_type(await client.get("/", list[User], ttl=5), list[User])
        assert_type(await client.post("/", User(name="x"), User), User)
        assert_type(await client.request("POST", "/", User, body=1), User)
        await client.delete("/")
    for blocking in (SyncModelClient(three), SyncModelClient(four)):
        assert_type(blocking.get("/", User), User)
        assert_type(blocking.put("/", User(name="x"), list[User]), list[User])


def queues(data: bytes) -> None:
    codec = TaggedCodec([User])
    assert_type(codec.loads(data, User), User)
    assert_type(codec.loads(data), Any)
    TaggedCodec({"user": User}, signing_keys="x" * 32)
