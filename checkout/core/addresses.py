"""Which addresses merchants' URLs may lead to: plain public unicast, and what is listed.

The list is our own because the flags of `ipaddress` are not made for this question: several
ranges that reach inside count as global there (6to4, NAT64, IPv4-compatible, site-local).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

USUAL_PORTS = frozenset((80, 443, 8080, 8443))
LONGEST_URL = 2048

# The special-purpose registries of IANA, as far as they touch what could be taken for public.
_REFUSED_IPV4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Global unicast is 2000::/3; everything outside (mapped, compatible, NAT64, unique local,
# link-local, site-local, multicast) is refused with it, and these inside.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_IPV6 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class BadUrl(ValueError):
    """A text that is not an address we could send to."""


@dataclass(frozen=True, slots=True)
class Target:
    """A web address, taken apart."""

    scheme: str
    host: str
    """In lower case and ASCII; an IPv6 address without brackets."""
    port: int
    path: str
    """With the query, percent-encoded."""


def parse_target(url: str) -> Target:
    """Take an http(s) URL apart. Raises BadUrl, whose message says what is wrong."""
    if len(url) > LONGEST_URL:
        raise BadUrl("it is too long")
    if any(letter.isspace() or not letter.isprintable() for letter in url) or "\\" in url:
        raise BadUrl("it contains blanks, control characters or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadUrl("it is not a web address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrl("it is not an http or https address")
    if "@" in parts.netloc:
        raise BadUrl("it contains a user name or password")
    if port == 0:
        raise BadUrl("it has no usable port")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return Target(
        scheme=parts.scheme,
        host=_host(parts.hostname, bracketed="[" in parts.netloc),
        port=port or (443 if parts.scheme == "https" else 80),
        path=f"{path}?{query}" if query else path,
    )


def _host(name: str, *, bracketed: bool) -> str:
    if bracketed:
        try:
            address = ipaddress.IPv6Address(name)
        except ValueError:
            address = None
        if address is None or address.scope_id is not None:
            raise BadUrl("its host is not an IPv6 address")
        return str(address)
    try:
        host = name.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise BadUrl("its host is not a name") from None
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise BadUrl("its host is not a name")
    if _NUMBER.fullmatch(host.rpartition(".")[2]) and literal_address(host) is None:
        # Resolvers read 127.1, 0x7f.0.0.1 and 2130706433 as addresses; nobody honest writes them.
        raise BadUrl("its host is not a plain IPv4 address")
    return host


def is_public(address: str) -> bool:
    """Whether an IP address is plain public unicast."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _REFUSED_IPV4)
    if parsed.scope_id is not None or parsed not in _GLOBAL_IPV6:
        return False
    return not any(parsed in network for network in _REFUSED_IPV6)


def literal_address(host: str) -> str | None:
    """The address that a host is, where it is one and no name to be resolved."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def is_listed(target: Target, address: str | None, private_targets: Sequence[str]) -> bool:
    """Whether the settings list this target: by host, host:port, address or network."""
    return any(_lists(entry, target, address) for entry in private_targets)


def _lists(entry: str, target: Target, address: str | None) -> bool:
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return _names(entry, target, address)
    if address is None:
        return False
    parsed = ipaddress.ip_address(address)
    return parsed.version == network.version and parsed in network


def _names(entry: str, target: Target, address: str | None) -> bool:
    host, port = entry.lower(), None
    head, colon, tail = entry.rpartition(":")
    if colon and tail.isascii() and tail.isdigit():
        host, port = head.lower(), int(tail)
    host = host.strip("[]")
    return host in (target.host, address) and port in (None, target.port)
