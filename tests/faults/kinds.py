"""What networks and servers do wrong, each as one setting of the proxy."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault.

    Attributes:
        mode: Of the proxy.
        arg: Of the mode.
        is_at_the_door: Only new connections meet it.
        is_answered: Redis is reached, or answers in the right form, so that there is no reason not to ask it again.
    """

    mode: str
    arg: float | bytes = 0.0
    is_at_the_door: bool = False
    is_answered: bool = False

    def __str__(self) -> str:
        """Return a name for the fault."""
        if isinstance(self.arg, bytes):
            return f"{self.mode} {self.arg[:24]!r}"
        return f"{self.mode} {self.arg}" if self.arg else self.mode


FAULTS = (
    # Connections
    Fault("closed", is_at_the_door=True),
    Fault("reset_on_accept", is_at_the_door=True),
    Fault("close_on_accept", is_at_the_door=True),
    Fault("hole_on_accept", is_at_the_door=True),
    Fault("reset_on_request"),
    Fault("fickle", is_answered=True),
    # Requests
    Fault("hole_request"),
    Fault("half_request"),
    # Replies that are late, or come in parts
    Fault("hole_reply"),
    Fault("latency", 0.005, is_answered=True),
    Fault("latency", 0.5),
    Fault("late_hole", 0.03, is_answered=True),
    Fault("bytewise", is_answered=True),
    Fault("trickle", 0.002),
    Fault("drop"),
    Fault("reset"),
    Fault("stall"),
    # Replies of somebody else
    Fault("extra"),
    Fault("push", is_answered=True),
    Fault("twice", is_answered=True),
    Fault("behind", is_answered=True),
    # Replies that are no replies
    Fault("flip", is_answered=True),
    Fault("garbage"),
    Fault("flood"),
    Fault("reply", b":42\r\n"),
    Fault("reply", b"+OK\r\n"),
    Fault("reply", b"$-1\r\n"),
    Fault("reply", b"*-1\r\n"),
    Fault("reply", b"*0\r\n"),
    Fault("reply", b"*1\r\n$5\r\nSTALE\r\n", is_answered=True),
    Fault("reply", b"*1\r\n*1\r\n:1\r\n", is_answered=True),
    Fault("reply", b"%1\r\n+key\r\n+value\r\n"),
    Fault("reply", b"$2147483647\r\n"),
    Fault("reply", b"$-2\r\n"),
    Fault("reply", b"*-7\r\n"),
    Fault("reply", b"*1000000\r\n"),
    Fault("reply", b"\r\n\r\n"),
    Fault("reply", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    Fault("reply", b"\x15\x03\x03\x00\x02\x02\x46"),  # a TLS alert
    # Errors
    Fault("error", b"-LOADING Redis is loading the dataset in memory"),
    Fault("error", b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."),
    Fault("error", b"-NOAUTH Authentication required."),
    Fault("error", b"-WRONGPASS invalid username-password pair or user is disabled."),
    Fault("error", b"-NOPERM this user has no permissions to run this command"),
    Fault("error", b"-MOVED 3999 127.0.0.1:1"),
    Fault("error", b"-ASK 3999 127.0.0.1:1"),
    Fault("error", b"-TRYAGAIN Multiple keys request during rehashing of slot"),
    Fault("error", b"-CLUSTERDOWN The cluster is down"),
    Fault("error", b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
    Fault("error", b"-ERR max number of clients reached"),
    Fault("error", b"-ERR unknown command"),
    # Errors of what writes
    Fault("write_error", b"-READONLY You can't write against a read only replica.", is_answered=True),
    Fault("write_error", b"-OOM command not allowed when used memory > 'maxmemory'.", is_answered=True),
    Fault("write_error", b"-MISCONF Redis is configured to save RDB snapshots", is_answered=True),
    Fault("write_error", b"-NOREPLICAS Not enough good replicas to write.", is_answered=True),
)
