"""The operations that every manager offers: write and read, one model or many, with and without an event loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from pydantic import BaseModel

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.manager._offload import dump_off_loop, load_off_loop
from pydantic_serialization.manager.cache_operations import CacheOperations
from pydantic_serialization.plan import list_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from pydantic_serialization._types import DumpOptions, Input, LoadOptions
    from pydantic_serialization.config import SerializationFormat
    from pydantic_serialization.manager.results import ResultCache
    from pydantic_serialization.serializer import PydanticModelSerializer

ModelT = TypeVar("ModelT")


class ModelOperations(CacheOperations):
    """Base of the managers; not for use by itself.

    Args:
        model_serializer: Formats and compression.
        results: Keeps results by ``cache_key``.
    """

    def __init__(self, model_serializer: PydanticModelSerializer, results: ResultCache) -> None:
        super().__init__(model_serializer.config, results)
        self._pipeline = model_serializer.pipeline

    # -- writing -----------------------------------------------------------------------------------------------------

    async def serialize_model(
        self,
        model: Any,
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        cache_key: str | None = None,
        ttl: float | None = None,
        tags: Iterable[str] = (),
        model_class: Any = None,
        **dump_options: Unpack[DumpOptions],
    ) -> bytes:
        """Return the bytes of a model or value.

        Large values are written, and large results compressed, in a worker thread, so that the event loop stays free;
        serializers of the model's own then run there, too. Leave the value as it is until this returns.

        Args:
            model: A model, or anything that Pydantic knows.
            format: A format; the configuration's default if ``None``.
            cache_key: What the result is kept under and found again by, without encoding the model again. The key
                stands for the value: put a version into it, or invalidate it when the value changes. Each format, type,
                version of the model and set of options has entries of its own.
            ttl: Seconds the result is kept; the configuration's ``cache_ttl`` if ``None``.
            tags: Names by which ``cache_manager.invalidate(tags=...)`` drops the result.
            model_class: The declared type, where it is not the value's own class.
            **dump_options: Pydantic's: ``by_alias``, ``exclude_none``, ``include`` and so on.

        Raises:
            EncodeError: the value cannot be written in this format.
            UnsupportedTypeError: neither the format nor the fallback can represent the type.
            ConfigurationError: ``ttl`` or ``tags`` are given without ``cache_key``.
            TypeError: ``cache_key`` is given together with an option that cannot be part of a key.
        """
        pipeline = self._pipeline(model.__class__ if model_class is None else model_class, format)
        if cache_key is None or not self.results.keys.enabled:
            if ttl is not None or tags:
                _check_key(cache_key)
            return await dump_off_loop(pipeline, model, dump_options)
        return await self.results.get_or_dump(pipeline, model, dump_options, cache_key, ttl=ttl, tags=tags)

    def serialize_sync(
        self,
        model: Any,
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        cache_key: str | None = None,
        ttl: float | None = None,
        tags: Iterable[str] = (),
        model_class: Any = None,
        **dump_options: Unpack[DumpOptions],
    ) -> bytes:
        """Do what :meth:`serialize_model` does, without an event loop."""
        pipeline = self._pipeline(model.__class__ if model_class is None else model_class, format)
        if cache_key is not None and self.results.keys.enabled:
            return self.results.get_or_dump_sync(pipeline, model, dump_options, cache_key, ttl=ttl, tags=tags)
        if ttl is not None or tags:
            _check_key(cache_key)
        return pipeline.dump_with(model, dump_options) if dump_options else pipeline.dump(model)

    async def serialize_models(
        self,
        models: Iterable[Any],
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        cache_key: str | None = None,
        ttl: float | None = None,
        tags: Iterable[str] = (),
        model_class: Any = None,
        **dump_options: Unpack[DumpOptions],
    ) -> bytes:
        """Return one payload that holds all models, as a list.

        Args:
            models: The models; any iterable of them.
            format: A format; the configuration's default if ``None``.
            cache_key: As for :meth:`serialize_model`.
            ttl: As for :meth:`serialize_model`.
            tags: As for :meth:`serialize_model`.
            model_class: The declared type of one model, where it is not the models' own class.
            **dump_options: Pydantic's. Names of fields in ``include`` and ``exclude`` are those of every model; an index,
                or ``"__all__"``, is the place of a model, as in Pydantic's lists.
        """
        batch = _batch(models)
        declared = list_of(batch) if model_class is None else _list_of(model_class)
        options = _of_each(dump_options)
        return await self.serialize_model(
            batch, format, cache_key=cache_key, ttl=ttl, tags=tags, model_class=declared, **options
        )

    def serialize_models_sync(
        self,
        models: Iterable[Any],
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        cache_key: str | None = None,
        ttl: float | None = None,
        tags: Iterable[str] = (),
        model_class: Any = None,
        **dump_options: Unpack[DumpOptions],
    ) -> bytes:
        """Do what :meth:`serialize_models` does, without an event loop."""
        batch = _batch(models)
        declared = list_of(batch) if model_class is None else _list_of(model_class)
        options = _of_each(dump_options)
        return self.serialize_sync(
            batch, format, cache_key=cache_key, ttl=ttl, tags=tags, model_class=declared, **options
        )

    # -- reading -----------------------------------------------------------------------------------------------------

    @overload
    async def deserialize_model(
        self,
        data: Input,
        model_class: type[ModelT],
        format: SerializationFormat | str | None = None,
        *,
        cache_key: str | None = None,
        **load_options: Unpack[LoadOptions],
    ) -> ModelT: ...

    @overload
    async def deserialize_model(
        self,
        data: Input,
        model_class: Any,
        format: SerializationFormat | str | None = None,
        *,
        cache_key: str | None = None,
        **load_options: Unpack[LoadOptions],
    ) -> Any: ...

    async def deserialize_model(
        self,
        data: Input,
        model_class: Any,
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        cache_key: str | None = None,  # noqa: ARG002
        **load_options: Unpack[LoadOptions],
    ) -> Any:
        """Return the validated value in ``data``.

        Large input is read in a worker thread, so that the event loop stays free; validators of the model's own then
        run there, too.

        Args:
            data: What :meth:`serialize_model` wrote, or any document of the format; compression is recognised.
            model_class: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.
            format: The format; if ``None``, what a frame says, else what the bytes say without doubt, else the default.
            cache_key: Accepted for symmetry. The result is always what ``data`` holds, validated: a live model that
                two callers could change is never kept.
            **load_options: Pydantic's ``strict`` and ``context``.

        Raises:
            pydantic.ValidationError: a document of the wrong shape.
            DecodeError: not a document of the format.
            LimitExceededError: over ``max_payload_bytes`` or ``max_depth``.
            UntrustedDataError: a pickle that names classes outside the model.
        """
        return await load_off_loop(self._pipeline(model_class, format), data, load_options)

    @overload
    def deserialize_sync(
        self,
        data: Input,
        model_class: type[ModelT],
        format: SerializationFormat | str | None = None,
        *,
        cache_key: str | None = None,
        **load_options: Unpack[LoadOptions],
    ) -> ModelT: ...

    @overload
    def deserialize_sync(
        self,
        data: Input,
        model_class: Any,
        format: SerializationFormat | str | None = None,
        *,
        cache_key: str | None = None,
        **load_options: Unpack[LoadOptions],
    ) -> Any: ...

    def deserialize_sync(
        self,
        data: Input,
        model_class: Any,
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        cache_key: str | None = None,  # noqa: ARG002
        **load_options: Unpack[LoadOptions],
    ) -> Any:
        """Do what :meth:`deserialize_model` does, without an event loop."""
        pipeline = self._pipeline(model_class, format)
        return pipeline.load_with(data, load_options) if load_options else pipeline.load(data)

    async def deserialize_models(
        self,
        data: Input,
        model_class: type[ModelT],
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        cache_key: str | None = None,
        **load_options: Unpack[LoadOptions],
    ) -> list[ModelT]:
        """Return the validated models in one payload; see :meth:`deserialize_model`."""
        found: list[ModelT] = await self.deserialize_model(
            data,
            _list_of(model_class),
            format,
            cache_key=cache_key,
            **load_options,
        )
        return found

    def deserialize_models_sync(
        self,
        data: Input,
        model_class: type[ModelT],
        format: SerializationFormat | str | None = None,  # noqa: A002
        *,
        cache_key: str | None = None,
        **load_options: Unpack[LoadOptions],
    ) -> list[ModelT]:
        """Do what :meth:`deserialize_models` does, without an event loop."""
        found: list[ModelT] = self.deserialize_sync(
            data,
            _list_of(model_class),
            format,
            cache_key=cache_key,
            **load_options,
        )
        return found


def _check_key(cache_key: str | None) -> None:
    """Refuse a time to live or tags without a key: nothing would be kept, and nobody would notice."""
    if cache_key is None:
        message = (
            "ttl= and tags= are for results that are cached, and nothing says under which key: give cache_key= too"
        )
        raise ConfigurationError(message)


def _batch(models: Iterable[Any]) -> list[Any]:
    if isinstance(models, (Mapping, str, bytes)):  # iterating these gives keys or characters
        message = f"expected several models, got a {type(models).__name__}: pass its values as a list"
        raise TypeError(message)
    if isinstance(models, BaseModel):  # iterating a model gives its fields
        message = f"expected several models, got one {type(models).__name__}: pass a list, or use serialize_model"
        raise TypeError(message)
    return models if isinstance(models, list) else list(models)


def _of_each(options: DumpOptions) -> DumpOptions:
    """Return the options with names of fields put where Pydantic looks for them: it passes over a name beside a list."""
    changed = dict(options)
    for option in ("include", "exclude"):
        chosen: Any = changed.get(option)
        if chosen and all(isinstance(name, str) and name != "__all__" for name in chosen):
            changed[option] = {"__all__": chosen}
    return cast("DumpOptions", changed)


def _list_of(model_class: Any) -> Any:
    return list[model_class]
