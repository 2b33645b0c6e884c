"""Every exception of the package, in one tree.

::

    SerializationError
    ├── ConfigurationError (ValueError)        a setting, a name or a key that cannot work
    │   ├── UnknownFormatError                 no format of that name is registered
    │   ├── UnknownCodecError                  no codec of that name is registered
    │   └── MissingDependencyError (ImportError)   an extra is not installed
    ├── UnsupportedTypeError (TypeError)       a format cannot represent the type at all
    ├── EncodeError (ValueError)               this value cannot be written
    ├── DecodeError (ValueError)               these bytes are not what they should be
    │   ├── FrameError                         not a sealed frame, or a damaged one
    │   │   ├── IntegrityError                 the checksum or the MAC does not match
    │   │   └── SchemaMismatchError            written by another version of the model
    │   ├── DecompressionError                 truncated, damaged or trailing compressed data
    │   ├── LimitExceededError                 larger, deeper or denser than the configuration allows
    │   └── UntrustedDataError                 a pickle that names a class outside the model
    └── CacheError
        └── InvalidationError                  an invalidation could not be delivered

``integrations.http`` has one more below the root, ``UnexpectedStatusError``, which needs a request to say something.
Pydantic's ``ValidationError`` is not in the tree: it passes through untouched. The foreign error that was the cause is
kept as ``__cause__``, except where its text would repeat the payload.
"""

from __future__ import annotations


class SerializationError(Exception):
    """Root of the tree; catch it to catch everything that this package raises by itself.

    Attributes:
        model: Name of the model or type that was read or written, if known.
        format: Name of the format, if known.
        path: Where in the value or the document the fault is, if known: ``("orders", 3, "total")``.
        position: Offset in the input in bytes, if known.
    """

    def __init__(
        self,
        message: str,
        *,
        model: str | None = None,
        format: str | None = None,  # noqa: A002  (the attribute is what users read)
        path: tuple[str | int, ...] = (),
        position: int | None = None,
    ) -> None:
        super().__init__(message)
        self.model = model
        self.format = format
        self.path = path
        self.position = position

    def __str__(self) -> str:
        """Return the message followed by what is known of the place."""
        place = [
            f"{label}={value}"
            for label, value in (
                ("model", self.model),
                ("format", self.format),
                ("path", ".".join(map(str, self.path)) or None),
                ("position", self.position),
            )
            if value is not None
        ]
        message: str = self.args[0]
        return f"{message} [{', '.join(place)}]" if place else message


class ConfigurationError(SerializationError, ValueError):
    """A setting, a name or a key that cannot work; found when it is given, not when it is first needed."""


class UnknownFormatError(ConfigurationError):
    """No format of that name is built in, registered or announced by an installed package."""


class UnknownCodecError(ConfigurationError):
    """No codec of that name is built in, registered or announced by an installed package."""


class MissingDependencyError(ConfigurationError, ImportError):  # type: ignore[misc]  # ImportError.path stays unused
    """An optional library is not installed; the message holds the exact ``pip install`` line."""


class UnsupportedTypeError(SerializationError, TypeError):
    """The format cannot represent the type, whatever its values. Raised when the type is bound, not per value."""


class EncodeError(SerializationError, ValueError):
    """The value cannot be written in this format, or could not be read back if it were."""


class DecodeError(SerializationError, ValueError):
    """The bytes are not a document of the format. A document of the wrong shape is a ``ValidationError`` instead."""


class FrameError(DecodeError):
    """The bytes are not a sealed frame, or not one that this reader may open."""


class IntegrityError(FrameError):
    """The checksum or the MAC of a sealed frame does not match its content, its cache key or the reader's key."""


class SchemaMismatchError(FrameError):
    """A sealed frame was written for another model, or for another version of it."""


class DecompressionError(DecodeError):
    """Compressed data is truncated, damaged, or followed by something else."""


class LimitExceededError(DecodeError):
    """The input is over a limit of the configuration.

    Attributes:
        limit: Name of the setting that moves the limit, such as ``"max_payload_bytes"``.
    """

    def __init__(
        self,
        message: str,
        *,
        limit: str | None = None,
        model: str | None = None,
        format: str | None = None,  # noqa: A002
        path: tuple[str | int, ...] = (),
        position: int | None = None,
    ) -> None:
        super().__init__(message, model=model, format=format, path=path, position=position)
        self.limit = limit


class UntrustedDataError(DecodeError):
    """A pickle names a class that the requested model does not contain, and no signing key vouches for it."""


class CacheError(SerializationError):
    """The cache could not do what was asked, and the caller has to know."""


class InvalidationError(CacheError):
    """An entry could not be invalidated everywhere: other processes may serve it until its time is up."""
