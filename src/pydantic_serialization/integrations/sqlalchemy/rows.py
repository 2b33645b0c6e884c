"""Rows as models: what a statement returns is validated while its session is open, and nothing is loaded lazily."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.integrations.sqlalchemy.sessions import LazyLoadError, refused_lazy_loads
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Executable, Result
    from sqlalchemy.orm import Session

    from pydantic_serialization.plan import ModelPlan


def run_statement(session: Session, statement: Executable, model: Any) -> list[Any]:
    """Return the rows of a statement as validated values of ``model``.

    Raises:
        pydantic.ValidationError: a row does not fit the model.
        ConfigurationError: (a ``ValueError``) the model needs what the statement has not loaded.
    """
    values = _values(session.execute(statement), plan_for(model))
    validate = plan_for(list[model]).validator.validate_python
    try:
        with refused_lazy_loads():
            found: list[Any] = validate(values, from_attributes=True)
    except ValidationError as error:
        missing = _not_loaded(error, values)
        if missing is None:
            raise
    except LazyLoadError as error:  # of code of the model's, which Pydantic lets through
        missing = str(error)
    else:
        return found
    # Out here: the ValidationError quotes the row, and would be all that a reader looks at.
    raise ConfigurationError(missing, model=plan_for(model).name)


def _values(result: Result[Any], plan: ModelPlan) -> list[Any]:
    """Return one value per row: the entity if the statement selects one, else what is selected, by name."""
    names = list(result.keys())
    # A collection that is loaded by a join repeats its owner. SQLAlchemy then insists on being told to fold the rows,
    # and has no public way to ask whether it will; in all other cases equal rows are two rows.
    repeats_owners = getattr(result, "_unique_filter_state", None) is not None
    rows = result.unique().all() if repeats_owners else result.all()
    if len(names) != 1:
        return [dict(row._mapping) for row in rows]  # noqa: SLF001  (documented; underscored so as not to hide columns)
    name, column = names[0], [row[0] for row in rows]
    if plan.model is None or any(_is_whole(value, plan.model) for value in column):
        return column
    return [{name: value} for value in column]


def _is_whole(value: Any, model: type[Any]) -> bool:
    """Say whether a value stands for a whole model, rather than for one of its fields."""
    return isinstance(value, (Mapping, model)) or isinstance(inspect(value, raiseerr=False), InstanceState)


def _not_loaded(error: ValidationError, values: list[Any]) -> str | None:
    """Return what to say about the first attribute that could not be read because it is not loaded."""
    for item in error.errors(include_context=False, include_input=False, include_url=False):
        if item["type"] != "get_attribute_error":
            continue
        state = inspect(_at(values, item["loc"][:-1]), raiseerr=False)
        name = str(item["loc"][-1])
        if isinstance(state, InstanceState) and name in state.unloaded:
            return _advice(state, name)
        _, refused, message = item["msg"].partition(f"{LazyLoadError.__name__}: ")
        if refused:
            return message
    return None


def _at(values: list[Any], path: Iterable[int | str]) -> Any:
    """Return what is at a place of the rows, or ``None`` where no path leads, as in a set."""
    found: Any = values
    for step in path:
        if isinstance(step, str):
            found = getattr(found, step, found)  # what is no attribute names a branch of a union
        elif isinstance(found, Sequence):
            found = found[step]
        else:
            return None
    return found


def _advice(state: InstanceState[Any], name: str) -> str:
    row, model_says = state.class_.__name__, "is not loaded, and the model reads it"
    if name in state.mapper.relationships:
        return f"{row}.{name} {model_says}: add .options(selectinload({row}.{name})) to the statement"
    if state.expired:
        return f"{row}.{name} {model_says}: the row has expired; make the session with expire_on_commit=False"
    return f"{row}.{name} {model_says}: add .options(undefer({row}.{name})) to the statement"
