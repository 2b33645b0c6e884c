"""Put the native core under Pydantic's own public JSON methods, for a class or for the process."""

from pydantic_serialization.acceleration.switch import accelerate, install, uninstall

__all__ = ["accelerate", "install", "uninstall"]
