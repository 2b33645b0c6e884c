"""The reading half of a pipeline: open, decompress, decode."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_serialization.errors import DecodeError, FrameError, SerializationError
from pydantic_serialization.formats.detection import suggest_format
from pydantic_serialization.pipeline._remember import counting, counting_with
from pydantic_serialization.pipeline._watch import size_of_input, watched
from pydantic_serialization.reuse.payoff import NO_ACCOUNT, Payoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Input, LoadOptions
    from pydantic_serialization.container import Opened
    from pydantic_serialization.pipeline._base import PipelineParts
    from pydantic_serialization.profiling import OperationSlot


class Reading(NamedTuple):
    """The functions of a pipeline that read."""

    load: Callable[[Input], Any]
    load_with: Callable[[Input, LoadOptions], Any]
    finish_load: Callable[..., Any]


def bind_reading(parts: PipelineParts) -> Reading:
    """Return the functions that read, for what was chosen."""
    decode = parts.bound.decode
    open_payload, plain_up_to, special = parts.container.open, parts.container.plain_up_to, parts.container.special
    failed, slot, foreign = parts.failed, parts.read_slot, parts.foreign

    def load(data: Input) -> Any:
        try:
            if (
                type(data) is bytes
                and 0 < len(data) <= plain_up_to
                and data[0] not in special
                and data[0] not in foreign
            ):
                return decode(data)
            opened = open_payload(data)
            return opened.bound.decode(opened.payload)
        except Exception as error:
            _suggest(error, data, parts)
            _note_failure(error, failed, slot, parts)
            raise

    def load_with(data: Input, options: LoadOptions) -> Any:
        try:
            opened = open_payload(data)
            return opened.bound.decode_with(opened.payload, options)
        except Exception as error:
            _note_failure(error, failed, slot, parts)
            raise

    def finish_load(opened: Opened, options: LoadOptions, opened_ns: int = 0) -> Any:  # noqa: ARG001
        try:
            return opened.bound.decode_with(opened.payload, options) if options else opened.bound.decode(opened.payload)
        except Exception as error:
            _note_failure(error, failed, slot, parts)
            raise

    reads = parts.reads
    account: Payoff = NO_ACCOUNT
    remembered: Callable[[Input], Any] = load
    read_with: Callable[[Input, LoadOptions], Any] = load_with
    if reads is not None:
        account, remembered = reads.payoff, reads.bind(load)
        read_with = counting_with(reads, reads.bind_with(load_with), load_with)
    if slot is None:
        return Reading(load if reads is None else counting(reads, remembered, load), read_with, finish_load)

    def watched_load(data: Input) -> Any:
        slot.countdown -= 1
        if slot.countdown > 0:
            if account.active:
                return remembered(data)
            # The first lines of load() once more, for the same reason as in writing.
            if (
                type(data) is bytes
                and 0 < len(data) <= plain_up_to
                and data[0] not in special
                and data[0] not in foreign
            ):
                try:
                    return decode(data)
                except Exception as error:
                    _suggest(error, data, parts)
                    _note_failure(error, failed, slot, parts)
                    raise
            return load(data)
        skip = account.skip
        if skip > 0:
            account.skip = skip - 1
        elif reads is not None and not account.active:
            started = perf_counter_ns()
            result = load(data)
            elapsed = perf_counter_ns() - started
            slot.record(elapsed, len(data))
            reads.watched(data, slot.count, elapsed)
            return result
        started = perf_counter_ns()
        result = remembered(data) if account.active else load(data)
        slot.record(perf_counter_ns() - started, len(data))
        return result

    def watched_finish_load(opened: Opened, options: LoadOptions, opened_ns: int = 0) -> Any:
        slot.countdown -= 1
        if slot.countdown > 0:
            return finish_load(opened, options)
        started = perf_counter_ns()
        result = finish_load(opened, options)
        slot.record(opened_ns + perf_counter_ns() - started, opened.size)
        return result

    return Reading(watched_load, watched(read_with, slot, size_of_input), watched_finish_load)


def bind_open(parts: PipelineParts) -> Callable[[Input], Opened]:
    """Return the container's ``open`` for use by itself: its errors are counted and named as those of ``load`` are."""
    open_payload, failed, slot = parts.container.open, parts.failed, parts.read_slot

    def opened(data: Input) -> Opened:
        try:
            return open_payload(data)
        except Exception as error:
            _note_failure(error, failed, slot, parts)
            raise

    return opened


def _suggest(error: Exception, data: Input, parts: PipelineParts) -> None:
    """Ask for the format where none was named, for plain bytes: of what is opened first, the reader has said it."""
    if not (parts.foreign and isinstance(error, DecodeError) and isinstance(data, bytes)):
        return
    if data and data[0] not in parts.container.special:
        suggest_format(error, data)


def _note_failure(
    error: Exception, failed: Callable[[], None], slot: OperationSlot | None, parts: PipelineParts
) -> None:
    """Count a failed read, and say in the error which model and format it was."""
    failed()
    if slot is not None:
        slot.failed()
    if isinstance(error, SerializationError):
        error.model = error.model or parts.plan.name
        # Which format a frame holds is not known while it cannot be opened, unless one was asked for.
        if not (parts.foreign and isinstance(error, FrameError)):
            error.format = error.format or parts.format
