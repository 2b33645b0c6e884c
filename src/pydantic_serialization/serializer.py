"""PydanticModelSerializer: formats, compression and validation, bound once per type."""

from __future__ import annotations

import logging
import threading
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, get_origin, overload

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.codecs import bind_packing
from pydantic_serialization.config import CompressionLevel, SerializationConfig
from pydantic_serialization.container import CompressionMeter, FramePolicy, bind_container
from pydantic_serialization.envelope import FormatId, Sealer
from pydantic_serialization.errors import (
    DecodeError,
    FrameError,
    IntegrityError,
    SerializationError,
    UnsupportedTypeError,
)
from pydantic_serialization.formats import BoundFormat, Format, FormatOptions, available_formats, get_format
from pydantic_serialization.formats.detection import detect_format, telling_bytes
from pydantic_serialization.pipeline import Pipeline, PipelineParts, bind_pipeline
from pydantic_serialization.plan import ModelPlan, plan_for
from pydantic_serialization.plan.store import type_key
from pydantic_serialization.profiling import SerializationProfiler

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from pydantic_serialization._types import DumpOptions, Input, LoadOptions, Payload
    from pydantic_serialization.config import SerializationFormat
    from pydantic_serialization.profiling import OperationSlot

ModelT = TypeVar("ModelT")

_LIMIT = 4096
_logger = logging.getLogger("pydantic_serialization")


class ModelSerializerStats(TypedDict):
    """Counts since the serializer was made, or since the profiler was cleared for those that it keeps.

    ``serializations``, ``deserializations`` and the times come from the profiler and stay 0 where it is off.
    """

    serializations: int
    deserializations: int
    errors: int
    fallbacks: int
    total_time: float
    avg_time: float
    bound_pipelines: int
    validation_cache_hit_rate: float


