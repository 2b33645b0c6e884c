"""URLs of Redis: the forms that users know, and errors that repeat no password."""

from __future__ import annotations

from typing import Any

import pytest
from redis.connection import parse_url

from pydantic_serialization.cache.redis import RedisTier
from pydantic_serialization.cache.redis.address import Address, parse_address
from pydantic_serialization.errors import ConfigurationError


def parsed(url: str) -> Address:
    return parse_address(url, parse_url)


@pytest.mark.parametrize(
    ("url", "hosts", "encrypted", "options"),
    [
        ("redis://", (("localhost", 6379),), False, {}),
        ("redis://host", (("host", 6379),), False, {}),
        ("redis://host:1234/5", (("host", 1234),), False, {"db": 5}),
        ("redis://user:p%40ss@host/0", (("host", 6379),), False, {"username": "user", "password": "p@ss", "db": 0}),
        ("redis://:pass@host", (("host", 6379),), False, {"password": "pass"}),
        ("redis://[::1]:1234", (("::1", 1234),), False, {}),
        ("redis://[::1]", (("::1", 6379),), False, {}),
        ("rediss://host?ssl_cert_reqs=none", (("host", 6379),), True, {"ssl_cert_reqs": "none"}),
        ("redis://host?protocol=3&client_name=a%20b", (("host", 6379),), False, {"protocol": 3, "client_name": "a b"}),
        ("unix:///run/redis.sock?db=2", (), False, {"path": "/run/redis.sock", "db": 2}),
    ],
)
def test_one_server(url: str, hosts: Any, encrypted: bool, options: dict[str, Any]) -> None:
    """As redis-py reads them, with its options."""
    assert parsed(url) == Address("single", hosts, encrypted, "", options, {})


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("redis://user:canary@host", "host:6379"),
        ("redis://[::1]:1234", "[::1]:1234"),
        ("redis+sentinel://:canary@a,b:1/main", "a:26379,b:1"),
        ("unix:///run/redis.sock?password=canary", "unix socket"),
    ],
)
def test_log_lines_say_where_without_secrets(url: str, where: str) -> None:
    """Hosts and ports, and nothing else of the URL."""
    assert RedisTier(url).where == f"Redis at {where}"


def test_a_sentinel_group() -> None:
    """Several Sentinels, the name of the service, a database, and logins of both."""
    url = "redis+sentinel://user:pass@a,b:1,[::1]:2/main/3?sentinel_password=other&protocol=3"
    assert parsed(url) == Address(
        "sentinel", (("a", 26379), ("b", 1), ("::1", 2)), False, "main",
        {"username": "user", "password": "pass", "db": 3, "protocol": 3}, {"password": "other"},
    )  # fmt: skip
    assert parsed("rediss+sentinel://a/main").encrypted
    assert parsed("sentinel://a:1/0?service_name=main").service == "main"


def test_a_cluster() -> None:
    """Several nodes, and no database but 0."""
    assert parsed("redis+cluster://:pass@a,b:1/0") == Address(
        "cluster", (("a", 6379), ("b", 1)), False, "", {"password": "pass"}, {}
    )
    assert parsed("rediss+cluster://a").encrypted


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:6379", "no scheme: write redis://"),
        ("http://:canary@host", "'http://'"),
        ("rediss+clustr://:canary@host", r"did you mean 'rediss\+cluster'"),
        ("redis://:canary@a,b", "several hosts"),
        ("redis+sentinel://:canary@host", "no service"),
        ("redis+cluster://:canary@host/1", "only number 0"),
        ("redis://:canary@host:port", "port that is no number"),
        ("redis://:canary@host?db=canary", "option in redis_url"),
    ],
)
def test_what_is_none_of_these_is_refused(url: str, message: str) -> None:
    """The message says what to write, and not what was written."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        RedisTier(url)
    assert "canary" not in str(caught.value)
    assert "canary" not in str(caught.value.__cause__)
