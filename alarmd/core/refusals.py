"""An operator's request that cannot be carried out, in words that name the field, the limit and the fix."""

UNAVAILABLE = "unavailable"  # the reason when nobody knows yet: it may take effect when the database is back
DEFECT = "defect"  # the rules failed on it


class RequestRefusedError(Exception):
    """reason: a code (unknown_device, unknown_zone, unknown_alarm, invalid, unsupported, queue_full, unavailable).
    field: the field of the request that is at fault. Raised before anything changed."""

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.message = message


class TurnSetAsideError(RequestRefusedError):
    """The database will never take what the request decided; to ask again is of no use."""

    def __init__(self) -> None:
        super().__init__(UNAVAILABLE, "", "the database refuses this; the server's log says more")
