"""The certificate of a listener, read again when its files change."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from gateway.errors import ConfigError

log = logging.getLogger("helpgate.smtp")

_Stamp = tuple[int, int, int]


class Certificate:
    """A server certificate and its key, PEM, TLS 1.2 or newer (RFC 8996)."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        try:
            self._stamps = self._look()
            self._context = self._read()
        except (OSError, ssl.SSLError) as error:
            problem = f"the certificate cannot be used with its key ({type(error).__name__}: {error})"
            raise ConfigError("[smtp] tls_certificate", problem) from error

    def context(self) -> ssl.SSLContext:
        """The context for a new handshake. Connections that stand keep theirs.

        A certificate that is being renewed may for a moment not fit its key: the old one serves meanwhile.
        """
        try:
            stamps = self._look()
            if stamps != self._stamps:
                self._context = self._read()
                self._stamps = stamps
        except (OSError, ssl.SSLError):
            log.warning("the new TLS certificate cannot be read yet, the old one stays in use", exc_info=True)
        return self._context

    def _look(self) -> tuple[_Stamp, _Stamp]:
        return _stamp(self._certificate), _stamp(self._key)

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        return context


def _stamp(file: Path) -> _Stamp:
    found = file.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size