class PydanticModelSerializer:
    """Turns models into bytes and bytes into validated models, without a cache.

    Safe to use from many threads.

    Args:
        config: Settings; the defaults if ``None``. Changes of it take effect on the next call.
        profiler: Where operations are counted and timed; one of its own if ``None``.
    """

    def __init__(
        self, config: SerializationConfig | None = None, *, profiler: SerializationProfiler | None = None
    ) -> None:
        if config is not None and not isinstance(config, SerializationConfig):
            message = (
                f"expected a SerializationConfig, got {type(config).__name__}: use create_serialization_config(...)"
            )
            raise TypeError(message)
        self.config = config if config is not None else SerializationConfig()
        self.profiler = profiler if profiler is not None else SerializationProfiler()
        self.profiler.threshold = self.config.profile_threshold
        self.profiler.enabled = self.config.enable_profiling
        self._lock = threading.RLock()
        # Only classes are keys here: other types that are equal to Python may differ to Pydantic, see type_key.
        self._by_class: dict[tuple[Any, Any], Pipeline] = {}
        self._by_type: dict[tuple[Any, Any], Pipeline] = {}
        self._errors = 0
        self._fallbacks = 0
        self._warned: set[tuple[str, str]] = set()
        self._compression: dict[tuple[str, str], CompressionMeter] = {}
        self._sealer = Sealer(self.config.secrets())
        self.config.on_change(self._rebind)
        renew_after_fork(self)

    def serialize_model(
        self,
        model: Any,
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        model_class: Any = None,
        **dump_options: Unpack[DumpOptions],
    ) -> bytes:
        """Return the bytes of a model or value.

        Args:
            model: A model, or anything that Pydantic knows.
            format: A format; the configuration's default if ``None``.
            model_class: The declared type, where it is not the value's own class: ``list[User]``, ``User`` for a
                subclass of it. The declared type decides which fields are written.
            **dump_options: Pydantic's: ``by_alias``, ``exclude_none``, ``include`` and so on.

        Raises:
            EncodeError: the value cannot be written in this format.
            UnsupportedTypeError: neither the format nor the fallback can represent the type.
            UnknownFormatError: no such format.
        """
        pipeline = self.pipeline(model.__class__ if model_class is None else model_class, format)
        return pipeline.dump_with(model, dump_options) if dump_options else pipeline.dump(model)

    @overload
    def deserialize_model(
        self,
        data: Input,
        model_class: type[ModelT],
        format: SerializationFormat | str | None = None,
        **load_options: Unpack[LoadOptions],
    ) -> ModelT: ...

    @overload
    def deserialize_model(
        self,
        data: Input,
        model_class: Any,
        format: SerializationFormat | str | None = None,
        **load_options: Unpack[LoadOptions],
    ) -> Any: ...

    def deserialize_model(
        self,
        data: Input,
        model_class: Any,
        format: SerializationFormat | str | None = None,  # noqa: A002
        **load_options: Unpack[LoadOptions],
    ) -> Any:
        """Return the validated value in ``data``.

        Args:
            data: What :meth:`serialize_model` wrote, or any document of the format; compression is recognised.
            model_class: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.
            format: The format; if ``None``, what a frame says, else what the bytes say without doubt, else the default.
            **load_options: Pydantic's ``strict`` and ``context``.

        Raises:
            pydantic.ValidationError: a document of the wrong shape.
            DecodeError: not a document of the format.
            LimitExceededError: over ``max_payload_bytes`` or ``max_depth``.
            UntrustedDataError: a pickle that names classes outside the model.
        """
        pipeline = self.pipeline(model_class, format)
        return pipeline.load_with(data, load_options) if load_options else pipeline.load(data)

    def pipeline(self, declared: Any, format: SerializationFormat | str | None = None) -> Pipeline:  # noqa: A002
        """Return the bound pipeline for a type and a format, binding it on first use.

        Raises:
            UnsupportedTypeError: neither the format nor the fallback can represent the type.
            UnknownFormatError: no such format.
        """
        try:
            pipeline = self._by_class[declared, format]
            serializer = pipeline.serializer
            if serializer is None or serializer is declared.__pydantic_serializer__:
                return pipeline
        except (KeyError, TypeError):  # not bound yet, or a type with metadata that cannot be hashed
            pass
        # Out here, so that the KeyError does not show what was given by mistake in place of a type.
        return self._bind_once(declared, format)

    def get_stats(self) -> ModelSerializerStats:
        """Return the counts; see :class:`ModelSerializerStats`."""
        written = read = 0
        seconds = 0.0
        for profile in self.profiler.get_profiles().values():
            if profile.operation == "serialize":
                written += profile.count
            elif profile.operation == "deserialize":
                read += profile.count
            else:
                continue
            seconds += profile.total_time
        return ModelSerializerStats(
            serializations=written,
            deserializations=read,
            errors=self._errors,
            fallbacks=self._fallbacks,
            total_time=seconds,
            avg_time=seconds / (written + read) if written + read else 0.0,
            bound_pipelines=len(self._by_class) + len(self._by_type),
            validation_cache_hit_rate=0.0,
        )

    def compression(self) -> dict[tuple[str, str], CompressionMeter]:
        """Return what compression did so far, by codec and level."""
        return dict(self._compression)

    def after_fork(self) -> None:
        """Replace the lock: in a forked child, a thread that is not there any more may have held it."""
        self._lock = threading.RLock()

    def _rebind(self) -> None:
        with self._lock:
            self._sealer = Sealer(self.config.secrets())
            self.profiler.threshold = self.config.profile_threshold
            self.profiler.enabled = self.config.enable_profiling
            self._by_class.clear()
            self._by_type.clear()

    def _bind_once(self, declared: Any, wanted: SerializationFormat | str | None) -> Pipeline:
        is_class = isinstance(declared, type)
        pipelines = self._by_class if is_class else self._by_type
        key = (declared if is_class else type_key(declared), wanted)
        found = pipelines.get(key)
        if found is not None and found.plan.is_current():
            return found
        with self._lock:
            pipeline = pipelines.get(key)
            if pipeline is None or not pipeline.plan.is_current():
                pipeline = self._bind(plan_for(declared), wanted)
                if len(pipelines) >= _LIMIT:
                    pipelines.clear()
                pipelines[key] = pipeline
        return pipeline

    def _bind(self, plan: ModelPlan, wanted: SerializationFormat | str | None) -> Pipeline:
        config = self.config
        asked = get_format(config.default_format if wanted is None else wanted)
        used, bound, fell_back = self._choose(plan, asked)
        sealed = bool(getattr(used, "sealed", False))
        reader = self._detecting(plan, used, bound) if wanted is None else bound
        packing = bind_packing(
            codec=config.compression_codec,
            level=config.compression_level,
            threshold=config.compression_threshold,
            limit=config.max_payload_bytes,
            enabled=config.enable_compression and config.compression_level is not CompressionLevel.NONE,
        )
        frames = FramePolicy(
            sealer=self._sealer,
            written=used.wire_id,
            always=sealed or fell_back,
            fallback=fell_back,
            fingerprint=lambda: plan.fingerprint,
            readable=lambda: _readable_fingerprints(plan),
            accepted=None if wanted is None else frozenset({used.wire_id}),
            resolve=self._resolver(plan, used, bound),
            pinned=frozenset({int(FormatId.PICKLE)}),
            only=sealed and self._sealer.keyed,
        )
        level = config.compression_level.value
        meter = self._compression.setdefault((config.compression_codec, level), CompressionMeter())
        profiled = config.enable_profiling
        return bind_pipeline(
            PipelineParts(
                plan=plan,
                format=used.name,
                bound=bound,
                container=bind_container(
                    reader,
                    packing,
                    frames,
                    meter,
                    limit=config.max_payload_bytes,
                    threshold=config.compression_threshold,
                ),
                foreign=telling_bytes(used.name) if wanted is None else frozenset(),
                write_slot=self._slot("serialize", plan, used) if profiled else None,
                read_slot=self._slot("deserialize", plan, used) if profiled else None,
                failed=self._count_error,
            )
        )

    def _choose(self, plan: ModelPlan, asked: Format) -> tuple[Format, BoundFormat, bool]:
        """Return the format to use: the asked-for one, or the fallback where that one cannot represent the type."""
        try:
            return asked, asked.bind(plan, self._options(asked)), False
        except UnsupportedTypeError as error:
            if self.config.fallback_format is None:
                raise
            fallback = get_format(self.config.fallback_format)
            if fallback.name == asked.name:
                raise
            try:
                bound = fallback.bind(plan, self._options(fallback))
            except UnsupportedTypeError as second:
                message = f"neither {asked.name} nor the fallback {fallback.name} can represent {plan.name}"
                causes = ExceptionGroup("why neither format can be used", [error, second])
                raise SerializationError(message, model=plan.name, format=asked.name) from causes
            self._fallbacks += 1
            if (plan.name, asked.name) not in self._warned:
                self._warned.add((plan.name, asked.name))
                _logger.warning(
                    "%s cannot represent %s; using %s, in a sealed frame", asked.name, plan.name, fallback.name
                )
            return fallback, bound, True

    def _options(self, used: Format) -> FormatOptions:
        return FormatOptions(
            strict=self.config.strict_validation,
            validate=self.config.enable_validation,
            max_depth=self.config.max_depth,
            # Only what is always in a frame has had its MAC verified when it is decoded.
            authenticated=self._sealer.keyed and bool(getattr(used, "sealed", False)),
        )

    def _resolver(self, plan: ModelPlan, used: Format, bound: BoundFormat) -> Callable[[int], BoundFormat]:
        """Return the function that gives the bound functions for the number of a format in a frame."""

        @cache
        def resolve(wire_id: int) -> BoundFormat:
            if wire_id == used.wire_id:
                return bound
            for name in available_formats():
                member = get_format(name)
                if member.wire_id == wire_id:
                    return member.bind(plan, self._options(member))
            message = f"the frame holds a format with number {wire_id}, which is not registered here"
            raise FrameError(message, model=plan.name)

        return resolve

    def _detecting(self, plan: ModelPlan, used: Format, bound: BoundFormat) -> BoundFormat:
        """Return functions that read what the bytes say they are, else the format in use."""
        bind_detected = cache(lambda name: self._detected(plan, name))

        def choose(payload: Payload) -> BoundFormat:
            detected = detect_format(payload)
            if detected is None or get_format(detected).wire_id == used.wire_id:
                return bound
            return bind_detected(detected)

        def decode(payload: Payload) -> Any:
            try:
                return choose(payload).decode(payload)
            except DecodeError as error:
                _suggest_format(error, payload)
                raise

        def decode_with(payload: Payload, options: LoadOptions) -> Any:
            try:
                return choose(payload).decode_with(payload, options)
            except DecodeError as error:
                _suggest_format(error, payload)
                raise

        return BoundFormat(bound.encode, decode, bound.encode_with, decode_with)

    def _detected(self, plan: ModelPlan, name: str) -> BoundFormat:
        member = get_format(name)
        if getattr(member, "sealed", False) and self._sealer.keyed:
            message = f"an unsealed {name}, and this reader has signing_keys: only sealed ones are read"
            raise IntegrityError(message, model=plan.name, format=name)
        return member.bind(plan, self._options(member))

    def _slot(self, operation: str, plan: ModelPlan, used: Format) -> OperationSlot:
        return self.profiler.slot(operation, plan.name, used.name, import_path=plan.import_path)

    def _count_error(self) -> None:
        self._errors += 1


def _suggest_format(error: DecodeError, payload: Payload) -> None:
    """Add to the message that no format was named, where the bytes did not tell it."""
    if detect_format(payload) is None:
        error.args = (f"{error.args[0]}; no format was named, and the bytes do not tell: pass format=", *error.args[1:])


def _readable_fingerprints(plan: ModelPlan) -> frozenset[bytes]:
    """Return the fingerprints of frames that may be read as the plan's type.

    A batch without models, or with models of several classes, is written as ``list[Any]``.
    """
    if get_origin(plan.type) is not list:
        return frozenset({plan.fingerprint})
    return frozenset({plan.fingerprint, plan_for(list[Any]).fingerprint})
