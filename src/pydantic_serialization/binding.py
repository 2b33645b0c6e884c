"""Bind pipelines: choose format, fallback, compression and sealing for a type, once."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, get_origin

from pydantic_serialization.codecs import bind_packing
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.container import CompressionMeter, FramePolicy, Limits, bind_container
from pydantic_serialization.envelope import Sealer
from pydantic_serialization.errors import (
    DecodeError,
    FrameError,
    IntegrityError,
    SerializationError,
    UnsupportedTypeError,
)
from pydantic_serialization.formats import BoundFormat, Format, FormatOptions, available_formats, get_format
from pydantic_serialization.formats._plugin import guarded
from pydantic_serialization.formats.detection import detect_format, suggest_format, telling_bytes
from pydantic_serialization.frame import CUSTOM_IDS, FormatId
from pydantic_serialization.pipeline import Pipeline, PipelineParts, bind_pipeline
from pydantic_serialization.plan import ModelPlan, plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import LoadOptions, Payload
    from pydantic_serialization.config import SerializationConfig, SerializationFormat
    from pydantic_serialization.profiling import OperationSlot, SerializationProfiler
    from pydantic_serialization.reuse import IdentityMemo, RememberedReads, RememberedWrites, ValidationCache

_DETECTED_IDS = {"json": FormatId.JSON, "pickle": FormatId.PICKLE}
"""The formats that bytes tell, by the numbers they share with others."""

_VALIDATING_IDS = frozenset({FormatId.JSON, FormatId.MSGPACK})
"""The formats whose readers do nothing but parse and validate: not pickle, and not plug-ins."""

_logger = logging.getLogger("pydantic_serialization")


class Tally:
    """What is counted beside the profiler, over all bindings of one serializer.

    Attributes:
        errors: Operations that failed.
        fallbacks: Types for which the fallback format was bound.
        compression: What compression did, by codec and level.
    """

    def __init__(self) -> None:
        self.errors = 0
        self.fallbacks = 0
        self.compression: dict[tuple[str, str], CompressionMeter] = {}
        self._warned: set[tuple[str, str]] = set()

    def count_error(self) -> None:
        """Count one failed operation."""
        self.errors += 1

    def count_fallback(self, model: str, asked: str) -> bool:
        """Count one fallback, and say whether it is the first of this model and format."""
        self.fallbacks += 1
        is_first = (model, asked) not in self._warned
        self._warned.add((model, asked))
        return is_first


class PipelineBinder:
    """Binds pipelines for one state of a configuration.

    Args:
        config: Settings. After a change, another binder is needed.
        profiler: Where operations are counted and timed.
        tally: What is counted beside.
        validated: Remembers validated models.
        written: Remembers what frozen models were written as.
    """

    def __init__(
        self,
        config: SerializationConfig,
        profiler: SerializationProfiler,
        tally: Tally,
        validated: ValidationCache,
        written: IdentityMemo,
    ) -> None:
        self._config = config
        self._profiler = profiler
        self._tally = tally
        self._validated = validated
        self._written = written
        self._sealer = Sealer(config.secrets(), algorithm=config.signing_algorithm)

    def bind(self, plan: ModelPlan, wanted: SerializationFormat | str | None) -> Pipeline:
        """Return the pipeline for a type and a format; the default format if ``None``, and reading then detects.

        Raises:
            UnsupportedTypeError: neither the format nor the fallback can represent the type.
            UnknownFormatError: no such format.
        """
        config = self._config
        asked = get_format(config.default_format if wanted is None else wanted)
        used, bound, fell_back = self._choose(plan, asked)
        sealed = bool(getattr(used, "sealed", False))
        reader = self._detecting(plan, used, bound) if wanted is None else bound
        packing = bind_packing(
            codec=config.compression_codec,
            level=config.compression_level,
            threshold=config.compression_threshold,
            limit=config.max_payload_bytes,
            ratio=config.max_compression_ratio,
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
        reads, writes = self._remembering(plan, used, bound, wanted)
        level = config.compression_level.value
        meter = self._tally.compression.setdefault((config.compression_codec, level), CompressionMeter())
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
                    limits=Limits(config.max_payload_bytes, config.max_items, config.max_compression_ratio),
                    threshold=config.compression_threshold,
                ),
                foreign=telling_bytes(used.name) if wanted is None else frozenset(),
                write_slot=self._slot("serialize", plan, used),
                read_slot=self._slot("deserialize", plan, used),
                failed=self._tally.count_error,
                reads=reads,
                writes=writes,
            )
        )

    def _slot(self, operation: str, plan: ModelPlan, used: Format) -> OperationSlot | None:
        if not self._config.enable_profiling:
            return None
        return self._profiler.slot(operation, plan.name, used.name, import_path=plan.import_path)

    def _remembering(
        self, plan: ModelPlan, used: Format, bound: BoundFormat, wanted: SerializationFormat | str | None
    ) -> tuple[RememberedReads | None, RememberedWrites | None]:
        """Return what remembers the reads and the writes of a pipeline, where its format does nothing beside them."""
        label = plan.name if wanted is None else f"{plan.name}:{used.name}"
        config = self._config
        may_remember = config.enable_caching and used.wire_id in _VALIDATING_IDS
        reads = writes = None
        if may_remember and config.cache_validation:
            foreign = telling_bytes(used.name) if wanted is None else frozenset()
            reads = self._validated.reads(plan, label, foreign)
        else:
            self._validated.forget(label)
        if may_remember:
            writes = self._written.writes(plan, label, bound.encode_with)
        else:
            self._written.forget(label)
        return reads, writes

    def _choose(self, plan: ModelPlan, asked: Format) -> tuple[Format, BoundFormat, bool]:
        """Return the format to use: the asked-for one, or the fallback where that one cannot represent the type."""
        try:
            return asked, self._bound(asked, plan), False
        except UnsupportedTypeError as error:
            if self._config.fallback_format is None:
                raise
            fallback = get_format(self._config.fallback_format)
            if fallback.name == asked.name:
                raise
            try:
                bound = self._bound(fallback, plan)
            except UnsupportedTypeError as second:
                message = f"neither {asked.name} nor the fallback {fallback.name} can represent {plan.name}"
                causes = ExceptionGroup("why neither format can be used", [error, second])
                raise SerializationError(message, model=plan.name, format=asked.name) from causes
            if self._tally.count_fallback(plan.name, asked.name):
                _logger.warning(
                    "%s cannot represent %s; using %s, in a sealed frame", asked.name, plan.name, fallback.name
                )
            return fallback, bound, True

    def _bound(self, used: Format, plan: ModelPlan) -> BoundFormat:
        options = FormatOptions(
            strict=self._config.strict_validation,
            validate=self._config.enable_validation,
            max_depth=self._config.max_depth,
            max_items=self._config.max_items,
            allow_non_finite=self._config.allow_non_finite,
            pickle_secrets=self._config.pickle_secrets,
            # Only what is always in a frame has had its MAC verified when it is decoded.
            authenticated=self._sealer.keyed and bool(getattr(used, "sealed", False)),
        )
        bound = used.bind(plan, options)
        return guarded(bound, used.name, plan.name) if used.wire_id in CUSTOM_IDS else bound

    def _resolver(self, plan: ModelPlan, used: Format, bound: BoundFormat) -> Callable[[int], BoundFormat]:
        """Return the function that gives the bound functions for the number of a format in a frame."""

        @cache
        def resolve(wire_id: int) -> BoundFormat:
            if wire_id == used.wire_id:
                return bound
            for name in available_formats():
                member = get_format(name)
                if member.wire_id == wire_id:
                    return self._bound(member, plan)
            message = f"the frame holds a format with number {wire_id}, which is not registered here"
            raise FrameError(message, model=plan.name)

        return resolve

    def _detecting(self, plan: ModelPlan, used: Format, bound: BoundFormat) -> BoundFormat:
        """Return functions that read what the bytes say they are, else the format in use."""
        bind_detected = cache(lambda name: self._detected(plan, name))
        same = {name for name, number in _DETECTED_IDS.items() if number == used.wire_id}

        def choose(payload: Payload) -> BoundFormat:
            detected = detect_format(payload)
            return bound if detected is None or detected in same else bind_detected(detected)

        def decode(payload: Payload) -> Any:
            try:
                return choose(payload).decode(payload)
            except DecodeError as error:
                suggest_format(error, payload)
                raise

        def decode_with(payload: Payload, options: LoadOptions) -> Any:
            try:
                return choose(payload).decode_with(payload, options)
            except DecodeError as error:
                suggest_format(error, payload)
                raise

        def check_items(payload: Payload, limit: int) -> None:
            check = choose(payload).check_items
            if check is not None:
                check(payload, limit)

        return BoundFormat(bound.encode, decode, bound.encode_with, decode_with, check_items=check_items)

    def _detected(self, plan: ModelPlan, name: str) -> BoundFormat:
        member = get_format(name)
        if getattr(member, "sealed", False) and self._sealer.keyed:
            message = f"an unsealed {name}, and this reader has signing_keys: only sealed ones are read"
            raise IntegrityError(message, model=plan.name, format=name)
        return self._bound(member, plan)


def _readable_fingerprints(plan: ModelPlan) -> frozenset[bytes]:
    """Return the fingerprints of frames that may be read as the plan's type.

    A batch without models, or with models of several classes, is written as ``list[Any]``.
    """
    if get_origin(plan.type) is not list:
        return frozenset({plan.fingerprint})
    return frozenset({plan.fingerprint, plan_for(list[Any]).fingerprint})
