"""Why nothing came back from a server, in words that an operator can use."""

import asyncio
import os
import socket
import ssl


def words_of(error: BaseException, timeout_s: float) -> str:
    """One line. Drivers wrap what the system said: the innermost cause says most."""
    cause = _innermost(error)
    if isinstance(cause, TimeoutError) or isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ConnectionResetError | BrokenPipeError | asyncio.IncompleteReadError):
        return "it closes the connection"
    if isinstance(cause, ssl.SSLError):
        return f"TLS fails: {cause.args[-1]}"
    if isinstance(cause, socket.gaierror):
        return f"its name is not known: {cause.strerror}"
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno)
    return str(cause) or str(error) or type(error).__name__


def _innermost(error: BaseException) -> BaseException:
    seen = [error]
    while (cause := seen[-1].__cause__ or seen[-1].__context__) is not None and cause not in seen:
        seen.append(cause)
    return next((one for one in reversed(seen) if isinstance(one, OSError) and str(one)), error)
