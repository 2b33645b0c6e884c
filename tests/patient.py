"""Accounts that never find that looking up does not pay, since tests must not depend on times."""

from __future__ import annotations

from pydantic_serialization.reuse.payoff import Payoff


class Patient(Payoff):
    """An account that is active from the beginning, and only switched off for good."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def _switch_off(self, reason: str) -> None:
        if "takes" not in reason:
            super()._switch_off(reason)
