"""A device's key as this server uses it: sub-keys made when they are first needed. Nothing of it ever shows."""

from lfcp.authenticator import PreparedKey, Purpose, Way, derive


class SubKeys:
    """Of one key of a device and this server's label."""

    __slots__ = ("_label", "_secret", "_tag_down", "_tag_up", "epoch")

    def __init__(self, epoch: int, secret: bytes, label: str) -> None:
        self.epoch = epoch
        self._secret = secret
        self._label = label
        self._tag_up: PreparedKey | None = None
        self._tag_down: PreparedKey | None = None

    def __repr__(self) -> str:
        return f"SubKeys(epoch={self.epoch})"

    @property
    def tag_up(self) -> PreparedKey:
        """Made late: for most of a large fleet it would be made for nothing at a start."""
        if self._tag_up is None:
            self._tag_up = PreparedKey(derive(self._secret, Purpose.TAG, Way.UP, self._label))
        return self._tag_up

    @property
    def tag_down(self) -> PreparedKey:
        if self._tag_down is None:
            self._tag_down = PreparedKey(derive(self._secret, Purpose.TAG, Way.DOWN, self._label))
        return self._tag_down

    @property
    def seal_down(self) -> bytes:
        """Seldom needed, so it is not kept."""
        return derive(self._secret, Purpose.SEAL, Way.DOWN, self._label)
