"""LFCP, the wire protocol of cameras and servers: pure functions and state, no I/O, no clock.

It needs the standard library only, but for sealing.py, which uses cryptography.

docs/protocol.md is the authority; ../verbs.toml is the table both are made from.
"""

from lfcp.candidates import Mapping
from lfcp.constants import VERBS, Leniency, Reason, Trigger, Verb
from lfcp.errors import ProtocolError
from lfcp.line_buffer import LineBuffer
from lfcp.messages import STRICT, TOLERANT, Message
from lfcp.reading import decode
from lfcp.report import Report, read_report, report_parameters
from lfcp.sequence_window import SequenceWindow
from lfcp.signed_fields import EventId
from lfcp.text import check_name, escape, safe_text
from lfcp.uploads import Part, body_length, part_parameters, picture_digest, read_part
from lfcp.verb_table import Direction, Port, VerbEntry
from lfcp.writing import encode, encode_rows, encode_signed

__all__ = [
    "STRICT",
    "TOLERANT",
    "VERBS",
    "Direction",
    "EventId",
    "Leniency",
    "LineBuffer",
    "Mapping",
    "Message",
    "Part",
    "Port",
    "ProtocolError",
    "Reason",
    "Report",
    "SequenceWindow",
    "Trigger",
    "Verb",
    "VerbEntry",
    "body_length",
    "check_name",
    "decode",
    "encode",
    "encode_rows",
    "encode_signed",
    "escape",
    "part_parameters",
    "picture_digest",
    "read_part",
    "read_report",
    "report_parameters",
    "safe_text",
]
