"""Settings: validated always, suggesting what was meant, silent about secrets."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from pydantic_serialization import (
    CompressionLevel,
    ConfigurationError,
    SerializationConfig,
    SerializationFormat,
    create_serialization_config,
    create_serialization_manager,
)
from pydantic_serialization.config import Settings

SECRET = "canary-" + "s" * 32


def test_defaults_are_those_of_the_specification() -> None:
    """A configuration without arguments has the documented values."""
    config = create_serialization_config()
    assert config.default_format is SerializationFormat.ORJSON
    assert config.fallback_format is SerializationFormat.JSON
    assert (config.enable_compression, config.compression_codec) == (True, "gzip")
    assert (config.compression_level, config.compression_threshold) == (CompressionLevel.BALANCED, 1024)
    assert (config.enable_caching, config.cache_ttl, config.cache_max_size) == (True, 3600, 1000)
    assert (config.cache_max_bytes, config.cache_validation, config.redis_url) == (67_108_864, True, None)
    assert (config.enable_validation, config.strict_validation) == (True, False)
    assert (config.enable_profiling, config.profile_threshold) == (True, 0.1)
    assert (config.max_retries, config.retry_delay, config.signing_keys) == (3, 0.1, ())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("json", SerializationFormat.JSON),
        ("MSGPACK", SerializationFormat.MSGPACK),
        ("messagepack", SerializationFormat.MSGPACK),
        (SerializationFormat.MESSAGEPACK, SerializationFormat.MSGPACK),
    ],
)
def test_formats_are_given_as_members_or_names(given: Any, expected: SerializationFormat) -> None:
    """A format's string, in any case, and its aliases are accepted."""
    assert SerializationConfig(default_format=given).default_format is expected


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("default_format", "orjsn", "orjson"),
        ("fallback_format", "jsson", "json"),
        ("compression_codec", "gzipp", "gzip"),
        ("compression_codec", "zstandart", "zstd"),
    ],
)
def test_unknown_formats_and_codecs_suggest(name: str, value: str, hint: str) -> None:
    """The constructor and assignment name the nearest known one."""
    with pytest.raises(ValidationError, match=hint):
        SerializationConfig(**{name: value})
    with pytest.raises(ValidationError, match=hint):
        setattr(SerializationConfig(), name, value)


def test_unknown_names_suggest() -> None:
    """A misspelt setting is refused with the one that was meant, by constructor and assignment."""
    with pytest.raises(ValidationError, match="did you mean 'compression_level'"):
        SerializationConfig(compresion_level="fast")  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="did you mean 'default_format'"):
        SerializationConfig().default_fromat = "json"  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="unknown setting 'zzz'"):
        create_serialization_config(zzz=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("compression_threshold", -1),
        ("compression_level", "extreme"),
        ("cache_ttl", 0),
        ("cache_max_size", 0),
        ("cache_max_bytes", -5),
        ("cache_namespace", ""),
        ("profile_threshold", 0),
        ("max_retries", -1),
        ("max_retries", 101),
        ("retry_delay", -0.1),
        ("max_payload_bytes", 0),
        ("max_depth", 0),
        ("max_depth", 201),
        ("signing_keys", ["short"]),
        ("enable_caching", "perhaps"),
        ("default_format", None),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: Any) -> None:
    """Both on construction and on assignment, which then changes nothing."""
    with pytest.raises((ValidationError, ConfigurationError)):
        SerializationConfig(**{name: value})
    config = SerializationConfig()
    before = getattr(config, name)
    with pytest.raises((ValidationError, ConfigurationError)):
        setattr(config, name, value)
    assert getattr(config, name) == before


def test_secrets_are_nowhere() -> None:
    """Keys and URLs do not show in texts, dumps for people, or errors."""
    config = SerializationConfig(signing_keys=(SECRET,), redis_url="redis://user:canary@host:6379/0")  # type: ignore[arg-type]
    manager = create_serialization_manager(config)
    for text in (repr(config), str(config), str(config.public()), str(manager.get_stats())):
        assert "canary" not in text
    assert config.public()["signing_keys"] == 1
    assert config.secrets() == (SECRET.encode(),)
    for wrong in ({"signing_keys": ["canary"]}, {"signing_keys": [SECRET, 5]}, {"redis_url": ["canary"]}):
        with pytest.raises(ValidationError) as caught:
            SerializationConfig(**wrong)  # type: ignore[arg-type]
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://:canary@host/1", "redis://host/1"),
        ("rediss://user:canary@host:1/2?password=canary", "rediss://host:1/2"),
        ("redis://user:can/ary#@host", "redis://host"),
        ("redis://user:ca?nary@host/0", "redis://host/0"),
        ("redis://user:can@ary@host/0", "redis://host/0"),
        ("unix:///run/redis.sock?password=canary", "unix:///run/redis.sock"),
    ],
)
def test_urls_are_shown_without_credentials(url: str, shown: str) -> None:
    """Passwords are left out however they are written, unencoded ones too."""
    assert SerializationConfig(redis_url=url).public()["redis_url"] == shown
    assert SerializationConfig.model_construct(redis_url="canary").public()["redis_url"] == "***"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("canary:6379", "no scheme: write redis://"),
        ("reddis://:canary@host", "did you mean 'redis'"),
        ("http://canary", "cannot begin with 'http://'"),
    ],
)
def test_a_url_that_is_none_of_redis_is_refused(url: str, message: str) -> None:
    """When it is given, not when it is first needed; without repeating it."""
    with pytest.raises(ValidationError, match=message) as caught:
        SerializationConfig(redis_url=url)
    assert "canary" not in str(caught.value)


def test_type_checkers_know_every_setting() -> None:
    """What the constructor accepts by its types is what there is."""
    assert list(Settings.__annotations__) == list(SerializationConfig.model_fields)


def test_keys_may_be_one_or_many() -> None:
    """One key is a list of one."""
    assert SerializationConfig(signing_keys=SECRET).secrets() == (SECRET.encode(),)  # type: ignore[arg-type]
    assert len(SerializationConfig(signing_keys=[SECRET, SECRET]).secrets()) == 2  # type: ignore[arg-type]


class Listener:
    """Counts changes."""

    def __init__(self) -> None:
        self.calls = 0

    def changed(self) -> None:
        self.calls += 1


@pytest.mark.usefixtures("frozen_heap")
def test_listeners_hear_of_changes_for_as_long_as_they_live() -> None:
    """A change is told once, after it was made; a listener that is gone is forgotten."""
    config, listener = SerializationConfig(), Listener()
    config.on_change(listener.changed)
    config.default_format = "json"
    assert listener.calls == 1
    with pytest.raises(ValidationError):
        config.cache_ttl = -1
    assert listener.calls == 1
    del listener
    gc.collect()
    config.default_format = "orjson"


def test_a_configuration_in_use_can_be_copied_pickled_and_compared() -> None:
    """A copy is equal and has no managers of its own: its changes do not reach those of the original."""
    config = SerializationConfig(compression_codec="zstd")
    manager = create_serialization_manager(config)
    listener = Listener()
    config.on_change(listener.changed)
    copies = [copy.copy(config), copy.deepcopy(config), config.model_copy(), config.model_copy(deep=True)]
    copies.append(pickle.loads(pickle.dumps(config)))
    for other in copies:
        assert other == config
        assert other.compression_codec == "zstd"
    copies[-1].default_format = "msgpack"
    copies[1].default_format = "msgpack"
    assert listener.calls == 0
    assert manager.config.default_format is SerializationFormat.ORJSON
    assert create_serialization_manager(copies[1]).serialize_sync([1]) == b"\x91\x01"
