"""Whether a reply is one to the command that was sent. Nothing else confirms that anything was found, or done.

After a connection has gone wrong, and from servers that are none, replies come that belong to another command.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class WrongReplyError(ConnectionError):
    """The reply is not to the command that was sent."""

    def __init__(self) -> None:
        super().__init__("the server's reply is none to the command")


def values_of(names: Collection[str], reply: object) -> dict[str, bytes]:
    """Return the values by name, from the reply to a question for the values of ``names``.

    Raises:
        WrongReplyError: there are not as many.
    """
    if not isinstance(reply, list) or len(reply) != len(names):
        raise WrongReplyError
    return {name: value for name, value in zip(names, reply, strict=True) if isinstance(value, bytes)}


def check_stored(*replies: object) -> None:
    """Check the replies to commands that store, as redis-py gives them.

    Raises:
        WrongReplyError: one of them does not say so.
    """
    if not all(reply is True for reply in replies):
        raise WrongReplyError


def check_number(reply: object, most: float = math.inf) -> None:
    """Check the reply to a command that answers with a number from 0 to ``most``.

    Raises:
        WrongReplyError: it is none.
    """
    if type(reply) is not int or not 0 <= reply <= most:
        raise WrongReplyError
