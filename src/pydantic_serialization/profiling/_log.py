"""The package's logger as the profiler uses it.

A library adds a ``NullHandler`` and nothing else: levels, handlers and the root logger belong to the application
(Python's logging HOWTO, "Configuring Logging for a Library").
"""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("pydantic_serialization")
if not any(isinstance(handler, logging.NullHandler) for handler in LOGGER.handlers):
    LOGGER.addHandler(logging.NullHandler())
