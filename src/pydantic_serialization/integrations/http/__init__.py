"""HTTP clients that send and receive models, over httpx and httpx2.

``ModelClient`` takes an ``AsyncClient`` of either library, ``SyncModelClient`` a ``Client``; neither is imported here.
Time-outs, retries, authorization, redirects and HTTP's own caching (RFC 9111, by hishel) stay with that client.
"""

from pydantic_serialization.integrations.http.client import ModelClient
from pydantic_serialization.integrations.http.errors import UnexpectedStatusError
from pydantic_serialization.integrations.http.sync_client import SyncModelClient

__all__ = ["ModelClient", "SyncModelClient", "UnexpectedStatusError"]
