"""What one server of a pair gives to the other, once: one text with all that the other needs. It is a secret."""

import json
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from alarmd.adapters.peer.authority import Papers, name_of
from alarmd.adapters.peer.certificates import PAIR_KEY

FORMAT = 1
LIFE = timedelta(days=7)
MAX_TEXT = 16_384  # characters


class InvitationError(Exception):
    """One line for people, without anything secret."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """identity: of the pair. label: of who invites, at `address`. invited: of who is. expires_at: wall s."""

    identity: str
    label: str
    invited: str
    address: tuple[str, int]
    expires_at: int
    papers: Papers = field(repr=False)
    pair_key: bytes = field(repr=False)


def as_text(invitation: Invitation) -> str:
    """base64url without padding, one line."""
    said = {
        "format": FORMAT,
        "pair": invitation.identity,
        "from": invitation.label,
        "to": invitation.invited,
        "address": invitation.address,
        "expires": invitation.expires_at,
        "authority": invitation.papers.authority.decode(),
        "certificate": invitation.papers.certificate.decode(),
        "key": invitation.papers.key.decode(),
        "pair_key": b64encode(invitation.pair_key).decode(),
    }
    return urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def from_text(text: str) -> Invitation:
    """Blanks and line ends that a terminal put in do no harm. Raises InvitationError."""
    packed = "".join(text.split())
    if len(packed) > MAX_TEXT:
        raise InvitationError(f"this is no invitation: it has more than {MAX_TEXT} characters")
    try:
        said = json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        if said["format"] != FORMAT:
            raise InvitationError("this invitation is of another version of alarmd: install the same on both machines")
        invitation = _read(said)
        _require_sound(invitation)
    except (ValueError, KeyError, TypeError, AttributeError, x509.ExtensionNotFound, InvalidSignature):
        raise InvitationError(
            "this is no invitation, or not the whole of one: copy the line that `alarmd peer init` printed"
        ) from None
    return invitation


def _read(said: dict[str, Any]) -> Invitation:
    host, port = said["address"]
    papers = Papers(said["certificate"].encode(), said["authority"].encode(), said["key"].encode())
    return Invitation(
        str(said["pair"]),
        str(said["from"]),
        str(said["to"]),
        (str(host), int(port)),
        int(said["expires"]),
        papers,
        b64decode(said["pair_key"]),
    )


def _require_sound(invitation: Invitation) -> None:
    """Raises ValueError, TypeError or InvalidSignature: better here than at every handshake from then on."""
    authority = x509.load_pem_x509_certificate(invitation.papers.authority)
    certificate = x509.load_pem_x509_certificate(invitation.papers.certificate)
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    key = load_pem_private_key(invitation.papers.key, None)
    if key.public_key() != certificate.public_key() or len(invitation.pair_key) != PAIR_KEY:
        raise ValueError
    if name_of(invitation.invited) not in names.get_values_for_type(x509.DNSName):
        raise ValueError
