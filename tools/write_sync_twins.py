"""Write the synchronous twin of a file of coroutines: the same text without ``async`` and ``await``.

``python tools/write_sync_twins.py`` writes them; a test sees that it has been done. The idea is httpcore's ``unasync``.
"""

from __future__ import annotations

import re
from pathlib import Path

HTTP = Path(__file__).parents[1] / "src" / "pydantic_serialization" / "integrations" / "http"
TWINS = {HTTP / "client.py": HTTP / "sync_client.py"}

_CHANGES = [
    (
        r"The asynchronous client\..*?\n",
        'The synchronous client, made of the asynchronous one by tools/write_sync_twins.py."""\n',
    ),
    (r"if not inspect\.iscoroutinefunction", "if inspect.iscoroutinefunction"),
    (r"is not asynchronous: use SyncModelClient", "is asynchronous: use ModelClient"),
    (r"the client is synchronous", "the client is asynchronous"),
    (r"An ``AsyncClient``", "A ``Client``"),
    (r"\bAsyncClient\b", "Client"),
    (r"\bAsyncHttpClient\b", "SyncHttpClient"),
    (r"\bclass ModelClient\b", "class SyncModelClient"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"Awaitable\[Any\]", "Any"),
    (r"\bAwaitable, ", ""),
    (r"\baiter_raw\b", "iter_raw"),
    (r"\baclose\b", "close"),
    (r"\bcache\.(get|set|get_or_load|invalidate)\(", r"cache.\1_sync("),
]


def twin_of(text: str) -> str:
    """Return the synchronous text of an asynchronous one."""
    for pattern, replacement in _CHANGES:
        text = re.sub(pattern, replacement, text)
    return text


def main() -> None:
    """Write every twin."""
    for source, target in TWINS.items():
        target.write_text(twin_of(source.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
