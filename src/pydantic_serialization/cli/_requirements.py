"""Requirements as the metadata of distributions state them (PEP 508), taken apart."""

from __future__ import annotations

import re
from typing import NamedTuple

_REQUIREMENT = re.compile(
    r"""\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)
        \s*(?:\[(?P<extras>[^\]]*)\])?
        \s*(?:@\s*(?P<url>[^\s;]+)|\(?(?P<specifier>[^;()]*)\)?)
        \s*(?:;\s*(?P<marker>.*))?$""",
    re.VERBOSE,
)
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


class Parts(NamedTuple):
    """One requirement. Empty parts are empty strings."""

    name: str
    extras: tuple[str, ...]
    specifier: str
    url: str
    marker: str


def parse_requirement(text: str) -> Parts | None:
    """Return the parts of a requirement, ``None`` if it is none."""
    found = _REQUIREMENT.match(text)
    if found is None:
        return None
    extras = tuple(part.strip() for part in (found["extras"] or "").split(",") if part.strip())
    marker = (found["marker"] or "").strip()
    return Parts(found["name"], extras, (found["specifier"] or "").strip(), found["url"] or "", marker)


def extra_of(marker: str) -> str | None:
    """Return the extra that a marker asks for."""
    found = _EXTRA.search(marker)
    return found[1] if found is not None else None
