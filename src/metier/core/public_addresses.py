"""Which machines an address may lead to. A name is resolved once, and what was checked is what is connected to: a name
that leads elsewhere a moment later (DNS rebinding) gains nothing."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading

HOW = "Where that is meant, say so: `metier add --private`, or `private = true` for the source in metier.toml."
IP = ipaddress.IPv4Address | ipaddress.IPv6Address

_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out; else what stands in an address counts
# IPv6 addresses that lead to the IPv4 address in their bits, by how far those are from the end.
_EMBEDDING = {
    ipaddress.ip_network("::ffff:0:0/96"): 0,
    ipaddress.ip_network("::/96"): 0,
    ipaddress.ip_network("64:ff9b::/96"): 0,
    ipaddress.ip_network("2002::/16"): 80,
}
# What hands out a machine's own credentials to whoever asks from it: never a source of knowledge.
_METADATA = tuple(
    ipaddress.ip_network(each)
    for each in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)


class Refused(Exception):
    """It leads where it may not. Says where."""


def resolve(host: str, port: int, seconds: float, *, private: bool) -> list[str]:
    """IP addresses of `host` that may be connected to. `private`: those of this machine and of private networks too.
    Raises `Refused` where one of them may not be (a name that has both has no good reason), `OSError` where there is no
    such host, `TimeoutError` after `seconds`."""
    found = [ipaddress.ip_address(each) for each in _look_up(host, port, seconds)]
    for each in found:
        refuse(each, private=private)
    return [str(each) for each in found]


def number(host: str) -> IP | None:
    """The IP address that a host is written as, in any of the ways that systems take: 127.1, 0x7f000001. None: a
    name."""
    try:
        return ipaddress.ip_address(_numbers(host, 0, socket.AI_NUMERICHOST)[0])
    except OSError:
        return None


def refuse(address: IP, *, private: bool) -> None:
    """Raises `Refused` unless `address` may be connected to."""
    meant = _embedded(address)
    if any(meant in network for network in _METADATA if network.version == meant.version) or meant.is_multicast:
        raise Refused(f"leads to {meant}, which belongs to the machine itself and holds no pages")
    is_public = meant.is_global and (meant.version == 4 or meant in _UNICAST)
    if not is_public and not private:
        raise Refused(f"leads to {meant}, which is not on the public internet")


def _embedded(address: IP) -> IP:
    if isinstance(address, ipaddress.IPv6Address) and int(address) > 1:  # :: and ::1 are this machine
        for network, shift in _EMBEDDING.items():
            if address in network:
                return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return address


def _look_up(host: str, port: int, seconds: float) -> list[str]:
    """In a thread of its own: what resolves names knows no deadline."""
    said: queue.Queue[list[str] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            said.put(_numbers(host, port))
        except (OSError, UnicodeError) as error:
            said.put(error if isinstance(error, OSError) else OSError(f"{host} is no name of a host"))

    threading.Thread(target=ask, name="metier-resolve", daemon=True).start()
    try:
        found = said.get(timeout=max(0.0, seconds))
    except queue.Empty:
        raise TimeoutError(f"the name {host} was not resolved in time") from None
    if isinstance(found, OSError):
        raise found
    return found


def _numbers(host: str, port: int, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [str(each[4][0]).partition("%")[0] for each in found]
