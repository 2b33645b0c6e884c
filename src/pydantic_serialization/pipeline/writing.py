"""The writing half of a pipeline: encode, compress, seal."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic import ValidationError

from pydantic_serialization.errors import SerializationError
from pydantic_serialization.formats._digits import MOST_DIGITS
from pydantic_serialization.formats._errors import encode_error, is_misspelt_option, repeats_payload
from pydantic_serialization.pipeline._base import OFFLOAD_BYTES
from pydantic_serialization.pipeline._remember import counting, counting_with
from pydantic_serialization.pipeline._watch import size_of_result, watched
from pydantic_serialization.reuse.payoff import NO_ACCOUNT, Payoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.pipeline._base import PipelineParts


class Writing(NamedTuple):
    """The functions of a pipeline that write."""

    dump: Callable[[Any], bytes]
    dump_with: Callable[[Any, DumpOptions], bytes]
    begin_dump: Callable[[Any, DumpOptions], bytes | Callable[[], bytes]]


def bind_writing(parts: PipelineParts) -> Writing:
    """Return the functions that write, for what was chosen."""
    encode, encode_with = parts.bound.encode, parts.bound.encode_with
    pack, plain_below, special = parts.container.finish, parts.container.plain_below, parts.container.special
    fail = _write_failure(parts)
    check = parts.bound.check_written
    if check is not None:
        plain_below = min(plain_below, MOST_DIGITS + 1)

    def finish(payload: bytes, value: Any) -> bytes:
        try:
            if check is not None and len(payload) > MOST_DIGITS:
                check(payload, value)
            return pack(payload)
        except Exception as error:  # noqa: BLE001  (counted like an error of encoding)
            fail(error, None)

    def dump(value: Any) -> bytes:
        try:
            payload = encode(value)
        except Exception as error:  # noqa: BLE001  (whatever a user's serializer raises becomes an EncodeError)
            fail(error, value)
        if payload and len(payload) < plain_below and payload[0] not in special:
            return payload
        return finish(payload, value)

    def dump_with(value: Any, options: DumpOptions) -> bytes:
        try:
            payload = encode_with(value, options)
        except Exception as error:  # noqa: BLE001
            fail(error, value)
        return finish(payload, value)

    def begin_dump(value: Any, options: DumpOptions) -> bytes | Callable[[], bytes]:
        try:
            payload = encode_with(value, options) if options else encode(value)
        except Exception as error:  # noqa: BLE001
            fail(error, value)
        if len(payload) >= OFFLOAD_BYTES:
            return lambda: finish(payload, value)
        return finish(payload, value)

    slot, writes = parts.write_slot, parts.writes
    account: Payoff = NO_ACCOUNT
    remembered: Callable[[Any], bytes] = dump
    write_with: Callable[[Any, DumpOptions], bytes] = dump_with
    begin_with: Callable[[Any, DumpOptions], bytes | Callable[[], bytes]] = begin_dump
    if writes is not None:
        account, remembered = writes.payoff, writes.bind(dump)
        write_with = counting_with(writes, writes.bind_with(dump_with), dump_with)
        begin_with = counting_with(writes, writes.bind_with(begin_dump), begin_dump)
    if slot is None:
        return Writing(dump if writes is None else counting(writes, remembered, dump), write_with, begin_with)

    def watched_dump(value: Any) -> bytes:
        slot.countdown -= 1
        if slot.countdown > 0:
            if account.active:
                return remembered(value)
            # The lines of dump() once more: a call costs a tenth of writing a small model.
            try:
                payload = encode(value)
            except Exception as error:  # noqa: BLE001
                fail(error, value)
            if payload and len(payload) < plain_below and payload[0] not in special:
                return payload
            return finish(payload, value)
        skip = account.skip
        if skip > 0:
            account.skip = skip - 1
        elif writes is not None and not account.active:
            started = perf_counter_ns()
            result = dump(value)
            elapsed = perf_counter_ns() - started
            slot.record(elapsed, len(result))
            writes.watched(value, slot.count, elapsed)
            return result
        started = perf_counter_ns()
        result = remembered(value) if account.active else dump(value)
        slot.record(perf_counter_ns() - started, len(result))
        return result

    def watched_begin_dump(value: Any, options: DumpOptions) -> bytes | Callable[[], bytes]:
        slot.countdown -= 1
        if slot.countdown > 0:
            return begin_with(value, options)
        started = perf_counter_ns()
        result = begin_with(value, options)
        if isinstance(result, bytes):
            slot.record(perf_counter_ns() - started, len(result))
            return result
        spent = perf_counter_ns() - started

        def finished() -> bytes:  # what waits for a worker thread is not this operation's time
            resumed = perf_counter_ns()
            data = result()
            slot.record(spent + perf_counter_ns() - resumed, len(data))
            return data

        return finished

    return Writing(watched_dump, watched(write_with, slot, size_of_result), watched_begin_dump)


def _write_failure(parts: PipelineParts) -> Callable[[Exception, Any], NoReturn]:
    """Return what counts an error of encoding and raises the error that callers see."""
    model, format_name, failed, slot = parts.plan.name, parts.format, parts.failed, parts.write_slot

    def fail(error: Exception, value: Any) -> NoReturn:
        failed()
        if slot is not None:
            slot.failed()
        if isinstance(error, SerializationError):
            error.model = error.model or model
            error.format = error.format or format_name
            raise error
        if isinstance(error, (ValidationError, MemoryError, Warning)) or is_misspelt_option(error):
            raise error
        raise encode_error(error, value, model, format_name) from (None if repeats_payload(error) else error)

    return fail
