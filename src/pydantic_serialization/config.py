"""What an application can set: two enums and one validated model."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypedDict, cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, field_validator, model_validator

from pydantic_serialization._environment import read_environment
from pydantic_serialization._listeners import Listeners
from pydantic_serialization._redis_url import check_scheme, without_credentials
from pydantic_serialization._registry import CODECS, FORMATS, did_you_mean
from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Unpack

ENV_PREFIX = "PYDANTIC_SERIALIZATION_"
_ENV_OF_THE_BUILD = frozenset({"NATIVE", "BUILD_NATIVE"})
_SHORTEST_KEY = 32
_TWO_GIB = 1 << 31


class SerializationFormat(str, Enum):
    """The built-in formats. Their strings, and registered names, are accepted wherever a format is."""

    JSON = "json"
    """Pydantic's own JSON: the reference."""
    ORJSON = "orjson"
    """The fastest JSON, byte-identical to :attr:`JSON` for models."""
    MSGPACK = "msgpack"
    """MessagePack, readable by any MessagePack library."""
    MESSAGEPACK = "msgpack"
    """Alias of :attr:`MSGPACK`."""
    PICKLE = "pickle"
    """Python only; reading rebuilds only the classes of the requested model."""


_BUILT_IN = frozenset(member.value for member in SerializationFormat)


class CompressionLevel(str, Enum):
    """How much time compression may take. Each codec maps these to its own levels."""

    NONE = "none"
    FAST = "fast"
    BALANCED = "balanced"
    MAX = "max"


class Settings(TypedDict, total=False):
    """What :class:`SerializationConfig` is made of, as type checkers see it: what a field accepts, not what it holds."""

    default_format: SerializationFormat | str
    fallback_format: SerializationFormat | str | None
    enable_compression: bool
    compression_codec: str
    compression_level: CompressionLevel | Literal["none", "fast", "balanced", "max"]
    compression_threshold: int
    enable_caching: bool
    cache_ttl: float
    cache_max_size: int
    cache_max_bytes: int
    cache_validation: bool
    cache_namespace: str
    redis_url: str | None
    enable_validation: bool
    strict_validation: bool
    enable_profiling: bool
    profile_threshold: float
    max_retries: int
    retry_delay: float
    max_payload_bytes: int
    max_depth: int
    max_items: int
    max_compression_ratio: int
    allow_non_finite: bool
    pickle_secrets: bool
    signing_keys: Sequence[str | SecretStr] | SecretStr
    signing_algorithm: Literal["blake2b", "hmac-sha256"]


