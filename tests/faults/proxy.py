"""A TCP proxy before Redis that does what networks and broken servers do."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
import time

MARKER = b"value-of-"
"""Stands in every value that tests store: where a reply is flipped or replaced, it is in a value."""

FLOOD = 16_777_216
NOTHING = bytes(65_536)

_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards to a port, and misbehaves as ``mode`` says; a change takes effect with the next piece of data.

    ===================  =============================================================================
    ``pass``             forwards unchanged
    ``closed``           does not listen
    ``reset_on_accept``  resets each new connection
    ``close_on_accept``  closes each new connection
    ``hole_on_accept``   accepts, and neither reads nor writes
    ``reset_on_request`` resets a connection as soon as it says anything, be it a greeting
    ``fickle``           resets every third connection in place of a reply
    ``hole_request``     swallows requests
    ``half_request``     forwards half of a request, and no more
    ``hole_reply``       lets the server do the work, and swallows its replies
    ``latency``          delays each piece of a reply by ``arg`` seconds
    ``late_hole``        delays replies by ``arg`` seconds, and swallows requests that write
    ``one_late``         delays one reply by ``arg`` seconds, and swallows all others
    ``drop``             sends half of a reply, and closes
    ``reset``            sends half of a reply, and resets
    ``stall``            sends half of a reply, and is silent
    ``bytewise``         sends one byte at a time
    ``trickle``          sends one byte each ``arg`` seconds
    ``flip``             inverts a bit of a value
    ``garbage``          sends as many random bytes
    ``flood``            sends the start of a text, and then the text for as long as somebody reads
    ``extra``            sends a well-formed reply of somebody else before each piece
    ``push``             sends a message that nobody has subscribed to before each piece
    ``twice``            sends each piece twice
    ``behind``           sends the piece before in place of each one
    ``reply``            answers everything with ``arg``
    ``error``            answers everything with the error line ``arg``
    ``write_error``      answers everything that writes with the error line ``arg``
    ===================  =============================================================================
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.mode = "pass"
        self.arg: float | bytes = 0.0
        self.connections = 0
        self.port = 0
        self._live: set[_Connection] = set()
        self._lock = threading.Lock()
        self._listen()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def set(self, mode: str, arg: float | bytes = 0.0) -> None:
        was_closed, self.mode, self.arg = self.mode == "closed", mode, arg
        if mode == "closed" and not was_closed:
            self._stop_listening()
        elif was_closed and mode != "closed":
            self._listen()

    def cut(self) -> None:
        """Reset all live connections."""
        with self._lock:
            live = list(self._live)
        for connection in live:
            connection.cut()

    def close(self) -> None:
        self._stop_listening()
        self.cut()

    def _listen(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def _stop_listening(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            self.connections += 1
            if self.mode == "reset_on_accept":
                _reset(client)
            elif self.mode == "close_on_accept":
                client.close()
            else:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = _Connection(self, client, self.connections)
                with self._lock:
                    self._live.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: _Connection) -> None:
        connection.run()
        with self._lock:
            self._live.discard(connection)


class _Connection:
    """A client and its connection to Redis, in one thread: a socket that another thread waits for cannot be reset."""

    def __init__(self, proxy: Proxy, client: socket.socket, number: int) -> None:
        self.proxy = proxy
        self.client = client
        self.number = number
        self.silent = False
        self.last = b""
        self._cut, self._scissors = socket.socketpair()

    def cut(self) -> None:
        """Reset the connection soon."""
        with contextlib.suppress(OSError):
            self._scissors.send(b"x")

    def run(self) -> None:
        try:
            with self._cut, self._scissors:
                self._run()
        except OSError:
            _reset(self.client)
        self.client.close()

    def _run(self) -> None:
        if self.proxy.mode == "hole_on_accept":
            self._cut.recv(1)
            raise ConnectionResetError
        with socket.create_connection(("127.0.0.1", self.proxy.upstream)) as server:
            while True:
                readable, _, _ = select.select([self.client, server, self._cut], [], [])
                if self._cut in readable:
                    raise ConnectionResetError
                if self.client in readable:
                    data = self.client.recv(65_536)
                    if not data:
                        return
                    self._request(server, data)
                if server in readable:
                    data = server.recv(65_536)
                    if not data:
                        return
                    if not self.silent and not self._reply(data, self.proxy.mode, self.proxy.arg):
                        return

    def _request(self, server: socket.socket, data: bytes) -> None:
        mode, arg = self.proxy.mode, self.proxy.arg
        writes = any(word in data for word in (b"SET\r\n", b"EVAL\r\n", b"DEL\r\n"))
        if mode == "reset_on_request":
            raise ConnectionResetError
        if mode in {"reply", "error"} or (mode == "write_error" and writes):
            assert isinstance(arg, bytes)
            self.client.sendall(arg + (b"" if mode == "reply" else b"\r\n"))
        elif mode != "hole_request" and not (mode == "late_hole" and writes):
            server.sendall(data[: len(data) // 2] if mode == "half_request" else data)

    def _reply(self, data: bytes, mode: str, arg: float | bytes) -> bool:
        """Answer with what the server has said, more or less; return whether to go on."""
        client = self.client
        if mode == "hole_reply":
            return True
        if mode in {"latency", "late_hole", "one_late"}:
            assert isinstance(arg, float)
            if mode == "one_late":
                self.proxy.set("hole_reply")
            time.sleep(arg)
        elif mode in {"drop", "reset", "stall"}:
            client.sendall(data[: len(data) // 2])
            self.silent = True
            if mode == "reset":
                raise ConnectionResetError
            return mode == "stall"
        elif mode in {"bytewise", "trickle"}:
            assert isinstance(arg, float)
            for byte in data:
                client.sendall(bytes([byte]))
                time.sleep(arg)
            return True
        elif mode == "fickle" and self.number % 3 == 0:
            raise ConnectionResetError
        elif mode == "flood":
            client.sendall(b"*1\r\n$536870912\r\n")
            for _ in range(FLOOD // len(NOTHING)):
                client.sendall(NOTHING)
            return True
        elif mode == "flip":
            at = data.find(MARKER)
            if at >= 0:
                data = data[: at + 2] + bytes([data[at + 2] ^ 1]) + data[at + 3 :]
        elif mode == "garbage":
            data = os.urandom(len(data))
        elif mode == "extra":
            client.sendall(b"$5\r\nSTALE\r\n")
        elif mode == "push":
            client.sendall(b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nSTALE\r\n")
        elif mode == "twice":
            client.sendall(data)
        elif mode == "behind":
            self.last, data = data, self.last or data
        client.sendall(data)
        return True


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()
