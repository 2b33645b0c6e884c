"""A short run of :mod:`parity.msgpack_campaign`."""

from __future__ import annotations

from parity import msgpack_campaign


def test_random_classes_are_read_alike() -> None:
    """Some worlds of random classes and documents of MessagePack show no difference, and many documents are valid."""
    found, counts = msgpack_campaign.run(600, 1, worlds=60)
    assert not found, found[0].report()
    assert counts["types"] > 30
    assert counts["valid"] > 200
