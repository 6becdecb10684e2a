from __future__ import annotations

import pytest

from metier.core.errors import InputError
from metier.serving.auth.access import check_binding
from metier.serving.http import hosts


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"), ("LOCALHOST:8000", "localhost"), ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:8000", "::1"), ("[::1]", "::1"), ("expert.example.com", "expert.example.com"),
        ("", None), ("::1", None), ("[::1", None), ("a b", None), ("a:b", None), ("a:8000:1", None), ("a/b", None),
        ("localhost\n", None), ("evil.com@localhost", None), ("localhost:", None), ("ক.com", None),
    ],
)  # fmt: skip
def test_the_name_in_a_host_header(header, name):
    assert hosts.name_of(header) == name


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "::ffff:127.0.0.1", "127.1"])
def test_loopback_may_be_listened_on_without_keys(host):
    assert hosts.is_loopback(host)
    check_binding(host, has_keys=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "0", "192.0.2.7", "2001:db8::1", "10.0.0.1", "::ffff:0.0.0.0"])
def test_any_other_address_takes_keys(host):
    assert not hosts.is_loopback(host)
    with pytest.raises(InputError, match="metier keys create") as caught:
        check_binding(host, has_keys=False)
    assert caught.value.exit_code == 2
    check_binding(host, has_keys=True)


@pytest.mark.parametrize(
    ("addresses", "is_loopback"),
    [(["127.0.0.1", "::1"], True), (["127.0.0.1", "192.0.2.7"], False), (["192.0.2.7"], False)],
)
def test_a_name_is_what_it_resolves_to(monkeypatch, addresses, is_loopback):
    found = [(None, None, None, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(hosts.socket, "getaddrinfo", lambda *_args, **_options: found)
    assert hosts.is_loopback("workshop") is is_loopback


@pytest.mark.parametrize("host", ["no such host", "x" * 300, "\ud800", "ক" * 80])
def test_a_name_that_stands_for_nothing(host):
    with pytest.raises(InputError, match="no address to listen on"):
        check_binding(host, has_keys=False)
