"""Pickles of Pydantic models: one compact block beside Python's own pickle.

    python benchmarks/native_pickle.py [--quick]

All rows of a table are measured in one process, in turn, round after round. Trust ratios of one table, not nanoseconds.
What is read is compared before it is timed. The last rows read without a signature: every instance is then checked.
"""

from __future__ import annotations

import argparse
import pickle
import platform
import sys
from typing import Any

import _shapes
import pydantic
from _rows import Row, Target, measure, show
from _shapes import COUNT, models, order_data, user_data

from pydantic_serialization import BACKEND
from pydantic_serialization.formats._base import FormatOptions
from pydantic_serialization.formats.pickle import PickleFormat
from pydantic_serialization.plan import plan_for


def importable() -> Any:
    """Return the shapes, put where pickle finds their classes."""
    shapes = models()
    for cls in (*shapes, *(field.annotation for field in shapes.order.model_fields.values())):
        for item in (cls, *getattr(cls, "__args__", ())):
            if isinstance(item, type) and item.__module__ == _shapes.__name__:
                item.__qualname__ = item.__name__
                setattr(_shapes, item.__name__, item)
    return shapes


def pickling(name: str, seconds: float, declared: Any, value: Any, least: tuple[float, float]) -> list[Target]:
    """Compare the ways of pickling one value, then time them."""
    plan = plan_for(declared)
    signed = PickleFormat().bind(plan, FormatOptions(authenticated=True))
    unsigned = PickleFormat().bind(plan, FormatOptions())
    names = {
        "pickle": pickle,
        "value": value,
        "write": signed.encode,
        "read": signed.decode,
        "read_unsigned": unsigned.decode,
        "data": pickle.dumps(value, 5),
        "compact": signed.encode(value),
    }
    print(f"\n{name}: {len(names['data']):,} bytes of pickle, {len(names['compact']):,} of compact pickle")
    dumps = [
        Row("pickle.dumps(..)", "pickle.dumps(value, 5)", names),
        Row('the format "pickle", signed', "write(value)", names),
    ]
    loads = [
        Row("pickle.loads(pickle)", "pickle.loads(data)", names),
        Row("pickle.loads(compact pickle)", "pickle.loads(compact)", names),
        Row('the format "pickle", signed', "read(compact)", names),
        Row('the format "pickle", unsigned, pickle', "read_unsigned(data)", names),
        Row('the format "pickle", unsigned, compact', "read_unsigned(compact)", names),
    ]
    for row in loads:
        if eval(row.statement, dict(names)) != value:
            raise AssertionError(row.label)
    measure(dumps, seconds)
    show(f"dump {name}", dumps, {"pickle": dumps[0]})
    measure(loads, seconds)
    show(f"load {name}", loads, {"pickle": loads[0], "unsigned": loads[3]})
    return [
        Target(f"dump {name}, against pickle", dumps[0].best / dumps[1].best, least[0], None),
        Target(f"load {name}, against pickle", loads[0].best / loads[1].best, least[1], None),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    seconds = 0.5 if parser.parse_args().quick else 5.0
    print(f"python {platform.python_version()}, pydantic {pydantic.VERSION}, backend {BACKEND}")
    shapes = importable()
    user, order = shapes.user.model_validate(user_data()), shapes.order.model_validate(order_data())
    users = [shapes.user.model_validate(user_data(number)) for number in range(COUNT)]
    many: Any = list.__class_getitem__(shapes.user)
    targets = pickling(f"{COUNT} Users", seconds, many, users, (20, 4))
    targets += pickling("Order", seconds, shapes.order, order, (1, 1))
    targets += pickling("User", seconds, shapes.user, user, (1, 1))
    print("\nratios of minima, beside what is wanted")
    print("\n".join(map(str, targets)))
    if BACKEND != "native":
        sys.exit("the native core is not installed: these are figures of pydantic alone")


if __name__ == "__main__":
    main()
