"""What a route does beyond FastAPI's own routes: chosen by :func:`model_route`, once for a class of routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from pydantic_serialization.codecs import available_codecs
from pydantic_serialization.codecs.brotli import BrotliCodec
from pydantic_serialization.codecs.gzip import GzipCodec
from pydantic_serialization.codecs.zstd import ZstdCodec
from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

CODINGS: Final[dict[str, type[ZstdCodec | GzipCodec | BrotliCodec]]] = {
    "zstd": ZstdCodec,
    "gzip": GzipCodec,
    "br": BrotliCodec,
}
"""Content codings by their names in HTTP, and the codecs that write them (RFC 1952, 7932, 8878): never a registered one,
whose dictionary no client has."""


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """The options of a class of routes; :func:`model_route` describes them."""

    formats: tuple[str, ...] = ("json",)
    strict_accept: bool = True
    etag: bool = False
    compression: tuple[str, ...] = ()
    compression_threshold: int = 1024
    body: Literal["fast", "stock"] = "fast"
    unannotated: Literal["fast", "stock"] = "fast"
    stream: Literal["coalesce", "stock"] = "coalesce"
    max_body_bytes: int | None = None
    request_codings: tuple[str, ...] = ()
    problem_details: Literal["accept", "always", "never"] = "never"
    format_parameter: str | None = None


def codings(wanted: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the content codings out of ``wanted`` whose libraries are installed.

    Raises:
        ConfigurationError: HTTP knows no such coding.
    """
    if wanted is None:
        return ()
    chosen = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    unknown = [name for name in chosen if name not in CODINGS]
    if unknown:
        message = f"{unknown[0]!r} is no content coding; there are {', '.join(CODINGS)}"
        raise ConfigurationError(message)
    installed = available_codecs()
    return tuple(name for name in chosen if CODINGS[name].name in installed)
