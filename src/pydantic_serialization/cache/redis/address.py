"""Where Redis is: URLs of one server, of a Sentinel group and of a Cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

from pydantic_serialization._redis_url import check_scheme
from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT_PORTS = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_SENTINEL_OPTIONS = {"sentinel_username": "username", "sentinel_password": "password"}


class Address(NamedTuple):
    """Where Redis is, and how to log in.

    Attributes:
        kind: One server, a group that Sentinels watch over, or a Cluster.
        hosts: Of the server, of the Sentinels, or of nodes of the Cluster; empty for a socket in the file system.
        encrypted: Whether to use TLS.
        service: Name of the group that Sentinels know.
        options: Arguments of connections.
        sentinel_options: Arguments of connections to Sentinels.
    """

    kind: Literal["single", "sentinel", "cluster"]
    hosts: tuple[tuple[str, int], ...]
    encrypted: bool
    service: str
    options: dict[str, Any]
    sentinel_options: dict[str, Any]

    @property
    def where(self) -> str:
        """The hosts, as one writes them in a URL, without what is secret in it."""
        return ",".join(f"{f'[{host}]' if ':' in host else host}:{port}" for host, port in self.hosts) or "unix socket"


def parse_address(url: str, parse_url: Callable[[str], Any]) -> Address:
    """Return what a URL says.

    Args:
        url: ``redis://[user:password@]host[:port][/db][?option=value]``, ``rediss://`` for TLS, ``unix://path``;
            ``redis+sentinel://[user:password@]host[:port][,host...]/service[/db]``; ``redis+cluster://host[,host...]``.
        parse_url: redis-py's reader of URLs of one server, which knows the options.

    Raises:
        ConfigurationError: it says something else. The message does not repeat it: it may hold a password.
    """
    check_scheme(url)
    scheme, _, rest = url.partition("://")
    kind = "sentinel" if "sentinel" in scheme else "cluster" if "cluster" in scheme else "single"
    encrypted = scheme.startswith("rediss")
    if scheme == "unix":
        return Address("single", (), False, "", _options(url, parse_url), {})
    rest, _, query = rest.partition("?")
    login, at, places = rest.rpartition("@")
    authority, _, path = places.partition("/")
    hosts = tuple(_host(host, _DEFAULT_PORTS[kind]) for host in authority.split(","))
    if kind == "single" and len(hosts) > 1:
        message = "redis_url names several hosts: use redis+cluster:// or redis+sentinel://"
        raise ConfigurationError(message)
    arguments = dict(parse_qsl(query, keep_blank_values=True))
    service = ""
    if kind == "sentinel":
        service, _, path = unquote(path).partition("/")
        service = arguments.pop("service_name", service)
        if not service:
            message = (
                "redis_url names no service: redis+sentinel://host:26379/SERVICE, as in the Sentinels' configuration"
            )
            raise ConfigurationError(message)
    elif kind == "cluster" and path.strip("/") not in {"", "0"}:
        message = "redis_url names a database, and a Redis Cluster has only number 0"
        raise ConfigurationError(message)
    sentinel_options = {
        name: arguments.pop(option) for option, name in _SENTINEL_OPTIONS.items() if option in arguments
    }
    # What is left is a URL of one server.
    plain = f"redis://{login}{at}localhost/{path}{'?' if arguments else ''}{urlencode(arguments)}"
    options = _options(plain, parse_url)
    options.pop("host", None)
    if kind == "cluster":
        options.pop("db", None)
    return Address(kind, hosts, encrypted, service, options, sentinel_options)  # type: ignore[arg-type]


def _options(url: str, parse_url: Callable[[str], Any]) -> dict[str, Any]:
    try:
        options = dict(parse_url(url))
    except ValueError as error:
        # redis-py's messages name the option and not its value, except for those about ports.
        message = "an option in redis_url has a value that cannot be"
        raise ConfigurationError(message) from (error if "port" not in str(error).lower() else None)
    options.pop("connection_class", None)
    if "protocol" in options:  # a text before version 8 of redis-py
        options["protocol"] = int(options["protocol"])
    return options


def _host(text: str, default: int) -> tuple[str, int]:
    host, port = text, ""
    if text.startswith("["):  # an IPv6 address
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif ":" in text:
        host, _, port = text.rpartition(":")
    if port and not port.isdecimal():
        message = "redis_url holds a port that is no number"
        raise ConfigurationError(message)
    return unquote(host) or "localhost", int(port) if port else default
