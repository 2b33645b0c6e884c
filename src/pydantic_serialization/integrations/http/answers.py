"""What a server has answered: the decoded body with what has to be known of it, bounded at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from pydantic_serialization.bare import decoder, encoder
from pydantic_serialization.codecs import available_codecs, get_codec
from pydantic_serialization.errors import DecodeError, DecompressionError, LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODECS: Final = {"gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd", "br": "brotli"}
"""Content codings (RFC 9110, 8.4.1) by the names of our codecs."""

_LONGEST_ERROR_BODY: Final = 65_536


class Answer(NamedTuple):
    """One answer.

    Attributes:
        status: The status.
        content_type: As the server wrote it.
        etag: Of the body, or ``None``.
        keep: Whether the server lets it be kept at all.
        body: Without content codings.
    """

    status: int
    content_type: str
    etag: str | None
    keep: bool
    body: bytes


class _Head(BaseModel):
    status: int
    content_type: str
    etag: str | None


_write_head, _read_head = encoder(_Head), decoder(_Head)


def pack(answer: Answer) -> bytes:
    """Return what is kept of an answer: one line of JSON, then the body as it is."""
    head = _Head(status=answer.status, content_type=answer.content_type, etag=answer.etag)
    return b"".join((_write_head(head), b"\n", answer.body))


def unpack(data: bytes) -> Answer:
    """Return the answer in what was kept.

    Raises:
        DecodeError: it is something else.
    """
    line, _, body = data.partition(b"\n")
    try:
        head = _read_head(line)
    except ValidationError:
        message = "what is in the cache is not an answer"
        raise DecodeError(message) from None
    return Answer(head.status, head.content_type, head.etag, keep=True, body=body)


def accepted_codings() -> str:
    """Return the ``Accept-Encoding`` of what can be decoded here within bounds."""
    usable = available_codecs()
    return ", ".join(coding for coding, codec in _CODECS.items() if codec in usable and not coding.startswith("x-"))


class Collector:
    """Takes in the raw body of a response, chunk by chunk, and never more than the limit.

    Of the body of an error the beginning is enough.

    Attributes:
        status: The status of the response.
        content_type: As the server wrote it.

    Args:
        response: Of httpx or httpx2, not read yet.
        limit: Bytes of the body, before and after decoding.

    Raises:
        LimitExceededError: the server announces a larger one.
    """

    def __init__(self, response: Any, limit: int) -> None:
        self.status: int = response.status_code
        self._headers: Mapping[str, str] = response.headers
        self.content_type = self._headers.get("content-type", "")
        self._limit = limit
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_decoded = False
        announced = self._headers.get("content-length", "")
        if self.is_success and announced.isdecimal() and int(announced) > limit:
            self._refuse()

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    def add(self, chunk: bytes) -> bool:
        """Take in some bytes, and say whether more are wanted.

        Raises:
            LimitExceededError: there are too many.
        """
        self._size += len(chunk)
        if self.is_success and self._size > self._limit:
            self._refuse()
        self._chunks.append(chunk)
        return self.is_success or self._size < _LONGEST_ERROR_BODY

    def add_decoded(self, body: bytes) -> None:
        """Take in a body that the client has read and decoded already.

        Raises:
            LimitExceededError: it is too large.
        """
        self._is_decoded = True
        self.add(body)

    def answer(self) -> Answer:
        """Return the answer.

        Raises:
            DecodeError: the body is not what ``Content-Encoding`` says, or in a coding that nobody asked for.
            LimitExceededError: it decodes to more than the limit.
        """
        directives = {item.strip().lower() for item in self._headers.get("cache-control", "").split(",")}
        return Answer(
            status=self.status,
            content_type=self.content_type,
            etag=self._headers.get("etag"),
            keep="no-store" not in directives and self._headers.get("vary", "").strip() != "*",
            body=self._decoded(b"".join(self._chunks)),
        )

    def error_body(self) -> bytes:
        """Return the beginning of the body of an error, or nothing if it cannot be decoded."""
        try:
            return self._decoded(b"".join(self._chunks))[:_LONGEST_ERROR_BODY]
        except DecodeError:
            return b""

    def _decoded(self, body: bytes) -> bytes:
        if self._is_decoded:
            return body
        said = (item.strip().lower() for item in self._headers.get("content-encoding", "").split(","))
        codings = [coding for coding in said if coding not in {"", "identity"}]
        if not body or not codings:
            return body
        coding, *others = codings
        codec = None if others else _CODECS.get(coding)
        if codec is None:
            # A chain would be as much work as the header is long.
            message = f"the body has the content coding {', '.join(codings)[:40]!r}, which was not asked for"
            raise DecompressionError(message)
        return get_codec(codec).decompress(body, limit=self._limit)

    def _refuse(self) -> None:
        message = f"the body is larger than max_response_bytes={self._limit}"
        raise LimitExceededError(message, limit="max_response_bytes")
