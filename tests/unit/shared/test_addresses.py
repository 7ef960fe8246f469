"""Which hosts may be connected to, in every way of writing them."""

from ipaddress import ip_network

import pytest

from shared.addresses import HostRefused, HostUnknown, Resolver, check_address

PUBLIC = "93.184.215.14"


def resolve_to(*addresses: str) -> Resolver:
    return lambda _host: addresses


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "0xa9.0xfe.0xa9.0xfe",
        "169.254.43518",
        "127.1",
        "017700000001",
        "[::1]",
        "fe80::1%eth0",
    ],
)
def test_link_local_metadata_and_odd_forms_are_refused(host: str) -> None:
    with pytest.raises(HostRefused):
        check_address(host, resolve=resolve_to(PUBLIC))


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "/var/run/postgresql",
        "@abstract",
        "a b",
        "host=x",
        "x,y",
        "a/b",
        "http://x",
        "x:5432",
        "user@x",
        "a..b",
        "-a",
        "x" * 64,
        ".".join(["x" * 60] * 5),
        "a\nb",
        "a\0b",
    ],
)
def test_what_is_no_name_is_refused(host: str) -> None:
    with pytest.raises(HostRefused):
        check_address(host, resolve=resolve_to(PUBLIC))


@pytest.mark.parametrize("host", ["db.example.com", "db", "db-1.internal.", "my_db", "xn--bcher-kva.example"])
def test_names_give_their_address(host: str) -> None:
    assert check_address(host, (), resolve_to(PUBLIC)) == PUBLIC


@pytest.mark.parametrize(
    "addresses", [("169.254.169.254",), (PUBLIC, "169.254.169.254"), ("::ffff:169.254.169.254",)]
)
def test_a_name_that_leads_to_a_refused_address_is_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(HostRefused):
        check_address("db.example.com", resolve=resolve_to(*addresses))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "::1", "fd12::1", "100.64.0.1"]
)
def test_private_networks_are_refused_unless_allowed(host: str) -> None:
    with pytest.raises(HostRefused, match="private"):
        check_address(host, (ip_network("203.0.113.0/24"),))
    assert check_address(host) == host


def test_an_allowed_network_opens_only_itself() -> None:
    loopback = (ip_network("127.0.0.0/8"),)
    assert check_address("127.0.0.1", loopback) == "127.0.0.1"
    assert check_address("localhost", loopback, resolve_to("127.0.0.1")) == "127.0.0.1"
    with pytest.raises(HostRefused):
        check_address("10.0.0.1", loopback)


def test_a_name_without_an_address_is_unknown() -> None:
    with pytest.raises(HostUnknown):
        check_address("db.example.com", resolve=resolve_to())
