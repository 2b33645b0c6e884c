"""The function that stands in an endpoint's place: it runs the endpoint, and writes what it returns.

FastAPI sends a response that an endpoint returns as it is. So the function returns a response where our writer is certain
of the value, and the value itself where FastAPI has to do the work. All it needs of FastAPI is public: the injected
response with the headers and the status that dependencies have set, and that responses pass through.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from typing import TYPE_CHECKING, Any, Final

from fastapi import routing
from fastapi.dependencies.utils import get_dependant, get_typed_return_annotation, get_typed_signature
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import compile_path

from pydantic_serialization.integrations.fastapi.exchange import CURRENT
from pydantic_serialization.integrations.fastapi.signatures import own_signature, with_parameter
from pydantic_serialization.integrations.fastapi.turns import LARGE, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

_INJECTED: Final = "pydantic_serialization_response"
_ORIGINAL: Final = "__pydantic_serialization_endpoint__"


def original(endpoint: Any) -> Any:
    """Return the user's endpoint that ``endpoint`` stands for, or ``endpoint`` itself."""
    return getattr(endpoint, _ORIGINAL, endpoint)


def stand_in(endpoint: Callable[..., Any], path: str) -> Callable[..., Any]:
    """Return the function to register in place of an endpoint; the endpoint itself where FastAPI has to do all.

    Args:
        endpoint: The endpoint, or a function that this one has returned before: older routers copy their routes.
        path: The path of the route.
    """
    endpoint = original(endpoint)
    if not inspect.isfunction(endpoint) and not inspect.ismethod(endpoint):
        return endpoint
    unwrapped = inspect.unwrap(endpoint)
    if inspect.isgeneratorfunction(unwrapped) or inspect.isasyncgenfunction(unwrapped):
        return _streaming(endpoint)
    is_coroutine = inspect.iscoroutinefunction(endpoint)
    if is_coroutine != inspect.iscoroutinefunction(unwrapped):
        return endpoint
    injected = get_dependant(path=compile_path(path)[1], call=endpoint).response_param_name
    own = injected is not None
    name = injected or _INJECTED

    @functools.wraps(endpoint)
    async def run(**arguments: Any) -> Any:
        response: Response | None = arguments[name] if own else arguments.pop(name, None)
        exchange = CURRENT.get()
        if exchange is None or response is None:
            return await endpoint(**arguments) if is_coroutine else await run_in_threadpool(endpoint, **arguments)
        cached = exchange.binding.cached
        if cached is not None:
            return await cached.respond(exchange, response, _call(endpoint, is_coroutine, arguments), arguments)
        value = await endpoint(**arguments) if is_coroutine else await run_in_threadpool(endpoint, **arguments)
        binding = exchange.binding
        if binding.last_size < LARGE:
            return binding.respond(exchange, value, response)
        return await in_turn(functools.partial(binding.respond, exchange, value, response))

    run.__signature__ = _signature(endpoint, None if own else name)  # type: ignore[attr-defined]
    return _marked(run, endpoint)


def _call(endpoint: Callable[..., Any], is_coroutine: bool, arguments: dict[str, Any]) -> Callable[[], Any]:
    if is_coroutine:
        return functools.partial(endpoint, **arguments)
    return functools.partial(run_in_threadpool, endpoint, **arguments)


def _streaming(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives the endpoint's generator, and notes it for the route."""

    @functools.wraps(endpoint)
    def run(**arguments: Any) -> Any:
        generator = endpoint(**arguments)
        exchange = CURRENT.get()
        if exchange is None or exchange.binding.stream is None:
            return generator
        exchange.stream = exchange.binding.stream.take(generator)
        return exchange.stream.source

    return _marked(run, endpoint)


def _marked(run: Callable[..., Any], endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return the stand-in, by which the endpoint can be found, and whose errors name the endpoint's file."""
    setattr(run, _ORIGINAL, endpoint)
    describe, known = (
        getattr(routing, name, None) for name in ("_extract_endpoint_context", "_endpoint_context_cache")
    )
    file = inspect.getsourcefile(endpoint)
    if describe is not None and isinstance(known, dict) and file is not None:
        # FastAPI keeps what it finds in a function's code by the function's id, which another may have had before.
        known.pop(id(run), None)
        describe(run)["file"] = file
        weakref.finalize(run, known.pop, id(run), None).atexit = False
    return run


def _signature(endpoint: Callable[..., Any], added: str | None) -> inspect.Signature:
    """Return the endpoint's signature with its annotations resolved, which FastAPI could not do for the stand-in."""
    signature = own_signature(endpoint, get_typed_signature)
    if added is not None:
        response = inspect.Parameter(added, inspect.Parameter.KEYWORD_ONLY, annotation=Response)
        signature = with_parameter(signature, response)
    returned = inspect.signature(endpoint).return_annotation
    if returned is not inspect.Signature.empty:
        returned = get_typed_return_annotation(endpoint)
    return signature.replace(return_annotation=returned)
