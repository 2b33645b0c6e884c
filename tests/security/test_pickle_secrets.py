"""A pickle holds neither secrets nor excluded fields unless that was asked for."""

import dataclasses
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, Secret, SecretBytes, SecretStr, field_serializer
from typing_extensions import TypedDict

from pydantic_serialization import EncodeError, SerializationConfig, create_serialization_manager, encoder

CANARY = "canary-secret-51c2"


class Account(BaseModel):
    name: str = "Anna"
    password: SecretStr = SecretStr(CANARY)


class Nested(BaseModel):
    accounts: list[Account] = [Account()]


class Raw(BaseModel):
    key: SecretBytes = SecretBytes(CANARY.encode())


class Generic(BaseModel):
    date: Secret[str] = Secret(CANARY)


class Excluded(BaseModel):
    name: str = "Anna"
    internal: str = Field(default=CANARY, exclude=True)


class Optional(BaseModel):
    token: Annotated[SecretStr, Field(min_length=3)] | None = SecretStr(CANARY)


@dataclasses.dataclass
class Data:
    password: SecretStr = dataclasses.field(default_factory=lambda: SecretStr(CANARY))


class Typed(TypedDict):
    password: SecretStr


class Shown(BaseModel):
    """A class whose own serializer says that the value may be seen."""

    password: SecretStr = SecretStr(CANARY)

    @field_serializer("password")
    def _write(self, password: SecretStr) -> str:
        return password.get_secret_value()


VALUES: list[tuple[Any, Any, str]] = [
    (Account, Account(), "password"),
    (Nested, Nested(), "accounts"),
    (list[Account], [Account()], "password"),
    (Raw, Raw(), "key"),
    (Generic, Generic(), "date"),
    (Excluded, Excluded(), "internal"),
    (Optional, Optional(), "token"),
    (Data, Data(), "password"),
    (Typed, {"password": SecretStr(CANARY)}, "password"),
    (SecretStr, SecretStr(CANARY), "the value itself"),
]


@pytest.mark.parametrize("keys", [(), ("k" * 32,)], ids=["unsigned", "signed"])
@pytest.mark.parametrize(("declared", "value", "field"), VALUES, ids=lambda item: getattr(item, "__name__", ""))
def test_secrets_are_not_pickled_unasked(declared: Any, value: Any, field: str, keys: tuple[str, ...]) -> None:
    """The error names the field and the setting, and shows no secret; with the setting the value comes back as it was."""
    manager = create_serialization_manager(SerializationConfig(signing_keys=keys))
    with pytest.raises(EncodeError) as caught:
        manager.serialize_sync(value, "pickle", model_class=declared)
    assert "pickle_secrets" in str(caught.value)
    assert field in caught.value.path or field == "accounts"
    assert CANARY not in str(caught.value)
    asked = create_serialization_manager(SerializationConfig(signing_keys=keys, pickle_secrets=True))
    data = asked.serialize_sync(value, "pickle", model_class=declared)
    assert asked.deserialize_sync(data, declared, "pickle") == value


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")

    value: Any = None
    _kept: Any = PrivateAttr(default=None)


class Named(BaseModel):
    name: str = "Anna"


class Hidden(Named):
    password: SecretStr = SecretStr(CANARY)


class Holder(BaseModel):
    named: Named = Named()


def kept() -> Anything:
    item = Anything()
    item._kept = SecretBytes(CANARY.encode())
    return item


UNDECLARED: list[tuple[Any, Any]] = [
    (Anything, Anything(value=SecretStr(CANARY))),
    (Anything, Anything(value=[{"a": (Secret(CANARY),)}])),
    (Anything, Anything(extra=SecretBytes(CANARY.encode()))),  # type: ignore[call-arg]
    (Anything, kept()),
    (dict[str, Any], {"a": SecretStr(CANARY)}),
    (list[Any], [SecretStr(CANARY)]),
    (Holder, Holder(named=Hidden())),
]


@pytest.mark.parametrize("keys", [(), ("k" * 32,)], ids=["unsigned", "signed"])
@pytest.mark.parametrize(("declared", "value"), UNDECLARED, ids=str)
def test_secrets_that_are_not_declared_are_not_pickled_unasked(
    declared: Any, value: Any, keys: tuple[str, ...]
) -> None:
    """In a value of any type, an extra, a private attribute or a subclass: what counts is what the pickle would hold."""
    manager = create_serialization_manager(SerializationConfig(signing_keys=keys))
    with pytest.raises(EncodeError) as caught:
        manager.serialize_sync(value, "pickle", model_class=declared)
    if keys or declared is not Holder:  # an unsigned pickle does not hold a subclass at all
        assert "pickle_secrets" in str(caught.value)
        asked = create_serialization_manager(SerializationConfig(signing_keys=keys, pickle_secrets=True))
        data = asked.serialize_sync(value, "pickle", model_class=declared)
        assert asked.deserialize_sync(data, declared, "pickle") == value
    assert CANARY not in str(caught.value)


def test_bare_encoders_do_not_pickle_secrets() -> None:
    """Without a manager nobody can have asked."""
    with pytest.raises(EncodeError):
        encoder(Account, "pickle")(Account())


def test_what_a_serializer_of_the_users_shows_is_pickled() -> None:
    """Every format writes such a value, so a pickle smuggles nothing out."""
    manager = create_serialization_manager()
    assert manager.deserialize_sync(manager.serialize_sync(Shown(), "pickle"), Shown, "pickle") == Shown()


def test_other_types_are_not_held_back() -> None:
    """What has neither is pickled as ever."""
    manager = create_serialization_manager()
    assert manager.deserialize_sync(manager.serialize_sync([1, "a"], "pickle"), list[Any], "pickle") == [1, "a"]
