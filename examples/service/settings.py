"""Where the shop finds what it needs: ``SHOP_*`` of the environment, or a ``.env`` file."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of the service and of its worker."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", env_file=".env", extra="ignore", hide_input_in_errors=True)

    database_url: str
    """As in ``postgresql+psycopg://user@host/database``: a driver for both worlds."""
    redis_url: str
    exports: Path
    """A directory that the service and the worker share."""
    signing_key: SecretStr
    """Signs messages to the worker and entries of the shared cache: at least 32 bytes."""


def read_settings() -> Settings:
    """Return the settings of the environment.

    Raises:
        pydantic.ValidationError: one is missing.
    """
    return Settings()  # type: ignore[call-arg]  # they come from the environment
