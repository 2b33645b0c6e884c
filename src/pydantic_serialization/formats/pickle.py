"""Pickle: Python only, with all that Python pickles: shared references, private attributes, the set of given fields.

========================  ==========================================================================
writes                    protocol 5: models as one block, where that gives what ``pickle.dumps``
                          would give (see ``compact``), anything else as ``pickle.dumps`` does
reads                     protocols 4 and 5, exactly one document
without a signature       classes of the requested type and a table of value types only, in both
                          directions; every instance is checked (see ``_unpickler``)
with a signature          every class, in both directions: the caller has verified the MAC of the
                          sealed frame around the bytes before it asks for them to be read
cannot represent          types with classes that cannot be found by module and name
========================  ==========================================================================

https://docs.python.org/3.11/library/pickle.html
"""

from __future__ import annotations

import pickle
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pydantic_serialization.errors import DecodeError, EncodeError, LimitExceededError, SerializationError
from pydantic_serialization.formats import compact
from pydantic_serialization.formats._base import BoundFormat, FormatOptions
from pydantic_serialization.formats._pickle_classes import may_hash_composites, pickled_classes
from pydantic_serialization.formats._pickle_opcodes import check_opcodes
from pydantic_serialization.formats._pickle_secrets import PicklerWithoutSecrets, declares_secrets, field_held_back
from pydantic_serialization.formats._pickle_state import StateChecker, has_validators
from pydantic_serialization.formats._stack import check_value
from pydantic_serialization.formats._unpickler import Pickler, Rules, Unpickler
from pydantic_serialization.plan.rebuild import CAN_REBUILD
from pydantic_serialization.plan.stack import StackNeed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import DumpOptions, LoadOptions, Payload
    from pydantic_serialization.plan import ModelPlan

_PICKLED = StackNeed.of_levels(640, deepest=1_000)
"""What the pickler of the standard library takes of the stack."""
_PARTIAL = ("include", "exclude", "exclude_unset", "exclude_defaults", "exclude_none")
"""Options that leave something out. An instance is pickled whole, so ignoring them would leak what was excluded."""


