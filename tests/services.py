"""Real servers that tests start for themselves: with the functions of ``examples/service``, which has to run alone."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_FILE = Path(__file__).resolve().parents[1] / "examples" / "service" / "processes.py"

_spec = spec_from_file_location("service_processes", _FILE)
assert _spec is not None
assert _spec.loader is not None
_processes = module_from_spec(_spec)
_spec.loader.exec_module(_processes)

free_port, postgres, redis_server = _processes.free_port, _processes.postgres, _processes.redis_server
