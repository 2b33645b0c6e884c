"""The contract of a tier that processes share, as a test class to inherit."""

# ruff: noqa: S101  (assertions are what a contract consists of)

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from pydantic_serialization.cache._base import SharedTier

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

ResultT = TypeVar("ResultT")


class Asked:
    """The operations of a tier in one of its two worlds, as blocking calls.

    Args:
        tier: The tier.
        run: Runs a coroutine to its end on an event loop; ``None`` asks the operations of threads.
    """

    def __init__(self, tier: SharedTier, run: Callable[[Coroutine[Any, Any, Any]], Any] | None) -> None:
        self.tier = tier
        self._run = run

    def get(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return what the tier has of ``names``."""
        return self._ask(self.tier.get_many, self.tier.get_many_sync, names)

    def set(self, items: Mapping[str, bytes], ttl: float = 60.0) -> None:
        """Store ``items``."""
        self._ask(self.tier.set_many, self.tier.set_many_sync, items, ttl)

    def add(self, items: Mapping[str, bytes], ttl: float = 60.0) -> dict[str, bytes]:
        """Store those of ``items`` that are not there."""
        return self._ask(self.tier.add_many, self.tier.add_many_sync, items, ttl)

    def delete(self, names: Sequence[str]) -> None:
        """Remove ``names``."""
        self._ask(self.tier.delete_many, self.tier.delete_many_sync, names)

    def close(self) -> None:
        """Give connections back."""
        self._ask(self.tier.close, self.tier.close_sync)

    def _ask(
        self, later: Callable[..., Coroutine[Any, Any, ResultT]], now: Callable[..., ResultT], *arguments: Any
    ) -> ResultT:
        if self._run is None:
            return now(*arguments)
        result: ResultT = self._run(later(*arguments))
        return result


class SharedTierContract(ABC):
    """What every tier that processes share has to do, for coroutines and for threads.

    Inherit it in a test module and say how to make the tier::

        from pydantic_serialization.testing import SharedTierContract

        class TestMyTier(SharedTierContract):
            def make_tier(self):
                return MyTier()

    The tier needs room for a thousand short values. Needs pytest.

    Attributes:
        shortest_ttl: The shortest time to live that the store can do, in seconds.
    """

    shortest_ttl: float = 0.05

    @abstractmethod
    def make_tier(self) -> SharedTier:
        """Return an empty tier."""

    @pytest.fixture(params=["loop", "threads"])
    def asked(self, request: pytest.FixtureRequest) -> Iterator[Asked]:
        """Return the tier of one test, in one of its worlds."""
        tier = self.make_tier()
        with asyncio.Runner() as runner:
            asked = Asked(tier, runner.run if request.param == "loop" else None)
            yield asked
            asked.close()

    def test_has_the_methods_of_a_tier(self, asked: Asked) -> None:
        """A tier has every operation, for coroutines and for threads."""
        assert isinstance(asked.tier, SharedTier)

    def test_returns_what_was_stored(self, asked: Asked) -> None:
        """Any bytes come back as the same bytes."""
        items = {"empty": b"", "zero": b"\x00\xff" * 500, "text": "ä".encode(), "large": bytes(range(256)) * 400}
        asked.set(items)
        found = asked.get([*items, "absent"])
        assert found == items
        assert {type(value) for value in found.values()} == {bytes}

    def test_names_are_told_apart(self, asked: Asked) -> None:
        """Names of every allowed character and length are different names."""
        names = [
            "a",
            "A",
            "a:b",
            "a/b",
            "a%20b",
            "{a}b",
            "#a",
            "a*",
            "a?",
            "x" * 250,
            "x" * 249,
            *"!\"$&'()+,-.;<=>@[]^_`|~",
        ]
        asked.set({name: name.encode() for name in names})
        assert asked.get(names) == {name: name.encode() for name in names}

    def test_an_unknown_name_has_no_value(self, asked: Asked) -> None:
        """Asking for nothing, and removing what is not there, is no error."""
        assert asked.get(["absent"]) == {}
        asked.delete(["absent"])

    def test_the_last_write_counts(self, asked: Asked) -> None:
        """A second write replaces the value."""
        asked.set({"name": b"old"})
        asked.set({"name": b"new"})
        assert asked.get(["name"]) == {"name": b"new"}

    def test_a_value_is_gone_when_its_time_is_up(self, asked: Asked) -> None:
        """The time to live is that of the last write."""
        asked.set({"short": b"1", "longer": b"2"}, self.shortest_ttl)
        asked.set({"longer": b"2"}, 60.0)
        deadline = time.monotonic() + self.shortest_ttl * 2 + 0.05
        while asked.get(["short"]) and time.monotonic() < deadline:
            time.sleep(self.shortest_ttl / 20)
        assert asked.get(["short", "longer"]) == {"longer": b"2"}

    def test_adding_leaves_what_is_there(self, asked: Asked) -> None:
        """What is there stays and is returned; what is not there is stored."""
        asked.set({"there": b"old"})
        assert asked.add({"there": b"new", "absent": b"new"}) == {"there": b"old", "absent": b"new"}
        assert asked.get(["there", "absent"]) == {"there": b"old", "absent": b"new"}

    def test_adding_after_a_removal_stores_the_new_value(self, asked: Asked) -> None:
        """A value that was removed is not there."""
        asked.add({"name": b"1"})
        asked.delete(["name"])
        assert asked.add({"name": b"2"}) == {"name": b"2"}

    def test_delete_removes_what_it_names(self, asked: Asked) -> None:
        """The others stay."""
        asked.set({"one": b"1", "two": b"2", "three": b"3"})
        asked.delete(["one", "two"])
        assert asked.get(["one", "two", "three"]) == {"three": b"3"}

    def test_many_values_at_once(self, asked: Asked) -> None:
        """A thousand names are one operation."""
        items = {f"name:{number}": str(number).encode() for number in range(1000)}
        asked.set(items)
        assert asked.get(list(items)) == items

    def test_works_after_it_was_closed(self, asked: Asked) -> None:
        """Closing gives connections back, and loses nothing."""
        asked.set({"name": b"1"})
        asked.close()
        assert asked.get(["name"]) == {"name": b"1"}

    def test_both_worlds_see_the_same(self) -> None:
        """What a coroutine stores a thread finds, and the other way round; each event loop is served."""
        tier = self.make_tier()
        for number in range(3):
            with asyncio.Runner() as runner:
                runner.run(tier.set_many({"name": str(number).encode()}, 60.0))
                assert tier.get_many_sync(["name"]) == {"name": str(number).encode()}
                tier.set_many_sync({"other": str(number).encode()}, 60.0)
                assert runner.run(tier.get_many(["other"])) == {"other": str(number).encode()}
                runner.run(tier.close())
        tier.close_sync()

    def test_works_from_many_threads(self) -> None:
        """A value is whole whatever other threads do, and nothing is raised."""
        tier = self.make_tier()

        def work(seed: int) -> None:
            for step in range(30):
                name = f"name:{(seed * 7 + step * 13) % 10}"
                tier.set_many_sync({name: name.encode() * 100}, 60.0)
                assert tier.get_many_sync([name]) in ({}, {name: name.encode() * 100})
                if step % 7 == 0:
                    tier.delete_many_sync([name])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        tier.close_sync()

    def test_the_clock_tells_the_time(self, asked: Asked) -> None:
        """It shows unix seconds, and goes on."""
        asked.get(["name"])
        before = asked.tier.now()
        assert abs(before - time.time()) < 24 * 3600
        time.sleep(0.01)
        assert before < asked.tier.now() < before + 60
