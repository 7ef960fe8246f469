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
        "fe80::1%25eth0",
        "127.0.0.1%eth0",
        "127.0.0.1.",
        "169.254.169.254.",
        "0xa9.254.0251.254",
        "0xA9FEA9FE",
        "0x",
        "00000000000251.0376.43518",
        "169.254.169.0376",
        "1.1.1.1.1",
        "256.1.1.1",
        "::ffff:0:169.254.169.254",
        "64:ff9b:1::a9fe:a9fe",
        "0:0:0:0:0:ffff:a9fe:a9fe",
        "168.63.129.16",
        "fd20:ce::254",
        "240.0.0.1",
        "127.0.0.1:5432",
        "::1%lo",
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
        "a\n",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "loc\u00adalhost",
        "%31%32%37.0.0.1",
        "x hostaddr=169.254.169.254",
        "x;y",
        "x\\y",
        "\\\\x\\pipe",
        "C:\\x",
        "./x",
        "~/x",
        "mysql.sock/",
        "unix:///x",
        "*",
        ".",
        "$HOME",
    ],
)
def test_what_is_no_name_is_refused(host: str) -> None:
    with pytest.raises(HostRefused):
        check_address(host, resolve=resolve_to(PUBLIC))


@pytest.mark.parametrize("host", ["db.example.com", "db", "db-1.internal.", "my_db", "xn--bcher-kva.example"])
def test_names_give_their_address(host: str) -> None:
    assert check_address(host, (), resolve_to(PUBLIC)) == PUBLIC


@pytest.mark.parametrize(
    "addresses",
    [
        ("169.254.169.254",),
        (PUBLIC, "169.254.169.254"),
        ("169.254.169.254", PUBLIC),
        (PUBLIC, "2001:4860:4860::8888", "fe80::1"),
        ("::ffff:169.254.169.254",),
        ("64:ff9b::a9fe:a9fe", PUBLIC),
        ("fe80::1%eth0",),
        ("0.0.0.0",),
        ("::",),
    ],
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


@pytest.mark.parametrize(
    "host",
    [
        "::ffff:10.1.2.3",
        "::ffff:7f00:1",
        "2002:0a01:0203::1",
        "64:ff9b::a01:203",
        "::10.1.2.3",
        "2002:7f00:1::",
        "fec0::1",
    ],
)
def test_a_private_address_that_ipv6_carries_is_that_address(host: str) -> None:
    with pytest.raises(HostRefused):
        check_address(host, (ip_network("fd00::/8"), ip_network("192.168.0.0/16")))


def test_the_forms_of_a_name_lead_to_the_same_question() -> None:
    for host in ("localhost", "localhost.", "LOCALHOST", "a.very.public.name.example"):
        with pytest.raises(HostRefused, match="private"):
            check_address(host, (), resolve_to("127.0.0.1"))


def test_a_name_is_asked_for_once() -> None:
    answers = iter([[PUBLIC], ["169.254.169.254"]])
    assert check_address("rebind.example.com", (), lambda _host: next(answers)) == PUBLIC


def test_an_allowed_network_opens_only_itself() -> None:
    loopback = (ip_network("127.0.0.0/8"),)
    assert check_address("127.0.0.1", loopback) == "127.0.0.1"
    assert check_address("localhost", loopback, resolve_to("127.0.0.1")) == "127.0.0.1"
    with pytest.raises(HostRefused):
        check_address("10.0.0.1", loopback)


def test_a_name_without_an_address_is_unknown() -> None:
    with pytest.raises(HostUnknown):
        check_address("db.example.com", resolve=resolve_to())
