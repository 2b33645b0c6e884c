"""What is bound for a class or a ``TypeAdapter``, kept in an attribute of it so that both go when it goes.

A table of the process, even a weak one, would keep a class alive: what is bound for a class refers to the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

DUMP = "__pydantic_serialization_dump__"
VALIDATE = "__pydantic_serialization_validate__"

_holders: WeakSet[Any] = WeakSet()


class Entry(tuple[Any, ...]):
    """What Pydantic had compiled when the function was bound, and the function.

    Pickled or copied, it is empty: whoever unpickles the class or the adapter binds anew.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[type[Entry], tuple[tuple[None, None]]]:
        """Leave out what belongs to this process."""
        return Entry, ((None, None),)

    def __deepcopy__(self, _memo: Any) -> Entry:
        """Return an empty entry: a copy of an adapter is another adapter."""
        return Entry((None, None))


def keep(holder: Any, name: str, source: Any, function: Callable[..., Any]) -> None:
    """Keep a bound function at a class or an adapter."""
    entry = Entry((source, function))
    if isinstance(holder, type):
        type.__setattr__(holder, name, entry)
    else:
        holder.__dict__[name] = entry
    _holders.add(holder)


def forget_all() -> None:
    """Forget what is bound. What is in use afterwards is bound again."""
    while _holders:
        try:
            holder = _holders.pop()
        except KeyError:  # collected in between
            return
        for name in (DUMP, VALIDATE):
            if isinstance(holder, type):
                if name in holder.__dict__:
                    type.__delattr__(holder, name)
            else:
                holder.__dict__.pop(name, None)
