"""SQLAlchemy 2: rows as models, cached; and models as columns.

``fetch_models`` and ``fetch_models_sync`` run a statement and return its rows as validated models, with ``cache=`` from
the cache, as bytes: a row that is attached to a session is never kept. ``ModelType`` is the type of a column that holds
a model. Row classes of SQLModel are models here too.
"""

from pydantic_serialization._optional import require

require("sqlalchemy", extra="sqlalchemy", purpose="pydantic_serialization.integrations.sqlalchemy")

from pydantic_serialization.integrations.sqlalchemy.column import ModelType  # noqa: E402  (after the clear error)
from pydantic_serialization.integrations.sqlalchemy.fetching import fetch_models, fetch_models_sync  # noqa: E402
from pydantic_serialization.integrations.sqlalchemy.statements import statement_key  # noqa: E402

__all__ = ["ModelType", "fetch_models", "fetch_models_sync", "statement_key"]
