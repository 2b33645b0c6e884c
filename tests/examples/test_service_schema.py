"""The example service does what its OpenAPI document says, for what schemathesis (https://schemathesis.io) invents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ormsgpack
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

MSGPACK = "application/vnd.msgpack"
# Left out: negative_data_rejection, because Pydantic takes "5" for 5, and is meant to.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    positive_data_acceptance,
]


@schemathesis.serializer(MSGPACK)
def write(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return ormsgpack.packb(value, option=ormsgpack.OPT_PASSTHROUGH_BIG_INT, default=str)


@schemathesis.deserializer(MSGPACK)
def read(_: schemathesis.DeserializationContext, response: schemathesis.Response) -> Any:
    return ormsgpack.unpackb(response.content)


@pytest.fixture(scope="module")
def openapi(running_shop: Any) -> Any:
    return schemathesis.openapi.from_url(f"{running_shop.service}/openapi.json")


schema = schemathesis.pytest.from_fixture("openapi")


@schema.parametrize()
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_every_route_does_what_the_document_says(case: Any) -> None:
    """No 500; documented statuses and media types; bodies as declared, in JSON and in MessagePack."""
    for accept in ("application/json", MSGPACK):
        case.call_and_validate(headers={"Accept": accept}, checks=CHECKS)
