"""Whom we trust when a mail server shows its certificate."""

import ssl
from pathlib import Path

import certifi

from digest.errors import SettingsError


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts the system's authorities, certifi's, and this file's. To read them takes some 80 ms.

    Raises:
        SettingsError: the file cannot be read.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())  # small containers have no authorities of their own
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"smtp.ca_file {ca_file} cannot be read as a certificate", next_step="name a PEM file"
            ) from error
    return context
