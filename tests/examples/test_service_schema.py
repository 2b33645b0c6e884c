"""The example service does what its OpenAPI document says, for what schemathesis (https://schemathesis.io) invents."""

from __future__ import annotations

from typing import Any

import ormsgpack
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

MSGPACK = "application/vnd.msgpack"
EXAMPLES = 15
PATIENCE = 120
"""Seconds."""
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


OPERATIONS = (
    ("GET", "/products"),
    ("GET", "/products/{product_id}"),
    ("POST", "/products"),
    ("PUT", "/products/{product_id}"),
    ("GET", "/products.stream"),
    ("GET", "/orders"),
    ("POST", "/orders"),
    ("POST", "/exports"),
    ("GET", "/exports/{export_id}"),
    ("GET", "/exports/{export_id}/file"),
)


@pytest.fixture(scope="module")
def document(running_shop: Any) -> Any:
    return schemathesis.openapi.from_url(f"{running_shop.service.address}/openapi.json", timeout=PATIENCE)


def test_every_operation_of_the_document_is_tried(document: Any) -> None:
    """The list above is complete."""
    found = {(item.ok().method.upper(), item.ok().path) for item in document.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("accept", ["application/json", MSGPACK])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_it_does_what_the_document_says(
    document: Any, method: str, path: str, mode: GenerationMode, accept: str
) -> None:
    """No 500, documented statuses and media types, bodies as declared, whatever is sent in either format."""
    operation = document[path][method]
    try:
        cases = operation.as_strategy(generation_mode=mode)

        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
        @given(case=cases)
        def check(case: Any) -> None:
            case.call_and_validate(headers={"Accept": accept}, checks=CHECKS, timeout=PATIENCE)

        check()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE
        assert not operation.body  # what has no parameters can be sent nothing wrong
