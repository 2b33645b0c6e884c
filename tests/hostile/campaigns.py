"""All campaigns, and how long each is in ``make test``."""

from __future__ import annotations

from hostile import documents, frames, kills
from hostile.runner import Campaign

CAMPAIGNS = (
    Campaign("frames", frames.prepare, 1_000_000),
    Campaign("json", documents.prepare_json, 1_000_000),
    Campaign("msgpack", documents.prepare_msgpack, 250_000),
    Campaign("pickle", documents.prepare_family("pickle"), 250_000),
    Campaign("kills", kills.prepare, 100),
)
