"""What CONF sets, and the digest by which a server sees whether a device has it: docs/protocol.md, "Digest"."""

import hashlib
import re
from collections.abc import Mapping

from lfcp.constants import DIGEST, SETTINGS, Reason
from lfcp.errors import ProtocolError
from lfcp.report import NO_DIGEST

_VALUE = re.compile(r"0|-?[1-9][0-9]{0,6}")


def check_setting(name: str, value: str) -> int:
    """The value, if the setting may have it. Raises ProtocolError, which names the limits."""
    setting = SETTINGS.get(name)
    if setting is None:
        raise ProtocolError(Reason.BAD_PARAMETER, f"the settings are {', '.join(SETTINGS)}")
    if _VALUE.fullmatch(value) is None or not setting.least <= int(value) <= setting.greatest:
        raise ProtocolError(Reason.BAD_PARAMETER, f"{name} is {setting.least} to {setting.greatest}")
    return int(value)


def digest(settings: Mapping[str, int]) -> str:
    """settings: what CONF gave the device, by name."""
    if not settings:
        return NO_DIGEST
    text = "".join(f"{name}={settings[name]}\n" for name in SETTINGS if name in settings)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGEST]
