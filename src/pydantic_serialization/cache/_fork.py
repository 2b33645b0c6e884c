"""Locks that another thread held at the moment of a fork stay locked in the child for ever: replace them there."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """Something whose locks, threads and loops do not survive a fork."""

    def after_fork(self) -> None:
        """Make the object usable in the child process, where only the forking thread lives."""
        ...


_OWNERS: WeakSet[Renewable] = WeakSet()


def renew_after_fork(owner: Renewable) -> None:
    """Have ``owner.after_fork()`` called in every child process, for as long as ``owner`` lives.

    ``os.register_at_fork`` cannot forget a function; one registration and a weak set keep no owner alive.
    """
    _OWNERS.add(owner)


def _renew() -> None:
    for owner in list(_OWNERS):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