class SerializationConfig(BaseModel):
    """Settings of a manager, validated when made and when assigned to.

    A change of a setting of a running manager takes effect on its next call, except for what its cache is made of:
    ``cache_max_size``, ``cache_max_bytes``, ``cache_namespace``, ``redis_url``, ``max_retries``, ``retry_delay``, and as
    far as entries in Redis are concerned ``signing_keys``, ``signing_algorithm`` and ``max_payload_bytes``. Unknown names
    are refused with the nearest known one.

    Raises:
        pydantic.ValidationError: a value is out of range, a name is unknown.
    """

    # Keys and URLs are secrets: a validation error must not print them.
    model_config = ConfigDict(validate_assignment=True, extra="forbid", hide_input_in_errors=True)

    default_format: SerializationFormat | str = SerializationFormat.ORJSON
    """Used where a call names no format."""
    fallback_format: SerializationFormat | str | None = SerializationFormat.JSON
    """Used where the asked-for format cannot represent a type; ``None`` makes that an error."""

    enable_compression: bool = True
    """Of what is written; whatever is compressed is read."""
    compression_codec: str = "gzip"
    """``"gzip"``, ``"zstd"``, ``"lz4"``, ``"brotli"``, or a registered one."""
    compression_level: CompressionLevel = CompressionLevel.BALANCED
    compression_threshold: Annotated[int, Field(ge=0)] = 1024
    """Bytes; smaller payloads stay as they are."""

    enable_caching: bool = True
    """Whether results are kept by ``cache_key`` and by decorators, and models may be remembered."""
    cache_ttl: Annotated[float, Field(gt=0)] = 3600
    """Seconds."""
    cache_max_size: Annotated[int, Field(gt=0)] = 1000
    """Entries of the in-process tier."""
    cache_max_bytes: Annotated[int, Field(gt=0)] = 67_108_864
    """Bytes of the in-process tier, keys and bookkeeping included. Remembered models may take half as many again."""
    cache_validation: bool = True
    """Whether models may be remembered by the bytes they came from, where that is safe and measured to pay."""
    cache_namespace: Annotated[str, Field(min_length=1, max_length=128)] = "pydantic_serialization"
    """Goes before every key of a shared store."""
    redis_url: Annotated[str | None, Field(repr=False)] = None
    """Redis that processes share cached results in: ``redis://``, ``rediss://``, ``unix://``, ``redis+sentinel://`` or
    ``redis+cluster://``. ``None`` keeps them in this process only."""

    enable_validation: bool = True
    """``False`` trusts the data when reading: constraints are left out, and ``after`` validators cannot refuse."""
    strict_validation: bool = False
    """Read in Pydantic's strict mode."""

    enable_profiling: bool = True
    """Whether operations are counted and timed."""
    profile_threshold: Annotated[float, Field(gt=0)] = 0.1
    """Seconds; an operation that takes longer is logged."""

    max_retries: Annotated[int, Field(ge=0, le=100)] = 3
    """For connecting at start, invalidations and background writes; encoding is never retried."""
    retry_delay: Annotated[float, Field(ge=0)] = 0.1
    """Seconds before the first retry; doubled before each further one."""

    max_payload_bytes: Annotated[int, Field(gt=0)] = 67_108_864
    """Bytes of one payload, before and after decompression. What could not be read back is not written either."""
    max_depth: Annotated[int, Field(ge=1, le=200)] = 200
    """Nesting of arrays and objects. 200 is where Pydantic's own JSON reader stops."""
    max_items: Annotated[int, Field(gt=0)] = 4_000_000
    """Items of all arrays and members of all objects of one payload together: small ones take 30 times their bytes as
    Python objects. The default is what 64 MiB of ordinary documents have."""
    max_compression_ratio: Annotated[int, Field(ge=2)] = 1_000
    """How many times its own size a payload may have decompressed, where that is more than a mebibyte."""

    allow_non_finite: bool = False
    """Whether NaN and infinities may be written as JSON's ``null`` where a model does not say how, as Pydantic does by
    default, and as MessagePack's nil where no type is declared. They are not read back; ``ser_json_inf_nan`` in the
    model's configuration says how they are written."""

    pickle_secrets: bool = False
    """Whether pickles may hold what no other format writes: values of ``SecretStr`` and its kin, and fields with
    ``exclude=True``. Types that have such are not pickled otherwise."""

    signing_keys: Annotated[tuple[SecretStr, ...], Field(repr=False)] = ()
    """Secrets of at least 32 bytes, newest first: the first signs, all verify."""

    signing_algorithm: Literal["blake2b", "hmac-sha256"] = "blake2b"
    """``"hmac-sha256"`` is for installations that must keep to FIPS 198-1."""

    _listeners: Listeners = PrivateAttr(default_factory=Listeners)

    if TYPE_CHECKING:  # Pydantic's own signature would ask for the types that fields hold, such as SecretStr

        def __init__(self, **settings: Unpack[Settings]) -> None: ...

    @model_validator(mode="before")
    @classmethod
    def _suggest_known_names(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name in values:
                if name not in cls.model_fields:
                    message = f"unknown setting {name!r}{did_you_mean(str(name), tuple(cls.model_fields))}"
                    raise ConfigurationError(message)
        return values

    @field_validator("default_format", "fallback_format", mode="before")
    @classmethod
    def _known_format(cls, value: Any) -> Any:
        if value is None:
            return None
        name = FORMATS.canonical(value)
        return SerializationFormat(name) if name in _BUILT_IN else name

    @field_validator("compression_codec", mode="before")
    @classmethod
    def _known_codec(cls, value: Any) -> Any:
        return CODECS.canonical(value)

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, url: str | None) -> str | None:
        if url is not None:
            check_scheme(url)
        return url

    @field_validator("signing_keys", mode="before")
    @classmethod
    def _one_key_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, (str, bytes, SecretStr)) else value

    @field_validator("signing_keys")
    @classmethod
    def _long_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for index, key in enumerate(keys):
            if len(key.get_secret_value().encode()) < _SHORTEST_KEY:
                message = (
                    f"signing_keys[{index}] is shorter than {_SHORTEST_KEY} bytes; make one with secrets.token_hex(32)"
                )
                raise ConfigurationError(message)
        return keys

    def __setattr__(self, name: str, value: Any) -> None:
        """Validate and set one setting, then tell the managers that use this configuration.

        Raises:
            ConfigurationError: there is no such setting.
        """
        if name not in type(self).model_fields:
            if name.startswith("_"):
                super().__setattr__(name, value)
                return
            message = f"unknown setting {name!r}{did_you_mean(name, tuple(type(self).model_fields))}"
            raise ConfigurationError(message)
        super().__setattr__(name, value)
        self._listeners.call()

    @classmethod
    def for_trusted_data(cls, **overrides: Unpack[Settings]) -> Self:
        """Return settings for data that nobody else can have written: limits that only a mistake reaches.

        Payloads may have 2 GiB, as many items as fit into that, and any compression ratio. ``max_depth`` stays, since the
        stack does.

        Args:
            **overrides: Settings that win over these.
        """
        trusted: Settings = {"max_payload_bytes": _TWO_GIB, "max_items": _TWO_GIB, "max_compression_ratio": _TWO_GIB}
        settings: Settings = {**trusted, **overrides}
        return cls(**settings)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call the bound method ``listener`` after each assignment, for as long as its object lives."""
        self._listeners.add(listener)

    def public(self) -> dict[str, Any]:
        """Return the settings as plain values without secrets: keys as their number, URLs without credentials."""
        values = self.model_dump(mode="json", exclude={"signing_keys", "redis_url"})
        values["signing_keys"] = len(self.signing_keys)
        values["redis_url"] = None if self.redis_url is None else without_credentials(self.redis_url)
        return values

    def secrets(self) -> tuple[bytes, ...]:
        """Return the signing keys as bytes, newest first. For the sealing layer only."""
        return tuple(key.get_secret_value().encode() for key in self.signing_keys)

    def __copy__(self) -> Self:
        """Return a copy that no manager listens to."""
        copy = super().__copy__()
        copy._listeners = Listeners()  # noqa: SLF001  (a private attribute of this very class)
        return copy

    @classmethod
    def from_env(cls, *, env_file: str | Path | None = ".env", **overrides: Unpack[Settings]) -> Self:
        """Read the settings from ``PYDANTIC_SERIALIZATION_*`` variables and from a ``.env`` file.

        Precedence: ``overrides``, environment, file, defaults. A variable with our prefix that names no setting is
        warned about, with the nearest name that does.

        Args:
            env_file: Path of the file, or ``None`` to read none. A file that does not exist is no error.
            **overrides: Settings that win over the environment.

        Raises:
            pydantic.ValidationError: a value is out of range.
        """
        known = {name: field.annotation for name, field in cls.model_fields.items()}
        found = read_environment(known, prefix=ENV_PREFIX, env_file=env_file, also_known=_ENV_OF_THE_BUILD)
        return cls(**cast("Settings", {**found, **overrides}))


def create_serialization_config(**overrides: Unpack[Settings]) -> SerializationConfig:
    """Return a configuration with the defaults of :class:`SerializationConfig` and ``overrides``."""
    return SerializationConfig(**overrides)
