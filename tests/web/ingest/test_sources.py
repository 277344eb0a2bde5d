import pytest

from alarmd.web.ingest.messages import UploadRefusedError
from alarmd.web.ingest.sources import Proxies, plain
from tests.web.ingest.post import SECRET, all_of, jpeg, post, said

PROXY = "192.0.2.1"
TRUSTED = Proxies(["192.0.2.0/28", "2001:db8::/64"])


def source(peer: str = PROXY, proxies: Proxies = TRUSTED, **headers: str) -> str:
    return proxies.source(peer, {name.replace("_", "-"): (value,) for name, value in headers.items()})


def test_nobody_is_believed_unless_the_operator_says_so() -> None:
    assert source(proxies=Proxies(), x_forwarded_for="198.51.100.7") == PROXY
    assert source("203.0.113.9", x_forwarded_for="198.51.100.7", forwarded="for=198.51.100.7") == "203.0.113.9"


@pytest.mark.parametrize(
    ("said_so", "expected"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("2001:db8:1::7", "2001:db8:1::7"),
        ("[2001:db8:1::7]:4711", "2001:db8:1::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.1, 198.51.100.7", "198.51.100.7"),  # what lies before the first stranger is that stranger's word
        ("198.51.100.7, 192.0.2.2", "198.51.100.7"),  # two proxies of ours
        ("198.51.100.7, unknown", PROXY),
        ("nonsense", PROXY),
        ("999.1.1.1", PROXY),
        ("", PROXY),
    ],
)
def test_a_trusted_proxy_is_believed_as_far_as_it_has_seen_itself(said_so: str, expected: str) -> None:
    assert source(x_forwarded_for=said_so) == expected


@pytest.mark.parametrize(
    ("said_so", "expected"),
    [
        ("for=198.51.100.7", "198.51.100.7"),
        ('proto=https;For="[2001:db8:1::7]:4711";by=x', "2001:db8:1::7"),
        ('for=10.0.0.1, for="198.51.100.7:80"', "198.51.100.7"),
        ("for=_hidden", PROXY),
        ("for=unknown", PROXY),
        ("proto=https", PROXY),
    ],
)
def test_rfc_7239_is_read_too(said_so: str, expected: str) -> None:
    assert source(forwarded=said_so) == expected


def test_two_headers_that_differ_are_refused() -> None:
    with pytest.raises(UploadRefusedError, match="let the proxy remove one"):
        source(forwarded="for=198.51.100.7", x_forwarded_for="198.51.100.8")
    assert source(forwarded="for=198.51.100.7", x_forwarded_for="198.51.100.7") == "198.51.100.7"


def test_addresses_are_written_as_the_rules_write_them() -> None:
    assert (plain("fe80::1%eth0"), plain("::ffff:192.0.2.1"), plain("nonsense")) == ("fe80::1", "192.0.2.1", "")


@pytest.mark.parametrize(("trusted", "expected"), [(("127.0.0.1/32",), "198.51.100.7"), ((), "127.0.0.1")])
def test_the_camera_s_address_is_that_which_the_proxy_tells(trusted: tuple[str, ...], expected: str) -> None:
    picture = jpeg()
    head = f"POST /u/{SECRET} HTTP/1.1\r\nX-Forwarded-For: 198.51.100.7\r\nContent-Length: {len(picture)}\r\n\r\n"
    with post(trusted=trusted) as office, office.connect() as sender:
        sender.sendall(head.encode() + picture)
        assert said(all_of(sender))[0] == 204
        assert office.asked_about == [expected]
