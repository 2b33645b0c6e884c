"""Hold the native core against Pydantic's own test suite; see ``__main__.py``."""
