"""All campaigns, and how long each is in ``make test``."""

from __future__ import annotations

import shutil
import signal

from hostile import blocks, documents, frames, kills, leaks, soak
from hostile.runner import Campaign
from pydantic_serialization._native import core
from pydantic_serialization.formats import available_formats

TEXT = frozenset({"json", "orjson"})

CAMPAIGNS = (
    Campaign("frames", frames.prepare, 250_000),
    Campaign("json", documents.prepare_json, 250_000),
    Campaign("msgpack", documents.prepare_msgpack, 250_000),
    # One for each binary format, so also for those that are still to come.
    *(
        Campaign(name, documents.prepare_family(name), 250_000)
        for name in available_formats()
        if name not in TEXT | {"msgpack"}
    ),
    Campaign("blocks", blocks.prepare, 25_000, can_run=core is not None),
    Campaign("kills", kills.prepare, 100, can_run=hasattr(signal, "SIGKILL")),
    Campaign("soak", soak.prepare, 0, shutil.which("redis-server") is not None, soak.MOST_AT_ONCE),
    Campaign("leaks", leaks.prepare, 0, can_run=core is not None),
)
