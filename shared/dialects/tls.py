"""TLS contexts for what a connection's ssl_mode asks for."""

import ssl

from shared.dialects.base import ConnectionSettings


def tls_context(settings: ConnectionSettings) -> ssl.SSLContext:
    """Return a context that verifies what ssl_mode asks for, and nothing else."""
    if not settings.ssl_mode.startswith("verify"):
        return unverified_context()
    context = ssl.create_default_context(cadata=settings.ssl_ca)
    context.check_hostname = settings.ssl_mode == "verify-full"
    return context


def unverified_context() -> ssl.SSLContext:
    """Return a context that encrypts and believes any certificate."""
    # Not the default context with verification turned off: it spends 0.1 s on reading authorities for nothing.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
