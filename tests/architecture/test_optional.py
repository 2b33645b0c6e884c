"""The core works without a single extra, and imports none of them."""

from __future__ import annotations

import json
import subprocess
import sys

OPTIONAL = [
    "aiokafka",
    "aiosqlite",
    "arq",
    "backports.zstd",
    "brotli",
    "celery",
    "confluent_kafka",
    "deflate",
    "dramatiq",
    "fastapi",
    "faststream",
    "fastavro",
    "google.protobuf",
    "httpx",
    "httpx2",
    "isal",
    "kafka",
    "kombu",
    "lz4",
    "opentelemetry",
    "prometheus_client",
    "pydantic_settings",
    "redis",
    "rich",
    "sqlalchemy",
    "starlette",
    "taskiq",
    "typer",
    "zstandard",
]

WITHOUT_EXTRAS = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if any(name == item or name.startswith(item + ".") for item in {optional!r}):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())

from pydantic import BaseModel
import pydantic_serialization as ps

class User(BaseModel):
    id: int
    name: str = "x" * 5000

user = User(id=1)
manager = ps.create_serialization_manager()
for name in ps.available_formats():
    assert manager.deserialize_sync(manager.serialize_sync(user, name), User, name) == user, name
assert ps.available_codecs() == ("gzip",), ps.available_codecs()
for codec, extra in (("zstd", "zstd"), ("lz4", "lz4"), ("brotli", "brotli")):
    try:
        ps.create_serialization_manager(ps.SerializationConfig(compression_codec=codec)).serialize_sync(user)
    except ps.MissingDependencyError as error:
        assert f'pip install "pydantic-serialization[{{extra}}]"' in str(error), error
    else:
        raise AssertionError(codec)

from importlib import import_module

for name, extra in (
    ("sqlalchemy", "sqlalchemy"), ("queues.celery", "celery"), ("queues.taskiq", "taskiq"), ("queues.dramatiq", "dramatiq")
):
    try:
        import_module("pydantic_serialization.integrations." + name)
    except ps.MissingDependencyError as error:
        assert f'pip install "pydantic-serialization[{{extra}}]"' in str(error), error
    else:
        raise AssertionError(name)
for name in ("http", "queues", "queues.arq", "queues.faststream", "queues.kafka"):  # these import nothing of the library
    import_module("pydantic_serialization.integrations." + name)
"""


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_import_loads_no_extra() -> None:
    """``import pydantic_serialization`` imports no optional library, nor what only some commands need."""
    loaded = json.loads(run("import json, sys, pydantic_serialization; print(json.dumps(sorted(sys.modules)))"))
    assert not set(OPTIONAL) & set(loaded)
    assert "pydantic_serialization.benchmark" not in loaded
    assert "pydantic_serialization.cli" not in loaded


def test_everything_required_works_without_extras() -> None:
    """Without any extra every format and gzip work, and a missing codec names the exact ``pip install`` line."""
    run(WITHOUT_EXTRAS.format(optional=OPTIONAL))
