"""The pair's certificates as TLS uses them: only the two servers of a pair ever get through a handshake."""

from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.ssl import Certificate, CertificateOptions, TLSVersion

from alarmd.adapters.exit_codes import UNUSABLE_DATA, StartError
from alarmd.adapters.peer.certificates import PairFiles


def context_of(files: PairFiles) -> CertificateOptions:
    """TLS 1.3, and a certificate of this pair's authority from the other side too. Raises StartError."""
    try:
        authority = Certificate.loadPEM(files.authority.read_bytes())
        key = load_pem_private_key(files.key.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        return CertificateOptions(
            privateKey=cast(Any, key),  # Twisted's types name what pyOpenSSL no longer wants
            certificate=cast(Any, certificate),
            trustRoot=authority,
            raiseMinimumTo=TLSVersion.TLSv1_3,
        )
    except (OSError, ValueError, SSL.Error) as error:
        raise StartError(
            UNUSABLE_DATA,
            f"the certificates in {files.key.parent} cannot be used ({type(error).__name__}): make the pair anew with "
            "`alarmd peer init --renew` and `alarmd peer join`",
        ) from None


def name_in(certificate: x509.Certificate) -> str:
    """The DNS name that it is made out to; empty: none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return ",".join(names.get_values_for_type(x509.DNSName))
