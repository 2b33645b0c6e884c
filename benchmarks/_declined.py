"""What a model costs that the native core leaves to Pydantic: it should cost what Pydantic alone does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from _rows import Row, Target, measure, show
from pydantic import BaseModel, Field, create_model

from pydantic_serialization import accelerate, decoder, encoder
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENOUGH = 1 / 1.05
"""At most 1.05 times the time."""


def _candidates() -> Iterator[tuple[type[BaseModel], bytes]]:
    """Yield models, and documents of them, that a core might leave to Pydantic, the likeliest first."""
    user = {"id": (int, ...), "name": (str, ...), "email": (str, ...), "active": (bool, True)}
    text = b'{"id":1,"name":"Ada Lovelace","email":"ada@example.com","active":true}'
    by_class: Any = {"polymorphic_serialization": True}
    from_others = (int, Field(default_factory=lambda data: data["id"]))
    yield create_model("Declined", __config__=by_class, **user), text  # type: ignore[call-overload]
    yield create_model("Declined", **user, odd=from_others), text  # type: ignore[call-overload]
    yield create_model("Declined", **user, odd=(complex, 1j)), text  # type: ignore[call-overload]


def declined_targets(seconds: float) -> list[Target]:
    """Time a declined model, bound and accelerated, beside Pydantic alone."""
    targets = []
    for direction in ("encoding", "decoding"):
        for model, text in _candidates():
            if getattr(plan_for(model), direction).program is None:
                targets += _encode(model, text, seconds) if direction == "encoding" else _decode(model, text, seconds)
                break
        else:
            print(f"\n{direction}: no model of this benchmark is declined")
    return targets


def _encode(model: type[BaseModel], text: bytes, seconds: float) -> list[Target]:
    value = model.__pydantic_validator__.validate_json(text)
    fast = accelerate(create_model("Fast", __base__=model))
    names = {
        "value": value,
        "to_json": model.__pydantic_serializer__.to_json,
        "write": encoder(model, "orjson"),
        "fast": fast.__pydantic_validator__.validate_json(text),
    }
    rows = [
        Row("serializer.to_json(..), raw", "to_json(value)", names),
        Row('encoder(.., "orjson")', "write(value)", names),
        Row("model_dump_json()", "value.model_dump_json()", names),
        Row("model_dump_json(), accelerated", "fast.model_dump_json()", names),
    ]
    measure(rows, seconds)
    show("encode a declined model", rows, {"raw": rows[0], "method": rows[2]})
    return [
        Target("encode a declined model, against raw", rows[0].best / rows[1].best, _ENOUGH, None),
        Target("the same, accelerated against the method", rows[2].best / rows[3].best, _ENOUGH, None),
    ]


def _decode(model: type[BaseModel], text: bytes, seconds: float) -> list[Target]:
    fast = accelerate(create_model("Fast", __base__=model))
    names = {
        "text": text,
        "validate": model.__pydantic_validator__.validate_json,
        "read": decoder(model, "orjson"),
        "Model": model,
        "Fast": fast,
    }
    rows = [
        Row("validator.validate_json(..), raw", "validate(text)", names),
        Row('decoder(.., "orjson")', "read(text)", names),
        Row("model_validate_json(..)", "Model.model_validate_json(text)", names),
        Row("model_validate_json(..), accelerated", "Fast.model_validate_json(text)", names),
    ]
    measure(rows, seconds)
    show("decode a declined model", rows, {"raw": rows[0], "method": rows[2]})
    return [
        Target("decode a declined model, against raw", rows[0].best / rows[1].best, _ENOUGH, None),
        Target("the same, accelerated against the method", rows[2].best / rows[3].best, _ENOUGH, None),
    ]
