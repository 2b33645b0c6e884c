"""The command ``pydantic-serialization``. Nothing of the package imports it; it needs the extra ``cli``."""
