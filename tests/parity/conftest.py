"""These tests compare the native core with Pydantic: without a core there is nothing to compare."""

from pydantic_serialization._native import core

collect_ignore_glob = ["test_*.py"] if core is None else []
