"""Why bytes are no frame, or would be none that may be sent."""

from lfcp.constants import Reason


class ProtocolError(Exception):
    """reason: a code that doubles as a metric label. detail: for people; free of parameters, which may be secret."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
