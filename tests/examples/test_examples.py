"""Every example runs as it stands, without a warning, and shows what it is about."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SHOWN = {
    "background_tasks": (
        "confirmed  Ada, your 1 items are on their way; seen: ['customer', 'id', 'items']",
        "exported   Report(written=20000, bytes=",
        "read back  20000 orders",
        "refused    not a sealed frame",
    ),
    "custom_format": (
        'one event    e62cb4e2 {"order":7,"kind":"paid","note":""}',
        "which begin with b'\\xfd7zXZ\\x00'",
        "read back    equal: True",
        "edited       DecodeError: the checksum does not match",
        "cut          DecompressionError: truncated xz data",
    ),
    "fastapi_app": (
        'created as JSON         201  {"name":"Lamp","price":"19.90","tags":["light"],"id":1}',
        "created as MessagePack  201  Product(name='Chair', price=Decimal('49.00'), tags=[], id=2)",
        "read three times        1 read of the database",
        'read after an update    {"name":"Lamp","price":"17.90","tags":[],"id":1}',
        "read by its ETag        304, 0 bytes",
        "of them on the wire (",
        "102 as JSON lines       102 lines",
        "refused: not JSON       422",
        "refused: not a product  422",
        "refused: XML            415",
        "refused: too large      413",
    ),
    "httpx_client": (
        "sent as msgpack  Receipt(number=1",
        "sent as json     Receipt(number=2",
        "50 at once        the server has sent [200]",
        "100 times more    2 readings",
        "after its time    the server has sent [304]",
        "Input should be an object; in the answer to GET http://sensors.example/readings (200)",
        "GET http://sensors.example/nothing was answered with 404 [model=Receipt]",
    ),
    "quickstart": (
        "orjson       71 bytes",
        "with gzip",
        "three calls: 1 miss, 2 hits",
        '{"id":1,"name":"Ada L."',
        "loading user 7\nHello Ada, you are number 7\nHello Ada, you are number 7\n",
        "DecodeError: not a JSON document",
        "ValidationError: 3 faults in User",
        "deserialize:User:json",
    ),
    "sqlalchemy_async": (
        "first read    2 statements  J. Austen",
        "second read   0 statements  equal: True",
        "after rename  Jane Austen",
        "by address    Jane Austen: Address(city='Chawton', country='England')",
        "read back equal: True",
        "AuthorRow.books is not loaded, and the model reads it: add .options(selectinload(AuthorRow.books))",
    ),
    "sqlmodel_tables": (
        "json               161 bytes, read back equal: True",
        "msgpack            123 bytes, read back equal: True",
        '"salary":"990.00"',
        '"salary":"1050.00"',
        "refused            name, salary, joined",
    ),
}
"""What each example has to print. Times are printed too, and not looked at."""


def test_every_example_is_listed() -> None:
    """An example without an expectation would never be looked at."""
    assert sorted(SHOWN) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_it_runs_and_shows_what_it_is_about(name: str, tmp_path: Path) -> None:
    """Run as a program, with every warning an error, it ends with 0, says nothing on stderr and leaves no files."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert (run.returncode, run.stderr) == (0, "")
    for text in SHOWN[name]:
        assert text in run.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_the_list_of_examples_names_it(name: str) -> None:
    """The README of the examples is complete."""
    assert f"`{name}.py`" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
