"""The commands, called in this process."""

from __future__ import annotations

import gzip
import itertools
import json
import pickle
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from pydantic_serialization.benchmark import BenchmarkReport
from pydantic_serialization.bulk import read_records, write_records
from pydantic_serialization.cli import demo as demo_module
from pydantic_serialization.cli._round_trips import round_trip
from pydantic_serialization.cli.app import app
from pydantic_serialization.cli.demo_input import installed_releases
from pydantic_serialization.codecs import available_codecs
from pydantic_serialization.config import create_serialization_config
from pydantic_serialization.formats import available_formats
from pydantic_serialization.manager import create_serialization_manager

FAST = ("--seconds", "0.02")
NO_CODECS = ("--codecs", "gzip")


def call(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def result_of(done: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["schema_version"] == 1
    return found


# -- bench -------------------------------------------------------------------------------------------------------------


def test_bench_measures_the_records_of_a_file(workplace: Path) -> None:
    """``bench`` prints every format with its figures, and the JSON has the report's own keys."""
    done = call("bench", "shop_models:Order", "--data", "orders.jsonl", "--json", *FAST, *NO_CODECS)
    assert done.exit_code == 0, done.stderr
    found = result_of(done)
    assert set(found) == {*BenchmarkReport.__annotations__, "command", "missed"}
    assert found["models"] == 20
    assert set(found["formats"]) == set(available_formats())


def test_bench_shows_tables(workplace: Path) -> None:
    """Without --json, there is a table for formats, one for codecs, and the machine."""
    done = call("bench", "shop_models.py:Order", "--data", "orders.jsonl", "--limit", "7", *FAST, *NO_CODECS)
    assert done.exit_code == 0, done.stderr
    for text in ("msgpack", "vs JSON", "gzip", "balanced", "7 models; Python"):
        assert text in done.stdout


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_table_folds_a_word(workplace: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """On a terminal of 80 columns or more, every header and figure stands on one line, within the width."""
    monkeypatch.setattr("pydantic_serialization.cli._console._WIDE", width)
    done = call("demo", "--limit", "3", *FAST)
    assert done.exit_code == 0, done.stderr
    tables = [line for line in done.stdout.splitlines() if line[:1] in {"\u2503", "\u2502", "\u2521"}]
    assert max(map(len, tables)) <= width
    header_lines = [line for line in tables if line.startswith("\u2503")]
    assert len(header_lines) == len([line for line in tables if line.startswith("\u2521")])
    words = {cell.strip() for line in tables for cell in re.split("[\u2502\u2503]", line)}
    assert {"format", "models/s", "vs JSON", "avg size", "equal", "decompress", "msgpack", "balanced"} <= words


@pytest.mark.parametrize("backend", ["python", "native"])
def test_what_runs_the_same_code_is_said_to(workplace: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """Without the native core, a line under the tables says that json and orjson do not differ."""
    monkeypatch.setattr("pydantic_serialization.benchmark.environment.BACKEND", backend)
    arguments = ("bench", "shop_models:Order", "--data", "orders.jsonl", *FAST, *NO_CODECS)
    same_code = "json and orjson run the same code here; differences between them are noise"
    assert (same_code in call(*arguments).stdout) == (backend == "python")
    assert same_code not in call(*arguments, "--formats", "msgpack").stdout


@pytest.mark.parametrize("default", ["", " = 0"])
def test_bench_says_what_brings_aliased_models_back(workplace: Path, default: str) -> None:
    """Where only aliases are read, and names are written, the way out is named, whether reading fails or loses."""
    (workplace / "aliased.py").write_text(
        "from pydantic import BaseModel, Field\n"
        "class Aliased(BaseModel):\n"
        f"    unit_price: int{default} = Field(alias='unitPrice')\n".replace(" = 0 = Field(", " = Field(default=0, ")
    )
    (workplace / "aliased.jsonl").write_text('{"unitPrice":7}\n')
    arguments = ("bench", "aliased:Aliased", "--data", "aliased.jsonl", "--formats", "json", *FAST, *NO_CODECS)
    done = call(*arguments)
    assert "json: " in done.stdout
    assert "serialize with by_alias=True" in done.stdout
    found = result_of(call(*arguments, "--json"))["formats"]["json"]
    assert not found["equal"]
    assert "by_alias=True" in found["advice"]


def test_bench_takes_models_from_a_factory(workplace: Path) -> None:
    """--factory names a function that returns models of the class."""
    arguments = ("bench", "shop_models:Order", "--factory", "shop_models:some_orders", "--json", *FAST, *NO_CODECS)
    assert result_of(call(*arguments))["models"] == 5
    done = call("bench", "shop_models:Order", "--factory", "shop_models:some_items")
    assert done.exit_code == 2
    assert "returned Item, not Order" in done.stderr


@pytest.mark.parametrize(("gate", "code"), [("orjson=0.0001", 0), ("orjson=1e9", 1), ("msgpack:read=1e9", 1)])
def test_bench_fails_under_a_gate(workplace: Path, gate: str, code: int) -> None:
    """--fail-under compares with Pydantic's JSON, and names the gate that is missed."""
    done = call("bench", "shop_models:Order", "--data", "orders.jsonl", "--fail-under", gate, *FAST, *NO_CODECS)
    assert done.exit_code == code
    assert ("under 1e+09" in done.stderr) == bool(code)


def test_a_gate_for_what_is_not_measured_is_a_mistake(workplace: Path) -> None:
    """A gate whose format is not among --formats is refused with code 2 before anything is measured."""
    arguments = ("bench", "shop_models:Order", "--data", "orders.jsonl", "--formats", "json")
    done = call(*arguments, "--fail-under", "orjson=50", *FAST)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "orjson was not measured" in done.stderr
    assert call(*arguments, "--fail-under", "json:read=nan", *FAST).exit_code == 2


def test_a_gate_for_what_cannot_be_read_says_so(workplace: Path) -> None:
    """A format that cannot read the models misses its gate for that reason, not for a speed of nothing."""
    (workplace / "strict.py").write_text(
        "from pydantic import BaseModel, Field\n"
        "class Aliased(BaseModel):\n"
        "    unit_price: int = Field(alias='unitPrice')\n"
    )
    (workplace / "strict.jsonl").write_text('{"unitPrice":7}\n')
    arguments = ("bench", "strict:Aliased", "--data", "strict.jsonl", "--formats", "json", *FAST, *NO_CODECS)
    done = call(*arguments, "--fail-under", "json:read=0.5")
    assert done.exit_code == 1
    assert "json read: no figure" in done.stderr
    assert "0.00" not in done.stderr


@pytest.mark.parametrize("suffix", [".svg", ".SVG"])
def test_bench_draws_a_chart(workplace: Path, suffix: str) -> None:
    """--plot writes well-formed SVG that names every format."""
    chart = workplace / f"chart{suffix}"
    done = call("bench", "shop_models:Order", "--data", "orders.jsonl", "--plot", str(chart), *FAST, *NO_CODECS)
    assert done.exit_code == 0, done.stderr
    texts = " ".join(ET.fromstring(chart.read_text()).itertext())
    assert all(name in texts for name in available_formats())


def test_a_chart_that_cannot_be_drawn_is_refused_first(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anything that makes a PNG, the message names what to install, before anything is measured."""
    monkeypatch.setattr("pydantic_serialization.cli._figures.available", lambda _: False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    done = call("bench", "shop_models:Order", "--data", "orders.jsonl", "--plot", "chart.png")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "pip install cairosvg" in done.stderr
    assert call("bench", "shop_models:Order", "--data", "orders.jsonl", "--plot", "chart.gif").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shop_models:Ordr", "--data", "orders.jsonl"), "did you mean 'Order'"),
        (("shop_model:Order", "--data", "orders.jsonl"), "did you mean 'shop_models'"),
        (("shop_modls.py:Order", "--data", "orders.jsonl"), "did you mean 'shop_models.py'"),
        (("Order", "--data", "orders.jsonl"), "module:Class"),
        (("shop_models:VALUE", "--data", "orders.jsonl"), "not a model"),
        (("shop_models:Order",), "--data FILE or --factory"),
        (("shop_models:Order", "--data", "absent.jsonl"), "No such file"),
        (("shop_models:Order", "--data", "empty.jsonl"), "no records"),
        (("shop_models:Order", "--data", "orders.jsonl", "--formats", "orjsn"), "did you mean 'orjson'"),
        (("shop_models:Order", "--data", "orders.jsonl", "--codecs", "zsdt"), "did you mean 'zstd'"),
        (("shop_models:Item", "--data", "orders.jsonl"), "in record 1, which begins at byte 0"),
        (("shop_models:Order", "--data", "orders.jsonl", "--fail-under", "orjson"), "orjson=1.2"),
        (("broken.py:Model", "--data", "orders.jsonl"), "ZeroDivisionError"),
        (("shop_models:some_orders", "--data", "orders.jsonl"), "neither"),
    ],
)
def test_mistakes_are_one_line_and_code_2(workplace: Path, arguments: tuple[str, ...], message: str) -> None:
    """What the caller can mend ends with code 2 and words, not with a traceback."""
    (workplace / "empty.jsonl").write_text("")
    (workplace / "broken.py").write_text("1 / 0\n")
    done = call("bench", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_stay_on_standard_error_with_json(workplace: Path) -> None:
    """--json does not change where errors go, and its help says so."""
    done = call("bench", "shop_models:Order", "--data", "absent.jsonl", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "standard error" in call("inspect", "--help").stdout.replace("\n", " ")


# -- convert -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["out.json", "out.msgpack", "out.jsonl.gz", "out.msgpack.zst", "out.json.lz4"])
@pytest.mark.parametrize("model", [(), ("--model", "shop_models:Order")])
def test_convert_keeps_every_record(workplace: Path, target: str, model: tuple[str, ...]) -> None:
    """Whatever the suffixes say, the records are the same afterwards, and back again."""
    assert call("convert", "orders.jsonl", target, *model).exit_code == 0
    assert call("convert", target, "back.jsonl", *model).exit_code == 0
    assert (workplace / "back.jsonl").read_text() == (workplace / "orders.jsonl").read_text()


def test_convert_takes_formats_and_codec_from_options(workplace: Path) -> None:
    """--from, --to, --compress and --batch win over the names."""
    (workplace / "orders.jsonl").rename(workplace / "orders.txt")
    options = ("--from", "ndjson", "--to", "msgpack", "--compress", "zstd:19", "--batch", "7", "--json")
    found = result_of(call("convert", "orders.txt", "out.dat", *options))
    assert (found["written"], found["bad"], found["to"]) == (20, 0, "msgpack")
    assert len(list(read_records("out.dat", format="msgpack"))) == 20


def test_convert_quarantines_bad_records(workplace: Path) -> None:
    """quarantine=FILE sets bad records aside, names them, and ends with 1; the good ones are written."""
    bad = '{"id":"no"}\n'
    (workplace / "orders.jsonl").write_text(bad + '{"id":1}\n')
    done = call("convert", "orders.jsonl", "out.jsonl", "-m", "shop_models:Order", "--on-error", "quarantine=bad.jsonl")
    assert done.exit_code == 1
    assert "record 1 at byte 0" in done.stderr
    assert (workplace / "bad.jsonl").read_text() == bad
    assert (workplace / "out.jsonl").read_text() == '{"id":1,"items":[]}\n'


def test_convert_skips_bad_records(workplace: Path) -> None:
    """Skip leaves bad records out, says how many, and ends with 1."""
    (workplace / "orders.jsonl").write_text('{"id":1}\nnonsense\n')
    done = call("convert", "orders.jsonl", "out.jsonl", "--on-error", "skip", "--json")
    assert done.exit_code == 1
    found = result_of(done)
    assert (found["written"], found["bad"]) == (1, 1)
    assert found["problems"][0]["number"] == 2


def test_convert_fails_on_a_bad_record_and_writes_nothing(workplace: Path) -> None:
    """By default, one bad record ends the conversion, and the target is as it was."""
    (workplace / "out.jsonl").write_text("old")
    (workplace / "orders.jsonl").write_text('{"id":1}\n{"id":"secret-value"}\n')
    done = call("convert", "orders.jsonl", "out.jsonl", "-m", "shop_models:Order")
    assert done.exit_code == 2
    assert "record 2" in done.stderr
    assert "secret-value" not in done.stderr
    assert (workplace / "out.jsonl").read_text() == "old"
    assert sorted(path.name for path in workplace.glob("*out*")) == ["out.jsonl"]


@pytest.mark.parametrize(
    "arguments",
    [("data.pickle", "out.json"), ("orders.jsonl", "out.pkl"), ("orders.jsonl", "out.x", "--to", "pickle"),
     ("data", "out.json"), ("orders.jsonl", "out.json", "--from", "pickle")],
)  # fmt: skip
def test_convert_refuses_pickle(workplace: Path, arguments: tuple[str, ...]) -> None:
    """Pickles are neither read nor written, whichever way they are named, and the message says why."""
    for name in ("data", "data.pickle"):
        (workplace / name).write_bytes(pickle.dumps({"a": 1}))
    done = call("convert", *arguments)
    assert done.exit_code == 2
    assert "any code" in done.stderr


@pytest.mark.parametrize(
    "options",
    [("--on-error", "explode"), ("--on-error", "quarantine="), ("--on-error", "quarantine=orders.jsonl"),
     ("--on-error", "quarantine=-"), ("--batch", "3"), ("--compress", "zstd:99")],
)  # fmt: skip
def test_convert_refuses_options_that_cannot_work(workplace: Path, options: tuple[str, ...]) -> None:
    """An impossible option is refused before a file is touched."""
    assert call("convert", "orders.jsonl", "out.jsonl", *options).exit_code == 2
    assert not (workplace / "out.jsonl").exists()


def test_convert_names_the_target_that_cannot_be_written(workplace: Path) -> None:
    """The message names the file and directory that were asked for, not a temporary file beside it."""
    for options in (("absent/out.jsonl",), ("out.jsonl", "--on-error", "quarantine=absent/bad.jsonl")):
        done = call("convert", "orders.jsonl", *options)
        assert done.exit_code == 2
        assert "absent/" in done.stderr
        assert "there is no directory" in done.stderr
        assert ".tmp" not in done.stderr
    assert not (workplace / "out.jsonl").exists()


def test_convert_names_a_directory_that_refuses_files(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory without permission to write is named with the target, before any record is read."""
    monkeypatch.setattr("os.access", lambda *_: False)
    done = call("convert", "orders.jsonl", "out.jsonl")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: out.jsonl: ")
    assert "permission" in done.stderr


def test_convert_reports_truncated_input(workplace: Path) -> None:
    """A compressed input that ends too early is an error, and no half result appears."""
    call("convert", "orders.jsonl", "orders.jsonl.zst")
    (workplace / "orders.jsonl.zst").write_bytes((workplace / "orders.jsonl.zst").read_bytes()[:-5])
    done = call("convert", "orders.jsonl.zst", "out.json", "--on-error", "skip")
    assert done.exit_code == 2
    assert "truncated" in done.stderr
    assert not (workplace / "out.json").exists()


# -- inspect -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [("o.jsonl", None, "jsonl"), ("o.json", None, "json"), ("o.msgpack", None, "msgpack"),
     ("o.jsonl.gz", "gzip", "jsonl"), ("o.json.zst", "zstd", "json"), ("o.msgpack.lz4", "lz4", "msgpack")],
)  # fmt: skip
def test_inspect_tells_codec_format_sizes_and_count(workplace: Path, name: str, codec: str | None, kind: str) -> None:
    """The file's layers, sizes, number of records and first shape are found."""
    call("convert", "orders.jsonl", name)
    found = result_of(call("inspect", name, "--json"))
    assert (found["codec"], found["format"], found["records"]) == (codec, kind, 20)
    assert found["size"] == (workplace / name).stat().st_size
    assert found["shape"] == {"id": "integer", "items": [{"name": "string", "price": "number"}]}
    assert (found["first_record"], found["damage"]) == (None, None)


def test_inspect_shows_values_only_when_asked(workplace: Path) -> None:
    """Values are shown with --show-values alone."""
    assert "n0" not in call("inspect", "orders.jsonl").stdout
    assert "n0" in call("inspect", "orders.jsonl", "--show-values").stdout


def test_inspect_reads_standard_input(workplace: Path) -> None:
    """``-`` is standard input, and its format is told from the content."""
    data = (workplace / "orders.jsonl").read_bytes()
    assert result_of(call("inspect", "-", "--json", stdin=data))["records"] == 20


def test_inspect_reports_damage_with_code_1(workplace: Path) -> None:
    """A truncated file is described as far as it goes, with the damage named."""
    call("convert", "orders.jsonl", "o.jsonl.gz")
    (workplace / "o.jsonl.gz").write_bytes((workplace / "o.jsonl.gz").read_bytes()[:-4])
    done = call("inspect", "o.jsonl.gz", "--json")
    assert done.exit_code == 1
    found = result_of(done)
    assert found["records"] == 20
    assert "truncated" in found["damage"]


class Small(BaseModel):
    text: str


@pytest.mark.parametrize("keys", [(), ("k" * 32,)])
def test_inspect_shows_a_frames_header_and_nothing_else(workplace: Path, keys: tuple[str, ...]) -> None:
    """Of a sealed frame the header fields are shown, as the sealer wrote them; never body, key or MAC."""
    manager = create_serialization_manager(create_serialization_config(signing_keys=keys, compression_codec="brotli"))
    (workplace / "sealed").write_bytes(manager.serialize_sync(Small(text="secret " * 1000), "pickle"))
    done = call("inspect", "sealed", "--json", "--show-values")
    assert done.exit_code == 0
    found = result_of(done)
    assert found["container"] == "sealed frame"
    assert (found["frame"]["format"], found["frame"]["codec"]) == ("pickle", "brotli")
    assert (found["format"], found["codec"]) == ("pickle", "brotli")
    assert found["frame"]["signed"] == bool(keys)
    assert found["frame"]["size_decompressed"] > 1000 > found["frame"]["size_of_body"]
    assert "secret" not in done.stdout


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["x.pickle", "x"])
def test_inspect_never_unpickles(workplace: Path, name: str, protocol: int) -> None:
    """A pickle is refused with code 2 and a reason, and its code does not run."""
    marker = workplace / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (marker,))

    (workplace / name).write_bytes(pickle.dumps(Bomb(), protocol=protocol))
    done = call("inspect", name)
    assert done.exit_code == 2
    assert "any code" in done.stderr
    assert not marker.exists()


def test_inspect_gives_an_uncompressed_frame_no_codec(workplace: Path) -> None:
    """``codec`` is null for what is not compressed, sealed or not."""
    manager = create_serialization_manager(create_serialization_config(signing_keys=("k" * 32,)))
    (workplace / "sealed").write_bytes(manager.serialize_sync(Small(text="x"), "pickle"))
    found = result_of(call("inspect", "sealed", "--json"))
    assert (found["container"], found["format"], found["codec"]) == ("sealed frame", "pickle", None)


@pytest.mark.parametrize(
    ("content", "is_told"),
    [('{"id":1}\n{"id":\n', True), ('{"id":1}\n{"id":"x"}\n', True), ('{"id":1}\n' * 99, False)],
)
def test_convert_says_how_to_go_on(workplace: Path, content: str, is_told: bool) -> None:
    """Where a record stops it; not where the file itself is damaged, and nothing behind that can be read."""
    data = content.encode() if is_told else gzip.compress(content.encode())[:-9]
    (workplace / "in.jsonl").write_bytes(data)
    done = call("convert", "in.jsonl", "out.msgpack", "--model", "shop_models:Order")
    assert done.exit_code == 2
    assert ("--on-error skip, or quarantine=FILE" in done.stderr) is is_told


def test_convert_says_how_many_bad_records_it_does_not_show(workplace: Path) -> None:
    """Ten are shown."""
    (workplace / "in.jsonl").write_text('{"id":"x"}\n' * 1234)
    done = call("convert", "in.jsonl", "out.msgpack", "--model", "shop_models:Order", "--on-error", "skip")
    assert done.exit_code == 1
    assert (done.stderr.count("bad: record"), "bad: and 1,224 more" in done.stderr) == (10, True)


@pytest.mark.parametrize("command", ["convert", "demo"])
def test_help_is_wrapped_once(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paragraphs fill the width of the terminal: line breaks of the source are none of the help."""
    monkeypatch.setenv("COLUMNS", "60")
    lines = [line.strip() for line in call(command, "--help").stdout.splitlines()]
    prose = "\n".join(lines[: next(number for number, line in enumerate(lines) if line.startswith("╭"))])
    for paragraph in prose.split("\n\n"):
        for line, following in itertools.pairwise(paragraph.strip().split("\n")):
            assert len(line) + len(following.split()[0]) + 1 > 56, (line, following)


def test_inspect_says_when_it_does_not_know(workplace: Path) -> None:
    """Unknown content has sizes and no format, which people are told."""
    (workplace / "noise").write_bytes(b"\x00\x01\x02 noise")
    found = result_of(call("inspect", "noise", "--json"))
    assert (found["format"], found["size"], found["records"]) == (None, 9, None)
    assert "format: none that is known here" in call("inspect", "noise").stdout


# -- doctor, report ----------------------------------------------------------------------------------------------------


def test_doctor_lists_every_extra_with_its_pip_line(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra that is missing has the exact line that installs it."""
    monkeypatch.setattr("pydantic_serialization.cli._extras._installed", lambda _: None)
    found = result_of(call("doctor", "--json"))
    lines = {extra["name"]: extra["install"] for extra in found["extras"]}
    assert {"zstd", "lz4", "cli", "redis"} <= set(lines)
    assert lines["lz4"] == 'pip install "pydantic-serialization[lz4]"'


@pytest.mark.parametrize("width", [40, 80])
def test_doctors_lines_can_be_pasted(workplace: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """What installs a missing extra, where Python is and what is wrong are each a whole line, however narrow."""
    monkeypatch.setattr("pydantic_serialization.cli._console._WIDE", width)
    monkeypatch.setattr("pydantic_serialization.cli._extras._installed", lambda _: None)
    monkeypatch.setenv("PYDANTIC_SERIALIZATION_CACHE_TTL", "5")
    monkeypatch.setenv("PYDANTIC_SERIALIZATION_CACHE_TLT", "5")
    lines = call("doctor").stdout.splitlines()
    assert 'pip install "pydantic-serialization[sqlalchemy]"' in [line.strip() for line in lines]
    assert any(sys.executable in line for line in lines)
    assert any("cache_ttl = 5.0 (environment)" in line for line in lines)
    assert any("CACHE_TLT" in line and "did you mean 'PYDANTIC_SERIALIZATION_CACHE_TTL'" in line for line in lines)


def test_doctor_suggests_the_variable_that_was_meant(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable is a problem with a suggestion; only --strict makes it code 1."""
    monkeypatch.setenv("PYDANTIC_SERIALIZATION_CACHE_TLT", "5")
    assert call("doctor").exit_code == 0
    done = call("doctor", "--strict")
    assert done.exit_code == 1
    assert "did you mean 'PYDANTIC_SERIALIZATION_CACHE_TTL'" in done.stdout


def test_doctor_says_where_a_setting_comes_from(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins over the file, and both over the default."""
    monkeypatch.setenv("PYDANTIC_SERIALIZATION_CACHE_TTL", "5")
    (workplace / ".env").write_text("PYDANTIC_SERIALIZATION_CACHE_TTL=6\nPYDANTIC_SERIALIZATION_MAX_DEPTH=9\n")
    settings = result_of(call("doctor", "--json"))["settings"]
    assert settings["cache_ttl"] == {"value": 5.0, "source": "environment"}
    assert settings["max_depth"] == {"value": 9, "source": ".env"}
    assert settings["max_retries"] == {"value": 3, "source": "default"}


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_doctor_shows_no_secrets(workplace: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    """Keys are counted, passwords are left out of URLs."""
    monkeypatch.setenv("PYDANTIC_SERIALIZATION_SIGNING_KEYS", "hush-hush-" * 4)
    monkeypatch.setenv("PYDANTIC_SERIALIZATION_REDIS_URL", "redis://user:password1@host:6379/0")
    done = call("doctor", *options)
    assert "hush" not in done.stdout
    assert "password1" not in done.stdout
    assert "1 key(s)" in done.stdout


def test_doctor_reports_settings_that_cannot_be_used(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value out of range is a problem, not a crash, and is not repeated."""
    monkeypatch.setenv("PYDANTIC_SERIALIZATION_MAX_DEPTH", "-12345")
    done = call("doctor", "--strict", "--json")
    assert done.exit_code == 1
    assert "max_depth" in result_of(done)["problems"][0]
    assert "12345" not in done.stdout


def test_app_dir_is_taken_before_the_command_too(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-C DIR`` may stand on either side of the command; the one behind it wins."""
    (workplace / "elsewhere").mkdir()
    monkeypatch.chdir(workplace / "elsewhere")
    assert call("explain", "shop_models:Order").exit_code == 2
    sys.path[:] = [path for path in sys.path if path != str(workplace / "elsewhere")]
    assert call("-C", "absent", "explain", "-C", "..", "shop_models:Order").exit_code == 0
    sys.modules.pop("shop_models")
    sys.path[:] = [path for path in sys.path if path != str(workplace)]
    done = call("-C", "..", "explain", "shop_models:Order")
    assert done.exit_code == 0, done.stderr


def test_report_shows_a_saved_report(workplace: Path) -> None:
    """What ``get_performance_report()`` returned is shown again from its JSON; anything else is refused."""
    manager = create_serialization_manager()
    manager.serialize_sync(Small(text="x"))
    (workplace / "stats.json").write_text(json.dumps(manager.get_performance_report()))
    done = call("report", "stats.json")
    assert done.exit_code == 0, done.stderr
    assert "serialize" in done.stdout
    (workplace / "stats.json").write_text("{}")
    assert call("report", "stats.json").exit_code == 2
    assert call("report", "orders.jsonl").exit_code == 2


# -- demo --------------------------------------------------------------------------------------------------------------


def test_demo_checks_every_format_codec_and_the_cache(workplace: Path) -> None:
    """The demo round-trips its records in every combination, finds them equal, draws, and ends with the report."""
    done = call("demo", "--limit", "4", "--json", "--output", "files", *FAST)
    assert done.exit_code == 0, done.stderr
    found = result_of(done)
    pairs = {(trip["format"], trip["codec"]) for trip in found["round_trips"]}
    assert pairs == {(name, codec) for name in available_formats() for codec in ("none", *available_codecs())}
    assert all(trip["equal"] for trip in found["round_trips"])
    assert {effect["format"] for effect in found["cache"]} == set(available_formats())
    assert found["performance"]["summary"]["total_operations"] > 0
    assert ET.fromstring((workplace / "demo" / "demo.svg").read_text()).tag.endswith("svg")
    for path in found["files"][:-1]:
        assert len(list(read_records(path))) == 4


def test_demo_takes_the_users_own_records(workplace: Path) -> None:
    """--data and --model replace the demo's input; one without the other is refused."""
    done = call("demo", "--data", "orders.jsonl", "--model", "shop_models:Order", *FAST)
    assert done.exit_code == 0, done.stderr
    assert "20 records of Order" in done.stdout
    assert "speed-up" in done.stdout
    assert call("demo", "--data", "orders.jsonl").exit_code == 2


def test_demo_fails_when_anything_differs(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single combination that does not come back equal makes it code 1, and is named."""
    honest = round_trip

    def forgetful(*arguments: Any) -> Any:
        trip = honest(*arguments)
        return {**trip, "equal": trip["format"] != "msgpack"}

    monkeypatch.setattr(demo_module, "round_trip", forgetful)
    done = call("demo", "--data", "orders.jsonl", "--model", "shop_models:Order", *FAST)
    assert done.exit_code == 1
    assert "msgpack with gzip: differs" in done.stderr


def test_the_demos_input_is_nested_and_dated() -> None:
    """The input has what a demo needs: requirements, files with hashes, and times with a zone."""
    releases = {release.name: release for release in installed_releases()}
    pydantic = releases["pydantic"]
    assert any(item.name == "pydantic_core" or item.name == "pydantic-core" for item in pydantic.requires)
    assert pydantic.installed_at is not None
    assert pydantic.installed_at.tzinfo is not None
    assert any(item.hash is not None and item.size for item in pydantic.files)


def test_write_records_is_what_the_demo_writes(workplace: Path) -> None:
    """Releases survive a file of records."""
    releases = list(installed_releases())[:3]
    write_records("releases.msgpack.zst", releases)
    assert list(read_records("releases.msgpack.zst", type(releases[0]))) == releases
