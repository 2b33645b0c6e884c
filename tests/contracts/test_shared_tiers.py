"""The contract of shared tiers, run on Redis alone, under Sentinels and as a Cluster, and on a tier of one's own."""

from __future__ import annotations

import pytest
import redis
from shared_tiers import DictTier

from pydantic_serialization.cache import SharedTier
from pydantic_serialization.cache.redis import RedisTier
from pydantic_serialization.testing import SharedTierContract

# The machine that runs all tests may be slow; how long an operation takes is tested elsewhere.
PATIENCE = 5.0


class TestRedis(SharedTierContract):
    @pytest.fixture(autouse=True, params=["?protocol=2", "?protocol=3"])
    def _url(self, redis_url: str, request: pytest.FixtureRequest) -> None:
        self.url = redis_url + request.param

    def make_tier(self) -> SharedTier:
        return RedisTier(self.url, timeout=PATIENCE)


class TestSentinel(SharedTierContract):
    @pytest.fixture(autouse=True)
    def _url(self, sentinel_url: str) -> None:
        self.url = sentinel_url

    def make_tier(self) -> SharedTier:
        return emptied(RedisTier(self.url, timeout=PATIENCE))


class TestCluster(SharedTierContract):
    @pytest.fixture(autouse=True)
    def _url(self, cluster_url: str) -> None:
        self.url = cluster_url

    def make_tier(self) -> SharedTier:
        return emptied(RedisTier(self.url, timeout=PATIENCE))


def emptied(tier: RedisTier) -> RedisTier:
    tier.delete_many_sync(["name", "other", "there", "absent", *(f"name:{number}" for number in range(10))])
    return tier


class TestTierOfOnesOwn(SharedTierContract):
    def make_tier(self) -> SharedTier:
        return DictTier()


def test_values_of_another_type_are_no_values(redis_url: str) -> None:
    """A list under a name is none of ours: it is not read, and it is replaced where a value is stored or added."""
    tier = RedisTier(redis_url, timeout=PATIENCE)
    with redis.Redis.from_url(redis_url) as client:
        for name in ("read", "set", "added"):
            client.lpush(name, "x")
    assert tier.get_many_sync(["read"]) == {}
    tier.set_many_sync({"set": b"1"}, 60)
    assert tier.add_many_sync({"added": b"2"}, 60) == {"added": b"2"}
    assert tier.get_many_sync(["set", "added"]) == {"set": b"1", "added": b"2"}
    tier.close_sync()


def test_adding_prolongs_what_is_there_and_never_shortens_it(redis_url: str) -> None:
    """A value that is still depended on lives for as long as what depends on it."""
    tier = RedisTier(redis_url, timeout=PATIENCE)
    with redis.Redis.from_url(redis_url) as client:
        tier.add_many_sync({"name": b"1"}, 100)
        tier.add_many_sync({"name": b"2"}, 50)
        assert client.ttl("name") > 90
        tier.add_many_sync({"name": b"2"}, 500)
        assert client.ttl("name") > 490
    tier.close_sync()
