"""These tests compare the native core with Pydantic: without a core there is nothing to compare."""

from pydantic_serialization._native import core
from pydantic_serialization.plan.rebuild import CAN_REBUILD

collect_ignore_glob = ["test_*.py"] if core is None else []
if not CAN_REBUILD:  # types that hold bytes are refused there
    collect_ignore_glob += ["test_msgpack_*.py"]
