"""A device's camera and the servers that get its pictures."""

from collections.abc import Callable, Mapping

from alarmd.device.picture_line import Camera, PictureLine
from lfcp import Trigger, Verb
from lfcp.client import ClientEvent, ClientSession, CommandReceived

COMMANDS = frozenset({Verb.SNAP, Verb.LIVE})


class Pictures:
    """lines: one to each server; each has to run."""

    def __init__(
        self,
        camera: Camera,
        servers: Mapping[str, tuple[str, int]],
        session: ClientSession,
        heard: Callable[[ClientEvent], None],
    ) -> None:
        self._camera = camera
        self._session = session
        self.lines = {label: PictureLine(label, at, session, camera, heard) for label, at in servers.items()}

    async def upload(self, trigger: Trigger) -> bool:
        """Take a picture and let every server have it. False: too many wait already. Raises what taking it raises."""
        return self._offered(self._session.offer(await self._camera(), trigger))

    async def obey(self, command: CommandReceived) -> bool:
        """SNAP or LIVE. The same."""
        if command.verb == Verb.LIVE:
            self.lines[command.server].go_live(int(command.params[0]))
            return True
        picture, upload = await self._camera(), command.params[0]
        return self._offered(self._session.offer(picture, Trigger.COMMAND, upload, command.server))

    def _offered(self, offered: bool) -> bool:
        for line in self.lines.values():
            line.wake()
        return offered