class PickleFormat:
    """Pickles, restricted to the requested type unless they are authenticated."""

    name = "pickle"
    wire_id = 3
    media_type = "application/x-python-pickle"
    sealed = True

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one type.

        Raises:
            UnsupportedTypeError: a class of the type cannot be found by its module and name.
        """
        encode, decode = _bind_authenticated(plan, options) if options.authenticated else _bind_unsigned(plan, options)
        name = plan.name
        held_back = None if options.pickle_secrets else field_held_back(plan)
        if held_back is not None:
            encode = _refusing(held_back, name)

        def encode_with(value: Any, dump_options: DumpOptions) -> bytes:
            partial = [option for option in _PARTIAL if dump_options.get(option)]
            if partial:
                message = f"pickle writes whole instances and cannot apply {', '.join(partial)}; use another format"
                raise EncodeError(message, model=name, format="pickle")
            return encode(value)

        def decode_with(data: Payload, load_options: LoadOptions) -> Any:
            return decode(data, load_options)

        return BoundFormat(encode, lambda data: decode(data, {}), encode_with, decode_with)


def _may_hold_secrets(plan: ModelPlan, options: FormatOptions) -> bool:
    """Say whether values of secrets may be written: asked for, or all that are declared are shown by every format."""
    return options.pickle_secrets or declares_secrets(plan)


def _refusing(field: str, model: str) -> Callable[[Any], bytes]:
    """Return the writer of a type with a secret or an excluded field: one that refuses."""

    def encode(value: Any) -> bytes:  # noqa: ARG001  (whatever it is)
        message = "a pickle would hold a secret or an excluded field in clear; pickle_secrets=True allows that"
        raise EncodeError(message, model=model, format="pickle", path=(field,))

    return encode


def _bind_unsigned(
    plan: ModelPlan, options: FormatOptions
) -> tuple[Callable[[Any], bytes], Callable[[Payload, LoadOptions], Any]]:
    rules = Rules(plan, max_depth=options.max_depth, max_items=options.max_items, validate=options.validate)
    secrets = _may_hold_secrets(plan, options)
    # Elsewhere the classes alone show that what is written can be read.
    depth = plan.traits.depth
    is_checked_when_written = depth is None or depth > options.max_depth or may_hash_composites(plan)

    def encode(value: Any) -> bytes:
        try:
            data = compact.pack(value, rules.classes)
            if data is None:
                check_value(value, _PICKLED, plan.name, "pickle")
                file = BytesIO()
                Pickler(file, rules.types, rules.writable_names, secrets=secrets).dump(value)
                data = file.getvalue()
                if is_checked_when_written:
                    check_opcodes(data)
            if is_checked_when_written or len(data) > options.max_items:
                rules.instances(value, len(data))
        except RecursionError:
            raise EncodeError("the value is nested too deep for pickle", model=plan.name, format="pickle") from None
        except (EncodeError, DecodeError) as error:
            raise EncodeError(error.args[0], model=plan.name, format="pickle") from None
        return data

    def load(document: bytes) -> Any:
        wrapped = compact.unwrap(document)
        if wrapped is not None:
            return compact.restore(wrapped.block, *(rules.class_named(*name) for name in wrapped.names))
        check_opcodes(document)
        return Unpickler(BytesIO(document), rules.readable_names).load()

    def decode(data: Payload, load_options: LoadOptions) -> Any:
        document = memoryview(data).tobytes()  # bytes(5) would be five zeros
        try:
            value = load(document)
            strict = load_options.get("strict")
            is_strict = options.strict if strict is None else strict
            again, context = partial(load, document), load_options.get("context")
            rules.check(value, len(document), again=again, strict=is_strict, context=context)
        except (ValidationError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  (a pickle can make a constructor raise anything)
            raise _decode_error(error, plan.name) from None
        return value

    return encode, decode


def _bind_authenticated(
    plan: ModelPlan, options: FormatOptions
) -> tuple[Callable[[Any], bytes], Callable[[Payload, LoadOptions], Any]]:
    pickled_classes(plan)
    make_pickler = pickle.Pickler if _may_hold_secrets(plan, options) else PicklerWithoutSecrets
    check_type = _type_check(plan, options)
    # Validators may change what they are given; the class of a model is all that is looked at.
    is_read_again = plan.model is None and has_validators(plan.schema)

    def encode(value: Any) -> bytes:
        try:
            data = compact.pack(value)
            if data is None:
                check_value(value, _PICKLED, plan.name, "pickle")
                file = BytesIO()
                make_pickler(file, protocol=5).dump(value)
                data = file.getvalue()
        except RecursionError:
            raise EncodeError("the value is nested too deep for pickle", model=plan.name, format="pickle") from None
        except EncodeError as error:
            error.model = plan.name
            raise
        return data

    def load(data: Payload) -> Any:
        file = BytesIO(data)
        value = pickle.Unpickler(file).load()
        _expect_end(file)
        return value

    def decode(data: Payload, load_options: LoadOptions) -> Any:
        try:
            value = load(data)
            check_type(load(data) if is_read_again else value, load_options)
        except (ValidationError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  (a pickle can make a constructor raise anything)
            raise _decode_error(error, plan.name) from None
        return value

    return encode, decode


def _type_check(plan: ModelPlan, options: FormatOptions) -> Callable[[Any, LoadOptions], None]:
    """Return the check that an authenticated pickle holds the requested type; what is inside was vouched for."""
    model = plan.model
    if model is not None:

        def check(value: Any, load_options: LoadOptions) -> None:  # noqa: ARG001  (the other checks need them)
            if not isinstance(value, model):
                raise DecodeError("the pickle does not hold an instance of the requested type")

    elif CAN_REBUILD:
        root = StateChecker(plan.schema, inside=False, validate=options.validate)

        def check(value: Any, load_options: LoadOptions) -> None:
            root.check(value, strict=False, context=load_options.get("context"))

    else:

        def check(value: Any, load_options: LoadOptions) -> None:
            plan.validator.validate_python(value, context=load_options.get("context"))

    return check


def _expect_end(file: BytesIO) -> None:
    if file.read(1):
        raise DecodeError("the pickle is followed by something else")


def _decode_error(error: Exception, model: str) -> SerializationError:
    """Return the error to raise for what reading raised. The text of a foreign error may quote the document."""
    if isinstance(error, LimitExceededError):
        return LimitExceededError(error.args[0], limit=error.limit, model=model, format="pickle")
    if isinstance(error, SerializationError):
        return type(error)(error.args[0], model=model, format="pickle", position=error.position)
    if isinstance(error, RecursionError):
        return LimitExceededError("the pickle is nested too deep", limit="max_depth", model=model, format="pickle")
    return DecodeError(f"not a pickle document ({type(error).__name__})", model=model, format="pickle")
