import errno
import socket
import ssl

import pytest

from eventing.doctor.fault import words_of


def caused(error: BaseException, cause: BaseException) -> BaseException:
    """As a driver raises it."""
    error.__cause__ = cause
    return error


VERIFY = ssl.SSLCertVerificationError(1, "x")
VERIFY.verify_message = "self-signed"
CASES = {
    "no answer within 2 s": TimeoutError(),
    "Connection refused": ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"),
    "No route to host": caused(RuntimeError("driver"), OSError(errno.EHOSTUNREACH, "x")),
    "its name is not known: unknown": socket.gaierror(-2, "unknown"),
    "it closes the connection": ConnectionResetError(),
    "its certificate is not trusted: self-signed": VERIFY,
    "TLS fails: wrong version": ssl.SSLError(1, "wrong version"),
    "driver": RuntimeError("driver"),
    "RuntimeError": RuntimeError(),
}


@pytest.mark.parametrize("words", CASES)
def test_the_systems_own_words_are_told(words: str) -> None:
    """Drivers wrap them."""
    assert words == words_of(CASES[words], 2.0)
