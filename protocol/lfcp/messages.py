"""What a frame says once it is read."""

from typing import NamedTuple

from lfcp.authenticator import Signature
from lfcp.constants import PARAMETERS, Leniency

STRICT: frozenset[Leniency] = frozenset()  # LFCP/1 by the book
TOLERANT: frozenset[Leniency] = frozenset(Leniency)  # whatever a device in the field is known to send

UNUSED = "0"
NO_PARAMETERS = (UNUSED,) * PARAMETERS


class Message(NamedTuple):
    """Every field is printable text without a comma."""

    name: str  # always the device's, also in a server's frame
    verb: str  # empty or unknown when a leniency allowed it
    params: tuple[str, ...]  # always six; unused is "0"
    leniencies: frozenset[Leniency]  # those that were needed to read it
    signature: Signature | None = None  # what the frame claims, not verified: see authenticator.verified()

    @property
    def text(self) -> str:
        """The first parameter that is used, or ''."""
        first = self.params[0]
        if first not in (UNUSED, ""):
            return first
        return next((param for param in self.params if param not in (UNUSED, "")), "")
