"""PydanticModelSerializer: formats, compression and validation, bound once per type."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, overload

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization._registry import CODECS, FORMATS
from pydantic_serialization.binding import PipelineBinder, Tally
from pydantic_serialization.codecs import get_codec
from pydantic_serialization.config import CompressionLevel, SerializationConfig
from pydantic_serialization.formats import get_format
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.store import type_key
from pydantic_serialization.profiling import SerializationProfiler
from pydantic_serialization.reuse import CatalogStats, IdentityMemo, InstanceStore, StoreStats, ValidationCache

if TYPE_CHECKING:
    from typing import Unpack

    from pydantic_serialization._types import DumpOptions, Input, LoadOptions
    from pydantic_serialization.config import SerializationFormat
    from pydantic_serialization.container import CompressionMeter
    from pydantic_serialization.pipeline import Pipeline

ModelT = TypeVar("ModelT")

_LIMIT = 4096
_INSTANCES_SHARE = 2
"""Models that are kept may take half as many bytes again as the cache of results."""


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
    validation_cache: CatalogStats
    """Models by the bytes they were read from."""
    identity_memo: CatalogStats
    """Bytes by the frozen instances they were written from."""
    instances: StoreStats
    """What both keep."""


class PydanticModelSerializer:
    """Turns models into bytes and bytes into validated models, without a cache of results.

    Models may be remembered by the bytes they came from (``cache_validation``), where that cannot be told from reading
    them again. Safe to use from many threads.

    Args:
        config: Settings; the defaults if ``None``. Changes of it take effect on the next call.
        profiler: Where operations are counted and timed; one of its own if ``None``.

    Raises:
        MissingDependencyError: the library of the default format, of the fallback, or of the codec is not installed.
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
        _check_installed(self.config)
        self.profiler = profiler if profiler is not None else SerializationProfiler()
        self.profiler.threshold = self.config.profile_threshold
        self.profiler.enabled = self.config.enable_profiling
        self._lock = threading.RLock()
        # Only classes are keys here: other types that are equal to Python may differ to Pydantic, see type_key.
        self._by_class: dict[tuple[Any, Any], Pipeline] = {}
        self._by_type: dict[tuple[Any, Any], Pipeline] = {}
        self._tally = Tally()
        self._instances = InstanceStore(self.config.cache_max_size, self.config.cache_max_bytes // _INSTANCES_SHARE)
        self._validated = ValidationCache(self._instances)
        self._written = IdentityMemo(self._instances)
        self._binder = PipelineBinder(self.config, self.profiler, self._tally, self._validated, self._written)
        self.config.on_change(self._rebind)
        FORMATS.on_change(self._rebind)
        CODECS.on_change(self._rebind)
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
        validated = self._validated.stats()
        return ModelSerializerStats(
            serializations=written,
            deserializations=read,
            errors=self._tally.errors,
            fallbacks=self._tally.fallbacks,
            total_time=seconds,
            avg_time=seconds / (written + read) if written + read else 0.0,
            bound_pipelines=len(self._by_class) + len(self._by_type),
            validation_cache_hit_rate=validated["hit_rate"],
            validation_cache=validated,
            identity_memo=self._written.stats(),
            instances=self._instances.stats(),
        )

    def compression(self) -> dict[tuple[str, str], CompressionMeter]:
        """Return what compression did so far, by codec and level."""
        return dict(self._tally.compression)

    def after_fork(self) -> None:
        """Replace the lock: in a forked child, a thread that is not there any more may have held it."""
        self._lock = threading.RLock()

    def _rebind(self) -> None:
        with self._lock:
            self._binder = PipelineBinder(self.config, self.profiler, self._tally, self._validated, self._written)
            self.profiler.threshold = self.config.profile_threshold
            self.profiler.enabled = self.config.enable_profiling
            self._by_class.clear()
            self._by_type.clear()

    def _bind_once(self, declared: Any, wanted: SerializationFormat | str | None) -> Pipeline:
        if wanted is not None:
            FORMATS.canonical(wanted)
        is_class = isinstance(declared, type)
        pipelines = self._by_class if is_class else self._by_type
        key = (declared if is_class else type_key(declared), wanted)
        found = pipelines.get(key)
        if found is not None and found.plan.is_current():
            return found
        with self._lock:
            pipeline = pipelines.get(key)
            if pipeline is None or not pipeline.plan.is_current():
                pipeline = self._binder.bind(plan_for(declared), wanted)
                if len(pipelines) >= _LIMIT:
                    pipelines.clear()
                pipelines[key] = pipeline
        return pipeline


def _check_installed(config: SerializationConfig) -> None:
    """Have a library that is missing noticed when an application starts, not by its first request."""
    for name in (config.default_format, config.fallback_format):
        if name is not None:
            get_format(name)
    if config.enable_compression and config.compression_level is not CompressionLevel.NONE:
        get_codec(config.compression_codec)
