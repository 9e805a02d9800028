"""A Redis URL says where and as whom."""

import pytest
import trustme

from channels.redis_streams.address import Address, Credentials, parse_address, tls_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://host", Address((("host", 6379),), 0, "", "", "", False, "")),
        ("redis://u:p%40:x@h:1/3", Address((("h", 1),), 3, "u", "p@:x", "", False, "")),
        ("redis://:p@[::1]:1", Address((("::1", 1),), 0, "", "p", "", False, "")),
        ("rediss://h?ssl_ca_certs=/a/b", Address((("h", 6379),), 0, "", "", "", True, "/a/b")),
        ("redis+sentinel://a,b:1/s/2", Address((("a", 26379), ("b", 1)), 2, "", "", "s", False, "")),
        ("redis+cluster://u:p@a,b:1", Address((("a", 6379), ("b", 1)), 0, "u", "p", "", False, "", is_cluster=True)),
        ("rediss+cluster://a/0", Address((("a", 6379),), 0, "", "", "", True, "", is_cluster=True)),
        ("rediss+sentinel://u:p@a/s", Address((("a", 26379),), 0, "u", "p", "s", True, "")),
    ],
)
def test_a_url_is_read(url: str, expected: Address) -> None:
    """With its defaults, and escapes in what is secret."""
    assert expected == parse_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "h:6379",
        "redis://",
        "redis://h/x",
        "redis://h/1/2",
        "redis://a,b",
        "redis+sentinel://a",
        "redis://h:p",
        "redis+cluster://a/1",
        "redis+cluster://a/s",
        "redis+cluster://",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    """With a sentence, before anything is connected to."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse_address(url)


def test_an_address_is_told_without_its_password() -> None:
    """In logs."""
    assert "h:1" == parse_address("redis://u:secret@h:1/3").told
    assert "a:6379,b:1 (cluster)" == parse_address("redis+cluster://:secret@a,b:1").told
    assert "a:26379,b:1 (s)" == parse_address("redis+sentinel://:secret@a,b:1/s").told


def test_a_certificate_of_its_own_is_taken_with_its_key() -> None:
    """Where there is TLS; one that cannot be read is an error of the operating system's kind, as every fault of TLS."""
    authority = trustme.CA()
    own = authority.issue_cert("eventing")
    chain = b"".join(part.bytes() for part in own.cert_chain_pems).decode()
    credentials = Credentials(
        ca_pem=authority.cert_pem.bytes().decode(), certificate_pem=chain, key_pem=own.private_key_pem.bytes().decode()
    )
    assert tls_of(parse_address("redis://h"), credentials) is None
    assert tls_of(parse_address("rediss://h"), credentials) is not None
    assert "PRIVATE KEY" not in repr(credentials)
    with pytest.raises(OSError, match="PEM"):
        tls_of(parse_address("rediss://h"), Credentials(certificate_pem=chain, key_pem="none"))
