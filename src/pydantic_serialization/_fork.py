"""Make objects usable in a forked child, where a thread that held one of their locks does not exist any more."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class SurvivesFork(Protocol):
    """An object that can replace its locks, and forget what other threads were doing."""

    def after_fork(self) -> None:
        """Make the object usable in the child process, where only the forking thread lives."""
        ...


# os.register_at_fork cannot forget a function: one registration and a weak set keep no owner alive.
_owners: weakref.WeakSet[SurvivesFork] = weakref.WeakSet()


def renew_after_fork(owner: SurvivesFork) -> None:
    """Call ``owner.after_fork()`` in every child that is forked while ``owner`` lives."""
    _owners.add(owner)


def _renew_all() -> None:
    for owner in tuple(_owners):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
