"""Give objects new locks in a forked child, where a thread that held the old one does not exist any more."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class HasLocks(Protocol):
    """An object that can replace its locks."""

    def renew_locks(self) -> None:
        """Replace every lock."""
        ...


_owners: weakref.WeakSet[HasLocks] = weakref.WeakSet()


def renew_after_fork(owner: HasLocks) -> None:
    """Call ``owner.renew_locks()`` in every child that is forked while ``owner`` lives."""
    _owners.add(owner)


def _renew_all() -> None:
    for owner in tuple(_owners):
        owner.renew_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
