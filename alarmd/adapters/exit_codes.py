"""What the process says as it ends. The numbers are those of sysexits.h, so that systemd and scripts know them."""

STOPPED = 0  # asked to stop, and stopped in order
WRONG_CONFIGURATION = 2  # also wrong usage; do not restart
UNAVAILABLE = 69  # an address is in use, or not ours to listen on
INTERNAL = 70  # a defect of the program
CANNOT_CREATE = 73  # the state directory cannot be made or written
STORAGE_FAILED = 74  # the database does not answer, is locked or owned by another process
UNUSABLE_DATA = 65  # the database is corrupt, or newer than the program; or server.key does not fit


class StartError(Exception):
    """The server cannot start. The text is one plain line for people; `code` is the exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
