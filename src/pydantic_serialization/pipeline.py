"""The bound pipeline: everything that is chosen once for a type, a format and a configuration.

Writing runs ``encode → compress → seal``, reading ``open → decompress → decode``; what does not apply is not bound. The
functions are closures over what was chosen: looking choices up per call costs about as much as encoding a small model
(measured in the codebases research, section 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic import ValidationError

from pydantic_serialization.errors import SerializationError
from pydantic_serialization.formats._errors import encode_error, is_misspelt_option, repeats_payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import SchemaSerializer

    from pydantic_serialization._types import DumpOptions, Input, LoadOptions
    from pydantic_serialization.container import Container, Opened
    from pydantic_serialization.formats import BoundFormat
    from pydantic_serialization.plan import ModelPlan
    from pydantic_serialization.profiling import OperationSlot

OFFLOAD_BYTES = 262_144
"""Compressing or decompressing more than this is worth a worker thread: every codec releases the GIL."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The bound functions for one type, one format and one configuration.

    Attributes:
        plan: The type.
        format: Name of the format that is written; after a fallback, the fallback's.
        dump: Value to bytes.
        dump_with: Value to bytes, with Pydantic's options.
        begin_dump: Value to bytes, or to a function that finishes the work and may run in another thread.
        load: Bytes to a validated value.
        load_with: Bytes to a validated value, with Pydantic's options.
        open: Bytes to the inner payload; may run in another thread.
        finish_load: Inner payload to a validated value, with Pydantic's options, and the nanoseconds that ``open`` took.
        opens_cheaply: Says that ``open`` has nothing to decompress.
        serializer: The model's serializer it was bound with, to notice ``model_rebuild``; ``None`` for other types.
    """

    plan: ModelPlan
    format: str
    dump: Callable[[Any], bytes]
    dump_with: Callable[[Any, DumpOptions], bytes]
    begin_dump: Callable[[Any, DumpOptions], bytes | Callable[[], bytes]]
    load: Callable[[Input], Any]
    load_with: Callable[[Input, LoadOptions], Any]
    open: Callable[[Input], Opened]
    finish_load: Callable[..., Any]
    opens_cheaply: Callable[[Input], bool]
    serializer: SchemaSerializer | None


class PipelineParts(NamedTuple):
    """What a pipeline is bound from.

    Attributes:
        plan: The type.
        format: Name of the format that is written.
        bound: That format's functions for the type.
        container: Compression and sealing.
        foreign: First bytes of input that may be of another format, so that the container has to decide who reads it.
        write_slot: Where writing is counted and timed, or ``None``.
        read_slot: Where reading is counted and timed, or ``None``.
        failed: Called once for each operation that failed.
    """

    plan: ModelPlan
    format: str
    bound: BoundFormat
    container: Container
    foreign: frozenset[int]
    write_slot: OperationSlot | None
    read_slot: OperationSlot | None
    failed: Callable[[], None]


class _Writing(NamedTuple):
    """The functions of a pipeline that write."""

    dump: Callable[[Any], bytes]
    dump_with: Callable[[Any, DumpOptions], bytes]
    begin_dump: Callable[[Any, DumpOptions], bytes | Callable[[], bytes]]


class _Reading(NamedTuple):
    """The functions of a pipeline that read."""

    load: Callable[[Input], Any]
    load_with: Callable[[Input, LoadOptions], Any]
    finish_load: Callable[..., Any]


def bind_pipeline(parts: PipelineParts) -> Pipeline:
    """Return the pipeline for what was chosen."""
    writing, reading = _bind_writing(parts), _bind_reading(parts)
    return Pipeline(
        plan=parts.plan,
        format=parts.format,
        dump=writing.dump,
        dump_with=writing.dump_with,
        begin_dump=writing.begin_dump,
        load=reading.load,
        load_with=reading.load_with,
        open=_bind_open(parts),
        finish_load=reading.finish_load,
        opens_cheaply=parts.container.opens_cheaply,
        serializer=parts.plan.source,
    )


def _bind_writing(parts: PipelineParts) -> _Writing:
    encode, encode_with = parts.bound.encode, parts.bound.encode_with
    pack, plain_below, special = parts.container.finish, parts.container.plain_below, parts.container.special
    fail = _write_failure(parts)

    def finish(payload: bytes) -> bytes:
        try:
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
        return finish(payload)

    def dump_with(value: Any, options: DumpOptions) -> bytes:
        try:
            payload = encode_with(value, options)
        except Exception as error:  # noqa: BLE001
            fail(error, value)
        return finish(payload)

    def begin_dump(value: Any, options: DumpOptions) -> bytes | Callable[[], bytes]:
        try:
            payload = encode_with(value, options) if options else encode(value)
        except Exception as error:  # noqa: BLE001
            fail(error, value)
        if len(payload) >= OFFLOAD_BYTES:
            return lambda: finish(payload)
        return finish(payload)

    slot = parts.write_slot
    if slot is None:
        return _Writing(dump, dump_with, begin_dump)

    def watched_dump(value: Any) -> bytes:
        slot.countdown -= 1
        if slot.countdown > 0:
            # The lines of dump() once more: a call costs a tenth of writing a small model.
            try:
                payload = encode(value)
            except Exception as error:  # noqa: BLE001
                fail(error, value)
            if payload and len(payload) < plain_below and payload[0] not in special:
                return payload
            return finish(payload)
        started = perf_counter_ns()
        result = dump(value)
        slot.record(perf_counter_ns() - started, len(result))
        return result

    def watched_begin_dump(value: Any, options: DumpOptions) -> bytes | Callable[[], bytes]:
        slot.countdown -= 1
        if slot.countdown > 0:
            return begin_dump(value, options)
        started = perf_counter_ns()
        result = begin_dump(value, options)
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

    return _Writing(watched_dump, _watched(dump_with, slot, _size_of_result), watched_begin_dump)


def _bind_reading(parts: PipelineParts) -> _Reading:
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

    if slot is None:
        return _Reading(load, load_with, finish_load)

    def watched_load(data: Input) -> Any:
        slot.countdown -= 1
        if slot.countdown > 0:
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
                    _note_failure(error, failed, slot, parts)
                    raise
            return load(data)
        started = perf_counter_ns()
        result = load(data)
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

    return _Reading(watched_load, _watched(load_with, slot, _size_of_input), watched_finish_load)


def _watched(
    call: Callable[[Any, Any], Any], slot: OperationSlot, size_of: Callable[[Any, Any], int]
) -> Callable[[Any, Any], Any]:
    """Return ``call`` with its calls counted and some of them timed."""

    def watched(subject: Any, options: Any) -> Any:
        slot.countdown -= 1
        if slot.countdown > 0:
            return call(subject, options)
        started = perf_counter_ns()
        result = call(subject, options)
        slot.record(perf_counter_ns() - started, size_of(subject, result))
        return result

    return watched


def _size_of_result(_: Any, result: Any) -> int:
    return len(result)


def _size_of_input(data: Any, _: Any) -> int:
    return len(data)


def _bind_open(parts: PipelineParts) -> Callable[[Input], Opened]:
    """Return the container's ``open`` for use by itself: its errors are counted and named as those of ``load`` are."""
    open_payload, failed, slot = parts.container.open, parts.failed, parts.read_slot

    def opened(data: Input) -> Opened:
        try:
            return open_payload(data)
        except Exception as error:
            _note_failure(error, failed, slot, parts)
            raise

    return opened


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


def _note_failure(
    error: Exception, failed: Callable[[], None], slot: OperationSlot | None, parts: PipelineParts
) -> None:
    """Count a failed read, and say in the error which model and format it was."""
    failed()
    if slot is not None:
        slot.failed()
    if isinstance(error, SerializationError):
        error.model = error.model or parts.plan.name
        error.format = error.format or parts.format
