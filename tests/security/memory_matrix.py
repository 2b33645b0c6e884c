"""Read, write and copy large values while memory runs out. Run as a program by ``test_memory.py``.

Each call is made in child processes that may take less and less memory in addition to what they have. Each gives the right
value or a ``MemoryError``; afterwards, with memory, a small call works. Prints a line for each door: its name, how many
calls worked, how many ended in a ``MemoryError``.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    computed_field,
    field_validator,
)

from pydantic_serialization import SerializationConfig, copy_model, create_serialization_manager, decoder, encoder

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 9
"""Children for each door."""
SPARE = 4 << 20
"""Bytes that the last child has beyond what a call takes."""
WORKED, NO_MEMORY, WRONG = 0, 10, 11


class Item(BaseModel):
    """All native."""

    number: int
    text: str
    tags: list[str]


class Called(BaseModel):
    """Code of the user's for every instance, in both directions."""

    number: Annotated[int, AfterValidator(abs)]
    text: str
    tags: list[Annotated[str, PlainSerializer(str)]]

    @field_validator("text", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return value

    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        """A part that is asked for when everything else is written."""
        return len(self.text)


class Texts(BaseModel):
    """Long texts and bytes of every kind."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    plain: str
    escaped: str
    wide: str
    raw: bytes
    others: dict[int, bool]


class Tree(BaseModel):
    """What is not declared."""

    value: Any


def items(model: type[Any], count: int) -> list[Any]:
    """Return instances of ``Item`` or ``Called``."""
    return [model(number=number, text="a text of some length", tags=[f"tag {number}"]) for number in range(count)]


def texts(size: int) -> Texts:
    """Return texts of so many characters each."""
    return Texts(
        plain="plain" * (size // 5),
        escaped='"\n\x01 escaped' * (size // 11),
        wide="wide é € 😀" * (size // 10),
        raw=bytes(range(256)) * (size // 256),
        others=dict.fromkeys(range(size // 20), True),
    )


class Door(NamedTuple):
    """A call with a large value and with a small one, and whether a result is that of the large one."""

    name: str
    large: Callable[[], Any]
    small: Callable[[], Any]
    is_right: Callable[[Any], bool]


def doors() -> list[Door]:
    """Return what is tried: the format ``json`` is Pydantic's own, which ends the process."""
    found: list[Door] = []

    def pair(name: str, declared: Any, large: Any, small: Any, formats: tuple[str, ...]) -> None:
        for format_name in formats:
            write, read = encoder(declared, format_name), decoder(declared, format_name)
            data, little = write(large), write(small)
            buffer = bytearray(data)
            found.extend(
                (
                    Door(f"write {name} as {format_name}", partial(write, large), partial(write, small), data.__eq__),
                    Door(f"read {name} from {format_name}", partial(read, data), partial(read, little), large.__eq__),
                    Door(
                        f"read {name} in a buffer from {format_name}",
                        partial(read, buffer),
                        partial(read, little),
                        large.__eq__,
                    ),
                )
            )

    both = ("orjson", "msgpack")
    pair("items", list[Item], items(Item, 4_000), items(Item, 1), (*both, "jsonl"))
    pair("called items", list[Called], items(Called, 2_000), items(Called, 1), (*both, "jsonl"))
    pair("texts", Texts, texts(400_000), texts(256), both)
    tree = [{"name": f"{number}", "values": [number, None, 1.5]} for number in range(20_000)]
    pair("a tree", Tree, Tree(value=tree), Tree(value=[]), both)
    found += [copies("items", Item), copies("called items", Called)]
    for codec in ("zstd", "lz4"):
        found += managers(codec)
    return found


def copies(name: str, model: type[Any]) -> Door:
    """Return the door that copies."""
    large, small = Tree(value=items(model, 3_000)), Tree(value=items(model, 1))
    return Door(f"copy {name}", lambda: copy_model(large), lambda: copy_model(small), large.__eq__)


def managers(codec: str) -> list[Door]:
    """Return the doors of a manager: compression, compact pickles, frames."""
    manager = create_serialization_manager(
        SerializationConfig(signing_keys=[bytes(range(32))], compression_codec=codec)
    )
    large, small = items(Item, 3_000), items(Item, 1)
    found = []
    for format_name in ("orjson", "msgpack", "pickle"):
        write = partial(manager.serialize_sync, format=format_name, model_class=list[Item])
        read = partial(manager.deserialize_sync, model_class=list[Item], format=format_name)
        data, little = write(large), write(small)
        found += [
            Door(f"serialize as {format_name}, {codec}", partial(write, large), partial(write, small), is_frame),
            Door(f"deserialize {format_name}, {codec}", partial(read, data), partial(read, little), large.__eq__),
        ]
    return found


def is_frame(data: bytes) -> bool:
    """Say whether these are bytes of some length: those of a frame depend on the time."""
    return len(data) > 1000


def address_space(what: str) -> int:
    """Return the bytes of ``VmSize`` or ``VmPeak``."""
    with open("/proc/self/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))


def in_child(work: Callable[[], int]) -> int:
    """Return the exit status of a child process, as a shell tells it."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        except BaseException:
            traceback.print_exc()
            os._exit(WRONG)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def allow(room: int | None) -> None:
    """Let this process take so many bytes more than it has, or as many as it likes."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if room is None else address_space("VmSize") + room, most))


def fill_up() -> list[Any]:
    """Take all memory that is free inside of this process."""
    kept: list[Any] = [None] * 1_000_000
    index = 0
    allow(0)
    for size in (65_536, 4096, 512, 64):
        with contextlib.suppress(MemoryError):
            while True:
                kept[index] = bytes(size)
                index += 1
    allow(None)
    return kept


def need(door: Door) -> int:
    """Return how much memory the call takes beyond what there is."""
    reading, writing = os.pipe()

    def measure() -> int:
        kept = fill_up()
        before = address_space("VmSize")
        door.large()
        os.write(writing, str(address_space("VmPeak") - before).encode())
        del kept
        return WORKED

    assert in_child(measure) == WORKED
    found = int(os.read(reading, 100))
    os.close(reading)
    os.close(writing)
    return found


def attempt(door: Door, room: int) -> int:
    """Make the call with so many bytes more than there are; say how it ended."""
    kept = fill_up()
    allow(room)
    try:
        result, status = door.large(), WORKED
    except MemoryError as error:
        result, status = None, NO_MEMORY
        assert error.__cause__ is None
    finally:
        allow(None)
    del kept
    door.small()
    return status if status == NO_MEMORY or door.is_right(result) else WRONG


def main() -> None:
    """Try every door whose name holds the argument."""
    for door in doors():
        if sys.argv[1] not in door.name:
            continue
        door.small()
        gc.collect()
        gc.freeze()
        most = need(door)
        found = {WORKED: 0, NO_MEMORY: 0}
        for step in range(STEPS + 1):
            room = most * step // STEPS + (SPARE if step == STEPS else 0)
            status = in_child(lambda door=door, room=room: attempt(door, room))
            if status not in found:
                sys.exit(f"{door.name}: exit status {status} with {room} of {most} bytes")
            found[status] += 1
        sys.stdout.write(f"{door.name}: {found[WORKED]} worked, {found[NO_MEMORY]} did not\n")


if __name__ == "__main__":
    main()
