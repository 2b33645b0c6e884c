"""How instances of a class keep their attributes."""

from __future__ import annotations

from inspect import getattr_static
from types import GetSetDescriptorType

_MADE_IN_PYTHON = 1 << 9
"""``Py_TPFLAGS_HEAPTYPE`` of the C API."""


def has_usual_dict(cls: type) -> bool:
    """Say whether ``__dict__`` gives the dict that the interpreter keeps for each instance.

    Each class without slots has a descriptor of its own for it, so that of a mix-in may stand before ``BaseModel``'s.
    """
    descriptor = getattr_static(cls, "__dict__")
    if not isinstance(descriptor, GetSetDescriptorType):
        return False
    return descriptor.__name__ == "__dict__" and bool(descriptor.__objclass__.__flags__ & _MADE_IN_PYTHON)
