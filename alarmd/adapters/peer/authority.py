"""The certificates of a pair of servers: an authority of its own signs two and is forgotten (RFC 5280).

Its key is never written anywhere, so nobody can ever make a third: whoever is to take part anew gets a new pair.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=20 * 365)
SINCE = datetime(1970, 1, 1, tzinfo=UTC)  # a machine whose clock is not set yet must find its peer all the same
DOMAIN = "alarmd.internal"  # .internal is nobody's on the internet (ICANN, 2024)


@dataclass(frozen=True, slots=True)
class Papers:
    """One server's. PEM, the key as PKCS #8 without a passphrase. authority: the certificate that both trust."""

    certificate: bytes
    authority: bytes
    key: bytes = field(repr=False)


def name_of(label: str) -> str:
    """The DNS name in the certificate of the server with this label; nobody looks it up."""
    return f"{label.lower()}.{DOMAIN}"


def issue(labels: tuple[str, str]) -> tuple[Papers, Papers]:
    """Papers for two servers that trust each other and nobody else. ECDSA on P-256, good for 20 years."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"alarmd pair {labels[0]} and {labels[1]}")])
    authority = _sign_authority(name, key)
    first, second = (_papers(label, authority, key) for label in labels)
    return first, second


def _sign_authority(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    builder = _builder(name, name, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(_usage(signs_certificates=True), critical=True).sign(key, SHA256())


def _papers(label: str, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey) -> Papers:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name_of(label))])
    builder = _builder(name, authority.subject, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name_of(label))]), critical=False)
    both_ways = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    signed = builder.add_extension(both_ways, critical=False).sign(authority_key, SHA256())
    return Papers(
        signed.public_bytes(Encoding.PEM),
        authority.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(SINCE).not_valid_after(datetime.now(UTC) + LIFE)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
