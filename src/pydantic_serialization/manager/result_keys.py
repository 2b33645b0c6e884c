"""The keys that serialized results are kept under: the caller's, and everything else that the bytes depend on."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.cache import encode_parts
from pydantic_serialization.cache.keys import LONGEST_KEY, bounded
from pydantic_serialization.cache.parts import digest
from pydantic_serialization.codecs import get_codec
from pydantic_serialization.container import sealing_of
from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_serialization.config import SerializationConfig
    from pydantic_serialization.container import Sealing
    from pydantic_serialization.pipeline import Pipeline

_LONGEST_TAGGED: Final = 1000
"""Characters; tags are bounded as keys are."""

_MOST_PREFIXES: Final = 4096
"""Beginnings of keys that are remembered: of models, of decorated functions, and of each of their owners."""

_NEVER_SEALED: Final = frozenset({"json", "orjson"})
"""Formats that every type has, so that there is no fallback from them, and that need no frame."""

_NO_OPTIONS: Final = encode_parts({})


def key_tag(cache_key: str) -> str:
    """Return the tag that every entry of ``cache_key`` carries, whatever its format, type and options."""
    return f"key:{cache_key if len(cache_key) <= _LONGEST_TAGGED else encode_parts(cache_key)}"


class ResultKeys:
    """Makes the keys of results. A key begins with the digest of all that is not the caller's, 33 characters.

    Args:
        config: Settings; a change takes effect on the next call.
        refuses_pickles: Pickled results may not be kept: the store is shared, and entries are not signed.

    Attributes:
        enabled: Whether results are kept at all.
    """

    def __init__(self, config: SerializationConfig, *, refuses_pickles: bool) -> None:
        self._config = config
        self._refuses_pickles = refuses_pickles
        self._prefixes: dict[tuple[str, bytes, str, Sealing | None], str] = {}
        self._settings_changed()
        config.on_change(self._settings_changed)

    def of_model(self, pipeline: Pipeline, cache_key: str, options: Mapping[str, Any]) -> str:
        """Return the key of a model that was written with ``options``.

        Raises:
            TypeError: an option cannot be part of a key, such as a ``context`` of one's own class.
            ConfigurationError: the format is pickle, and the shared tier is not signed.
        """
        if not isinstance(cache_key, str):
            message = f"cache_key is a string, not {type(cache_key).__name__}"
            raise TypeError(message)
        plan = pipeline.plan
        prefix = self._prefixes.get((plan.name, plan.fingerprint, pipeline.format, pipeline.sealing))
        if prefix is None:
            prefix = self._new_prefix(plan.name, plan.fingerprint, pipeline.format, pipeline.sealing)
        key = f"{prefix}{encode_parts(dict(options)) if options else _NO_OPTIONS}{cache_key}"
        return key if len(key) <= LONGEST_KEY else bounded(key)

    def of_call(self, function: str, fingerprint: bytes, written: str | None, cache_key: str) -> str:
        """Return the key of what a decorated function returned; the arguments are in ``cache_key``.

        Args:
            function: What tells it from other functions.
            fingerprint: Of the schema that it declares.
            written: The format; the configuration's default if ``None``.
            cache_key: Made from the arguments.

        Raises:
            ConfigurationError: the format is pickle, and the shared tier is not signed.
        """
        if written is None:
            written = self._default_format
        prefix = self._prefixes.get((function, fingerprint, written, None))
        if prefix is None:
            prefix = self._new_prefix(function, fingerprint, written, None)
        key = f"{prefix}{cache_key}"
        return key if len(key) <= LONGEST_KEY else bounded(key)

    def _new_prefix(self, name: str, fingerprint: bytes, written: str, sealing: Sealing | None) -> str:
        """Return the beginning of the keys of a model, or of a function, of which nobody knows yet what is sealed."""
        if written == "pickle" and self._refuses_pickles:
            message = (
                "pickled results are not kept in a shared cache without signing_keys: set them, or use another format"
            )
            raise ConfigurationError(message)
        if len(self._prefixes) >= _MOST_PREFIXES:
            self._prefixes.clear()
        kind = "function" if sealing is None else "model"
        text = encode_parts(kind, name, fingerprint, written, sealing, self._variant)
        if (self._sealing_of_calls(written) if sealing is None else sealing) != "never":
            text += self._signature
        prefix = self._prefixes[name, fingerprint, written, sealing] = f"#{digest(text)}"
        return prefix

    def _sealing_of_calls(self, written: str) -> Sealing:
        if written not in _NEVER_SEALED:
            return "always"
        return sealing_of(get_codec(self._config.compression_codec)) if self._config.enable_compression else "never"

    def _settings_changed(self) -> None:
        """Make anew what stands in every key for the settings that bytes depend on: another setting, another entry."""
        config = self._config
        self._variant = encode_parts(
            config.enable_compression,
            config.compression_codec,
            config.compression_level.value,
            config.compression_threshold,
            config.max_payload_bytes,
            str(getattr(config.fallback_format, "value", config.fallback_format)),
        )
        # Only of the key that signs: others come and go while results that are signed with this one can be read.
        signers = [blake2b(secret, digest_size=16).digest() for secret in config.secrets()[:1]]
        self._signature = encode_parts(config.signing_algorithm, signers)
        self.enabled = config.enable_caching
        self._default_format = str(getattr(config.default_format, "value", config.default_format))
        self._prefixes.clear()
