"""Where webhooks may go."""

from ipaddress import ip_address

import pytest

from notifier.webhooks.target import read, refusal

INSIDE = """
127.0.0.1 127.8.8.8 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.254 192.168.0.1 192.168.255.255
169.254.169.254 169.254.0.1 100.64.0.1 100.100.100.200 100.127.255.255 192.0.0.1 192.0.0.9 192.0.0.192 192.0.2.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::ffff:127.0.0.1 ::ffff:93.184.215.14 ::ffff:10.0.0.1 ::93.184.215.14 fe80::1 febf::1 fec0::1 fc00::1 fd12::1
ff02::1 ff0e::1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378::1
2001:10::1 2001:db8::1 2002:7f00:1::1 2002:5db8:d70e::1 3fff::1 4000::1 5f00::1
""".split()

PUBLIC = """
93.184.215.14 1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.167.255.255 192.169.0.1
168.63.129.15 198.17.255.255 198.20.0.1 223.255.255.255
2606:4700:4700::1111 2a00:1450:4001:82a::200e 2001:4860:4860::8888 2001:200::1 64:ff9b::5db8:d70e
""".split()


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_but_a_public_one_is_called(address: str) -> None:
    assert refusal(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_called(address: str) -> None:
    assert refusal(ip_address(address)) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example/hook", "must start with https://"),
        ("ftp://shop.example/hook", "must be an address like"),
        ("https:///hook", "must be an address like"),
        ("https://jane@shop.example/", "user name or password"),
        ("https://jane:secret@shop.example/", "user name or password"),
        ("https://shop.example/#part", "after #"),
        ("https://shop.example:0/", "port 0"),
        ("https://localhost/", "inside a network"),
        ("https://LOCALHOST./", "inside a network"),
        ("https://till/", "inside a network"),
        ("https://till.local/", "inside a network"),
        ("https://a.b.internal/", "inside a network"),
        ("https://127.0.0.1/", "is no public address"),
        ("https://[::1]:8443/", "is no public address"),
        ("https://[::ffff:10.0.0.1]/", "written as IPv6"),
        ("https://169.254.169.254/latest/meta-data", "is no public address"),
        ("https://224.0.0.1/", "multicast"),
    ],
)
def test_a_bad_url_is_refused_in_words(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        read(url, private=False)
    assert "secret" not in str(refused.value)


def test_a_good_url_is_taken_apart() -> None:
    target = read("https://shop.example/hooks/in?a=1&b=%20", private=False)
    assert (target.host, target.port, target.path) == ("shop.example", 443, "/hooks/in?a=1&b=%20")
    assert target.authority == "shop.example"
    assert read("https://shop.example:8443", private=False).authority == "shop.example:8443"
    assert read("https://[2606:4700::1111]:8443/", private=False).authority == "[2606:4700::1111]:8443"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/", "http://localhost/", "https://10.0.0.1/", "http://till/"]
)
def test_in_development_the_own_machine_and_network_are_good(url: str) -> None:
    read(url, private=True)


@pytest.mark.parametrize("url", ["http://a:b@localhost/", "http://localhost:0/", "ftp://localhost/"])
def test_in_development_a_url_must_still_make_sense(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        read(url, private=True)
