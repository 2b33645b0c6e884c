"""FastAPI: every format by negotiation, native speed, cached responses and streams, on the routes that you have.

::

    app = FastAPI()
    setup(app, formats=("json", "msgpack"))


    @app.get("/products/{product_id}")
    @cached(60, tags=("product:{product_id}",))
    async def product(product_id: int) -> Product: ...
"""

from __future__ import annotations

from pydantic_serialization._optional import require

require("fastapi", extra="fastapi", purpose="the integration with FastAPI")

from pydantic_serialization.integrations.fastapi.application import (  # noqa: E402  (the extra is checked first)
    CacheDep,
    ManagerDep,
    RuntimeDep,
    get_cache,
    get_manager,
    get_runtime,
    lifespan,
    setup,
)
from pydantic_serialization.integrations.fastapi.background import cache_after, serialize_in_background  # noqa: E402
from pydantic_serialization.integrations.fastapi.cache_policy import cached  # noqa: E402
from pydantic_serialization.integrations.fastapi.negotiation import negotiate  # noqa: E402
from pydantic_serialization.integrations.fastapi.responses import EncodedResponse, ModelResponse  # noqa: E402
from pydantic_serialization.integrations.fastapi.route import ModelRoute, model_route  # noqa: E402
from pydantic_serialization.integrations.fastapi.runtime import Runtime  # noqa: E402
from pydantic_serialization.integrations.fastapi.streams import ModelStream  # noqa: E402

__all__ = [
    "CacheDep",
    "EncodedResponse",
    "ManagerDep",
    "ModelResponse",
    "ModelRoute",
    "ModelStream",
    "Runtime",
    "RuntimeDep",
    "cache_after",
    "cached",
    "get_cache",
    "get_manager",
    "get_runtime",
    "lifespan",
    "model_route",
    "negotiate",
    "serialize_in_background",
    "setup",
]
