"""Addresses and names of hosts: which of them are this machine and nothing else."""

from __future__ import annotations

import ipaddress
import re
import socket

from metier.core.errors import InputError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADER = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?")


def name_of(header: str) -> str | None:
    """The name or address in a Host header, in small letters and without port; None where it makes no sense."""
    found = _HEADER.fullmatch(header.lower())
    return (found[1] or found[2]) if found else None


def is_address(name: str) -> bool:
    """Whether it is an IP address, not a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback_name(name: str | None) -> bool:
    """Whether a name asked for can be this machine only, whatever a name server says."""
    return name is not None and (name in LOOPBACK_NAMES or is_loopback_address(name))


def is_loopback_address(address: str) -> bool:
    """False for what is no address, too."""
    if not is_address(address):
        return False
    found = ipaddress.ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def is_wildcard(host: str) -> bool:
    """Whether listening on `host` means listening on every address of the machine."""
    return host == "" or (is_address(host) and ipaddress.ip_address(host).is_unspecified)


def is_loopback(host: str) -> bool:
    """Whether listening on `host` can be reached from this machine only. A name is resolved, and all it stands for must
    be loopback. Raises `InputError` where it stands for nothing."""
    if is_wildcard(host):
        return False
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"there is no address to listen on: {reason}",
            where=host,
            hint="Give an address of this machine, e.g. --host 127.0.0.1.",
        ) from None
    return all(is_loopback_address(str(address[0])) for *_, address in found)
