"""Why a frame that could be read is refused all the same; beside the reason codes of lfcp, metric labels too."""

from enum import StrEnum


class Rejection(StrEnum):
    UNKNOWN_DEVICE = "unknown_device"  # unknown_devices = "reject", or a frame that introduces nobody
    STRANGER_RATE = "stranger_rate"  # too many new names from one address
    TABLE_FULL = "table_full"  # no place for another device that nobody adopted
    DEVICE_RATE = "device_rate"  # one device sends more messages than are kept
    STRANGERS_RATE = "strangers_rate"  # all devices nobody adopted together
    NO_ROOM = "no_room"  # the database lags behind, or too many alarms are open
    WRONG_DIRECTION = "wrong_direction"  # a verb that only the server sends
    NOT_BY_THE_BOOK = "not_by_the_book"  # a device of dialect lfcp1 deviates from LFCP/1
    NO_KEY = "no_key"  # signed, and we have no key for this name
    BAD_TAG = "bad_tag"
    REPLAYED = "replayed"  # its counter was seen, or is too old
    UNSIGNED = "unsigned"  # the device signs, and this frame is not signed
    BAD_FIELDS = "bad_fields"  # a parameter is not of its form: of FRAM, or of a frame whose tag is right
    TCP_ONLY = "tcp_only"  # a picture announced in a datagram
    NOT_OF_OPERATOR = "not_of_operator"  # an operator's machine says what only a device may
    NO_SESSION = "no_session"  # a tunnel datagram of no session, or not from the proven path of a side
    BAD_SEAL = "bad_seal"  # or one that its side did not seal
    UNREACHED = "unreached"  # or whose other side has no proven path
    RELAY_RATE = "relay_rate"  # or more than a session may have relayed
    BEACON = "beacon"  # a bare name from nobody we know
