"""Where a feed may be fetched from: the public internet, or the local address it was set to."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

import httpx2

from hedgerow.domain.errors import HedgerowError

_NAT64: Final = IPv6Network("64:ff9b::/96")
_THIS_MACHINE: Final = "localhost"
_LOW_32_BITS: Final = 0xFFFF_FFFF


@dataclass(eq=False)
class NotFetched(HedgerowError):
    """A feed that gave nothing; `problem` names neither its path nor its query."""

    problem: str


async def addresses_of(url: httpx2.URL, local_host: str | None) -> list[str]:
    """The addresses to fetch `url` from; raises NotFetched for a local one.

    They are looked up here, and connected to as they are, so that a name cannot mean a public
    address while it is looked at and a local one afterwards. `local_host` may be local.
    """
    if url.scheme not in {"http", "https"} or not url.host:
        raise NotFetched("leads to what is no http or https address")
    port = url.port or (443 if url.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotFetched("its name is not known") from error
    addresses = list(dict.fromkeys(str(place[4][0]).partition("%")[0] for place in found))
    if url.host != local_host and any(is_local(ip_address(each)) for each in addresses):
        raise NotFetched("leads to a local address")
    return addresses


def local_host_of(url: str) -> str | None:
    """The host of a URL that names a local address outright."""
    host = httpx2.URL(url).host
    try:
        return host if is_local(ip_address(host)) else None
    except ValueError:  # a name
        return host if host == _THIS_MACHINE else None


def is_local(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is not one of the public internet, however it is wrapped up."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & _LOW_32_BITS)
        if inner is not None:
            return is_local(inner)
    return not address.is_global or address.is_multicast
