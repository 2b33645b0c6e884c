"""A TCP proxy before Redis that does what networks and broken servers do."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time

MARKER = b"value-of-"
"""Stands in every value that tests store: where a reply is flipped or replaced, it is in a value."""

_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards to a port, and misbehaves as ``mode`` says; a change takes effect with the next piece of data.

    ===================  =============================================================================
    ``pass``             forwards unchanged
    ``reset_on_accept``  resets each new connection
    ``hole_on_accept``   accepts, and is silent
    ``hole_request``     swallows requests
    ``hole_reply``       lets the server do the work, and swallows its replies
    ``latency``          delays each piece of a reply by ``arg`` seconds
    ``late_hole``        delays replies by ``arg`` seconds, and swallows requests that write
    ``one_late``         delays one reply by ``arg`` seconds, and swallows all others
    ``drop``             sends half of a reply, and closes
    ``reset``            sends half of a reply, and resets
    ``stall``            sends half of a reply, and is silent
    ``trickle``          sends one byte each ``arg`` seconds
    ``flip``             inverts a bit of a value
    ``garbage``          sends as many random bytes
    ``extra``            sends a well-formed reply of somebody else before each piece
    ``error``            answers everything with the error line ``arg``
    ``write_error``      answers everything that writes with the error line ``arg``
    ===================  =============================================================================
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.mode = "pass"
        self.arg: float | bytes = 0.0
        self.connections = 0
        self._closing = threading.Event()
        self._live: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def set(self, mode: str, arg: float | bytes = 0.0) -> None:
        self.mode, self.arg = mode, arg

    def cut(self) -> None:
        """Reset all live connections."""
        with self._lock:
            live = list(self._live)
        for sock in live:
            _reset(sock)

    def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            if self.mode == "reset_on_accept":
                _reset(client)
                continue
            self._keep(client)
            if self.mode == "hole_on_accept":
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                _reset(client)
                continue
            self._keep(server)
            connection = _Connection(self, client, server)
            for pump in (connection.requests, connection.replies):
                threading.Thread(target=pump, daemon=True).start()

    def _keep(self, sock: socket.socket) -> None:
        with self._lock:
            self._live.add(sock)


class _Connection:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.silent = False

    def requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.client.recv(65_536):
                mode = self.proxy.mode
                writes = any(word in data for word in (b"SET\r\n", b"EVAL\r\n", b"DEL\r\n"))
                if mode == "hole_request" or (mode == "late_hole" and writes):
                    continue
                if mode == "error" or (mode == "write_error" and writes):
                    assert isinstance(self.proxy.arg, bytes)
                    self.client.sendall(self.proxy.arg + b"\r\n")
                    continue
                self.server.sendall(data)
        _close(self.server)

    def replies(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.server.recv(65_536):
                if self.silent:
                    continue
                self._reply(data, self.proxy.mode, self.proxy.arg)
        _close(self.client)

    def _reply(self, data: bytes, mode: str, arg: float | bytes) -> None:
        client = self.client
        if mode == "hole_reply":
            return
        if mode in {"latency", "late_hole", "one_late"}:
            assert isinstance(arg, float)
            if mode == "one_late":
                self.proxy.set("hole_reply")
            time.sleep(arg)
        elif mode in {"drop", "reset", "stall"}:
            client.sendall(data[: len(data) // 2])
            self.silent = True
            if mode == "drop":
                _close(client)
            elif mode == "reset":
                _reset(client)
            return
        elif mode == "trickle":
            assert isinstance(arg, float)
            for byte in data:
                client.sendall(bytes([byte]))
                time.sleep(arg)
            return
        elif mode == "flip":
            at = data.find(MARKER)
            if at >= 0:
                data = data[: at + 2] + bytes([data[at + 2] ^ 1]) + data[at + 3 :]
        elif mode == "garbage":
            data = os.urandom(len(data))
        elif mode == "extra":
            client.sendall(b"$5\r\nSTALE\r\n")
        client.sendall(data)


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()
