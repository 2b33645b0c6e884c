"""Content negotiation by Accept and Accept-Encoding (RFC 9110, 12.5.1 and 12.5.3). Pure functions."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_serialization.integrations.fastapi.media_types import Offer, names, offers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_serialization.config import SerializationFormat

IDENTITY: Final = "identity"

_LONGEST_REMEMBERED: Final = 256
"""Characters; longer headers are parsed each time, so that nobody fills the memory with them."""


class _Range(NamedTuple):
    type: str
    quality: float


def negotiate(accept: str | None, offered: Sequence[SerializationFormat | str | Offer]) -> tuple[str, str] | None:
    """Choose a format by an Accept header.

    The most specific range that fits a media type gives its quality, and the highest quality wins; among equals it is
    the order of ``offered`` that counts. A quality of 0 excludes.

    Args:
        accept: The header; several of them joined by commas. ``None``, or nothing that can be read: anything goes.
        offered: Names of formats, the preferred one first.

    Returns:
        The format's name, and the media type to send: the client's own spelling where it has named one. ``None`` if
        nothing that is offered is acceptable (406).

    Raises:
        UnknownFormatError: nobody knows a name.
        ConfigurationError: no format is offered, or one that must not go over HTTP.
    """
    chosen = choose(accept, offers_of(offered))
    return None if chosen is None else (chosen[0].format, chosen[1])


def offers_of(offered: Sequence[SerializationFormat | str | Offer]) -> tuple[Offer, ...]:
    """Return the offers for names of formats; offers stay what they are."""
    ready = tuple(item for item in offered if isinstance(item, Offer))
    if ready and len(ready) == len(offered):
        return ready
    return offers(names(item for item in offered if not isinstance(item, Offer)))


def choose(accept: str | None, offered: tuple[Offer, ...]) -> tuple[Offer, str] | None:
    """Do what :func:`negotiate` does, for offers. What was chosen is remembered by header."""
    if accept is None:
        return offered[0], offered[0].media_type
    if len(accept) > _LONGEST_REMEMBERED:
        return _choose(accept, offered)
    return _chosen_before(accept, offered)


def _choose(accept: str, offered: tuple[Offer, ...]) -> tuple[Offer, str] | None:
    ranges = {item.type: item.quality for item in _ranges(accept) if _is_range(item.type)}
    if not ranges:
        return offered[0], offered[0].media_type
    best: tuple[Offer, str] | None = None
    highest = 0.0
    for offer in offered:
        media_type, quality = _quality(offer, ranges)
        if quality > highest:
            best, highest = (offer, media_type), quality
    return best


_chosen_before = lru_cache(maxsize=512)(_choose)


def _quality(offer: Offer, ranges: dict[str, float]) -> tuple[str, float]:
    """Return the best spelling of an offer and its quality."""
    named = [(spelling, ranges[spelling]) for spelling in (offer.media_type, *offer.aliases) if spelling in ranges]
    if named:
        return max(named, key=lambda item: item[1])
    main = offer.media_type.partition("/")[0]
    return offer.media_type, ranges.get(f"{main}/*", ranges.get("*/*", 0.0))


def asks_for(accept: str | None, media_type: str, beside: str) -> bool:
    """Say whether an Accept header names a media type, and ranks it no lower than another one.

    Args:
        accept: The header; several of them joined by commas.
        media_type: What has to be named: a range that includes it is not enough.
        beside: The other media type.
    """
    if accept is None or media_type not in accept.lower():
        return False
    ranges = {item.type: item.quality for item in _ranges(accept)}
    quality = ranges.get(media_type, 0.0)
    return quality > 0 and quality >= _quality(Offer("", beside), ranges)[1]


def _is_range(text: str) -> bool:
    main, slash, sub = text.partition("/")
    return bool(main and slash and sub) and (main != "*" or sub == "*")


def _ranges(header: str) -> Iterable[_Range]:
    """Yield the elements of a header; the first of those that name the same thing counts."""
    seen = set()
    for element in header.lower().split(","):
        name, *parameters = (part.strip() for part in element.split(";"))
        if name and name not in seen:
            seen.add(name)
            yield _Range(name, _weight(parameters))


def _weight(parameters: list[str]) -> float:
    """Return the weight, 0 to 1; one that cannot be read is as none at all."""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 1.0
            return min(max(weight, 0.0), 1.0) if weight == weight else 1.0
    return 1.0


def choose_coding(accept_encoding: str | None, offered: tuple[str, ...]) -> str:
    """Return the content coding to send: one of ``offered``, or ``"identity"``.

    Args:
        accept_encoding: The header; several of them joined by commas. ``None``: no coding.
        offered: Names of codings, the preferred one first.
    """
    if not accept_encoding or not offered:
        return IDENTITY
    if len(accept_encoding) > _LONGEST_REMEMBERED:
        return _choose_coding(accept_encoding, offered)
    return _coding_chosen_before(accept_encoding, offered)


def _choose_coding(accept_encoding: str, offered: tuple[str, ...]) -> str:
    wanted = {item.type: item.quality for item in _ranges(accept_encoding)}
    rest = wanted.get("*", 0.0)
    # Not named, identity is acceptable, and what everything that is named comes before.
    best, highest = IDENTITY, wanted.get(IDENTITY, 0.0)
    for coding in offered:
        quality = wanted.get(coding, rest)
        if quality > highest or (quality == highest > 0 and best == IDENTITY):
            best, highest = coding, quality
    return best


_coding_chosen_before = lru_cache(maxsize=512)(_choose_coding)
