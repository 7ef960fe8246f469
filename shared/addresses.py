"""Which hosts the engine connects to: names and addresses, never paths, link-local or metadata services.

A name is resolved once, here, and the address found is the one connected to, so that a name which
changes its answer between the check and the connect gains nothing.
"""

import contextlib
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from shared.errors import ConfigError, TransientError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str], Sequence[str]]

ANY_PRIVATE: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?\Z")
# Cloud metadata services that are not link-local: Alibaba, Oracle, Azure; AWS, Google, Scaleway over IPv6.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        *("100.100.100.200", "192.0.0.192", "168.63.129.16"),
        *("fd00:ec2::254", "fd20:ce::254", "fd00:42::42"),
    )
)
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)\Z")


class HostRefused(ConfigError):
    """The host may not be connected to."""

    code = "host_refused"


class HostUnknown(TransientError):
    """The name has no address at present."""

    code = "host_unknown"


def resolve_name(host: str) -> Sequence[str]:
    """Return the addresses of a name, as the operating system gives them."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise HostUnknown(f"the name {host!r} is not known", loc=("host",)) from error
    return [str(entry[4][0]) for entry in found]


def check_address(
    host: str, allowed_private: Sequence[Network] = ANY_PRIVATE, resolve: Resolver = resolve_name
) -> str:
    """Return the address to connect to for a host name or address.

    Every address that the name has must be allowed; private and loopback ones only inside `allowed_private`.
    Raises HostRefused, HostUnknown.
    """
    addresses = [_literal(host)] if _is_literal(host) else _resolved(host, resolve)
    for address in addresses:
        _check(host, address, allowed_private)
    return str(addresses[0])


def _is_literal(host: str) -> bool:
    return ":" in host or _looks_numeric(host)


def _looks_numeric(host: str) -> bool:
    # inet_aton takes decimal, octal, hexadecimal and short forms: all of them are refused but the plain one.
    return _NUMBER.match(host.rstrip(".").rsplit(".", 1)[-1]) is not None


def _literal(host: str) -> Address:
    address = None
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
    if address is None or "%" in host:  # a zone belongs to link-local addresses
        raise HostRefused(
            "the host is no plain IPv4 or IPv6 address; legal: a name, 192.0.2.1, 2001:db8::1", loc=("host",)
        )
    return address


def _resolved(host: str, resolve: Resolver) -> list[Address]:
    if not _NAME.match(host):
        raise HostRefused("the host must be a name or an address, nothing else", loc=("host",))
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in resolve(host)]
    if not addresses:
        raise HostUnknown(f"the name {host!r} has no address", loc=("host",))
    return sorted(addresses, key=lambda address: address.version)


def _check(host: str, address: Address, allowed_private: Sequence[Network]) -> None:
    plain = _embedded(address)
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified or plain in _METADATA:
        raise HostRefused(f"the host {host!r} is a link-local or metadata address", loc=("host",))
    if plain.is_reserved and not plain.is_loopback:
        raise HostRefused(f"the host {host!r} is a reserved address", loc=("host",))
    private = not plain.is_global or (isinstance(plain, IPv6Address) and plain.is_site_local)
    if private and not any(
        plain.version == network.version and plain in network for network in allowed_private
    ):
        raise HostRefused(
            f"the host {host!r} is in a private network that is not allowed here", loc=("host",)
        )


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one carries (mapped, compatible, 6to4, NAT64), or itself."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and (address in IPv6Network("64:ff9b::/96") or 1 < int(address) < 2**32):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address
