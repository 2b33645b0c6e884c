"""Settings from environment variables and ``.env`` files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from pydantic_serialization import CompressionLevel, SerializationConfig, SerializationFormat

PREFIX = "PYDANTIC_SERIALIZATION_"


def test_variables_give_values_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formats, numbers, booleans, lists and nothing at all are read from text."""
    for name, text in {
        "DEFAULT_FORMAT": "msgpack",
        "FALLBACK_FORMAT": "none",
        "COMPRESSION_LEVEL": "max",
        "ENABLE_CACHING": "false",
        "CACHE_TTL": "12.5",
        "SIGNING_KEYS": f"{'a' * 32}, {'b' * 40}",
        "REDIS_URL": "",
    }.items():
        monkeypatch.setenv(PREFIX + name, text)
    config = SerializationConfig.from_env(env_file=None)
    assert config.default_format is SerializationFormat.MSGPACK
    assert config.fallback_format is None
    assert config.compression_level is CompressionLevel.MAX
    assert (config.enable_caching, config.cache_ttl, config.redis_url) == (False, 12.5, None)
    assert [len(key) for key in config.secrets()] == [32, 40]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 32, ["a" * 32]),
        (f"{'a' * 32},{'b' * 32}", ["a" * 32, "b" * 32]),
        (f'["{"a" * 32}", "{"b" * 32}"]', ["a" * 32, "b" * 32]),
        ("[" + "a" * 32, ["[" + "a" * 32]),
    ],
)
def test_keys_are_separated_by_commas_or_a_list_in_json(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: list[str]
) -> None:
    """Lists are written as for pydantic-settings too; what only looks like one is a key."""
    monkeypatch.setenv(PREFIX + "SIGNING_KEYS", text)
    assert [key.decode() for key in SerializationConfig.from_env(env_file=None).secrets()] == expected


def test_arguments_win_over_variables_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each source wins over the next."""
    file = tmp_path / "settings.env"
    file.write_text(f"{PREFIX}CACHE_TTL=1\n{PREFIX}MAX_RETRIES=1\n{PREFIX}CACHE_MAX_SIZE=1\nUNRELATED=x\n")
    monkeypatch.setenv(PREFIX + "MAX_RETRIES", "2")
    monkeypatch.setenv(PREFIX + "CACHE_MAX_SIZE", "2")
    config = SerializationConfig.from_env(env_file=file, cache_max_size=3)
    assert (config.cache_ttl, config.max_retries, config.cache_max_size) == (1, 2, 3)


def test_a_file_that_does_not_exist_is_no_error(tmp_path: Path) -> None:
    """Without a file there are the defaults."""
    assert SerializationConfig.from_env(env_file=tmp_path / "none.env") == SerializationConfig()


def test_a_misspelt_variable_is_warned_about(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the environment and in the file, with what was meant; the variables of the build are known."""
    monkeypatch.setenv(PREFIX + "NATIVE", "auto")
    monkeypatch.setenv(PREFIX + "BUILD_NATIVE", "auto")
    SerializationConfig.from_env(env_file=None)
    monkeypatch.setenv(PREFIX + "CACHE_TLL", "1")
    with pytest.warns(UserWarning, match=f"{PREFIX}CACHE_TLL names no setting; did you mean '{PREFIX}CACHE_TTL'"):
        SerializationConfig.from_env(env_file=None)
    monkeypatch.delenv(PREFIX + "CACHE_TLL")
    file = tmp_path / ".env"
    file.write_text(f"{PREFIX}DEFAULT_FROMAT=json\n")
    with pytest.warns(UserWarning, match="DEFAULT_FORMAT"):
        SerializationConfig.from_env(env_file=file)


@pytest.mark.parametrize("name", ["CACHE_TTL", "SIGNING_KEYS", "REDIS_URL"])
def test_a_wrong_value_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The error names the setting and not what the environment holds."""
    monkeypatch.setenv(PREFIX + name, "canary")
    with pytest.raises(ValidationError, match=name.lower()) as caught:
        SerializationConfig.from_env(env_file=None)
    assert "canary" not in str(caught.value)


def test_an_unknown_format_suggests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in the environment are checked as names in the constructor are."""
    monkeypatch.setenv(PREFIX + "DEFAULT_FORMAT", "msgpak")
    with pytest.raises(ValidationError, match="did you mean 'msgpack'"):
        SerializationConfig.from_env(env_file=None)


def test_the_reader_is_imported_only_when_it_is_asked_for() -> None:
    """Importing the package and making a configuration does not import pydantic-settings."""
    code = (
        "import sys, pydantic_serialization as p; p.SerializationConfig();sys.exit('pydantic_settings' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
