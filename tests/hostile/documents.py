"""Documents with something changed: read exactly as Pydantic reads them, or refused with an error that was promised."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import zoo
from parity.msgpack_sides import documents_of, sides_of
from parity.outcomes import described
from pydantic import ValidationError

from hostile.mutations import mutated
from pydantic_serialization import SerializationError, UnsupportedTypeError, decoder, encoder
from pydantic_serialization._native import core
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_decoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_sung: list[str] = []


def sing(note: str = "") -> str:
    """Be the canary: no reader may ever call this."""
    _sung.append(note)
    return note


class Canary:
    """Pickles to a call of :func:`sing`."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Ask for the call."""
        return sing, ("from a pickle",)


def prepare_json(random: Random) -> Callable[[], bool]:
    """Return the step: one JSON document of the zoo, changed, read by the compiled decoder and by Pydantic."""
    return _comparing(json_readers(), random)


def prepare_msgpack(random: Random) -> Callable[[], bool]:
    """Return the step: one MessagePack document of the zoo, changed, read by the compiled decoder and through Python."""
    return _comparing(msgpack_readers(), random)


class Reader(NamedTuple):
    """Two functions that have to read alike, and a document of theirs."""

    native: Callable[[bytes], Any]
    reference: Callable[[bytes], Any]
    document: bytes

    def compare(self, data: bytes) -> bool:
        """Return whether other data is accepted.

        Raises:
            AssertionError: by one of them only, or not with the same value or error.
        """
        self.native(self.document)  # one that declines nearly everything stops to try: not so after a good document
        found, expected = _verdict(self.native, data), _verdict(self.reference, data)
        if found[0] == expected[0] == "value":
            found, expected = ("value", described(found[1])), ("value", described(expected[1]))
        assert found == expected, f"{data!r} gives {found}, not {expected}"
        return expected[0] == "value"


def json_readers() -> list[Reader]:
    """Return a reader for each JSON document of the zoo: the compiled decoder and Pydantic."""
    readers: list[Reader] = []
    for entry in zoo.ENTRIES:
        plan = plan_for(entry.type)
        read = plan.validator.validate_json
        readers += [Reader(bind_decoder(plan, read), read, document) for document in _documents(entry, "json")]
    return readers


def msgpack_readers() -> list[Reader]:
    """Return a reader for each MessagePack document of the zoo: the compiled decoder and the way through Python."""
    readers: list[Reader] = []
    for entry in zoo.ENTRIES:
        sides = sides_of(entry.type)
        if sides.program is not None:
            native = sides.python if core is None else sides.decoder(sides.python)
            documents = [document for document in documents_of(entry) if _verdict(native, document)[0] == "value"]
            readers += [Reader(native, sides.python, document) for document in documents]
    return readers


def _comparing(readers: list[Reader], random: Random) -> Callable[[], bool]:
    others = [reader.document for reader in readers]

    def step() -> bool:
        reader = random.choice(readers)
        return reader.compare(mutated(reader.document, random, others))

    return step


def prepare_family(format_name: str) -> Callable[[Random], Callable[[], bool]]:
    """Return the preparation of a campaign: documents of one format give a value or a promised error, and run nothing."""

    def prepare(random: Random) -> Callable[[], bool]:
        readers: list[tuple[Any, bytes]] = []
        for entry in zoo.ENTRIES:
            if entry.type is zoo.CustomInit:  # its own code raises what it likes
                continue
            with suppress(UnsupportedTypeError):
                read = decoder(entry.type, format_name)
                readers += [(read, document) for document in _documents(entry, format_name)]
        others = [document for _, document in readers]
        if format_name == "pickle":
            others += [pickle.dumps(Canary(), protocol) for protocol in range(6)] * 20

        def step() -> bool:
            read, document = random.choice(readers)
            data = mutated(document, random, others) if random.randrange(16) else random.choice(others)
            try:
                read(data)
            except (SerializationError, ValidationError):
                return False
            except Exception as error:
                raise AssertionError(f"{data!r} raises {error!r}") from error
            finally:
                assert not _sung, f"{data!r} ran code"
            return True

        return step

    return prepare


def _documents(entry: zoo.Entry, format_name: str) -> list[bytes]:
    """Return the documents of an entry's values that can be written and read."""
    found = []
    for value in entry.values:
        with suppress(Exception):
            document = encoder(entry.type, format_name)(value)
            decoder(entry.type, format_name)(document)
            found.append(document)
    return found


def _verdict(read: Any, data: bytes) -> tuple[str, Any]:
    try:
        return "value", read(data)
    except ValidationError as error:
        return "invalid", str(error)
    except Exception as error:
        return type(error).__name__, str(error)
