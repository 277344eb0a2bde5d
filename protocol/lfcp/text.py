"""Names, and text on its way to the wire or from it to people."""

import re

from lfcp.constants import MAX_NAME, SEND_MAX_FIELD, Reason
from lfcp.errors import ProtocolError

_NAME = re.compile(rf"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_.-]{{0,{MAX_NAME - 1}}}", re.ASCII)
_UNSENDABLE = re.compile(r"[^\x20-\x2b\x2d-\x7e]")

is_name = _NAME.fullmatch


def check_name(text: str) -> str:
    """The text, if it is a device's name. It ends up in file names and addresses (`*`, `@zone`): no exceptions."""
    if is_name(text) is None:
        raise ProtocolError(
            Reason.BAD_NAME,
            f"a name has 1 to {MAX_NAME} letters, digits, '_', '.' or '-', begins with a letter or digit, has no '..'",
        )
    return text


def sendable(text: str) -> bool:
    """Whether the text may be a field: printable ASCII without a comma, and not empty."""
    return text != "" and _UNSENDABLE.search(text) is None


def safe_text(text: str, limit: int = SEND_MAX_FIELD) -> str:
    """Any text made fit for a field of at most `limit` bytes; something is lost unless it was fit before."""
    return _UNSENDABLE.sub(_replacement, text[:limit]) or "-"


def _replacement(found: re.Match[str]) -> str:
    character = found.group()
    if character == ",":
        return ";"
    return " " if character.isspace() else "?"


def escape(text: str) -> str:
    """Text safe for a terminal or a log: control characters, bidi controls and all else that is not printable
    become \\xNN, \\uNNNN or \\UNNNNNNNN. A backslash stays as it is, so escaping twice changes nothing."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
