"""One server, its devices with their pictures, and somebody who replays what he recorded."""

from functools import partial

from alarmd.core.inputs import PictureReceived
from alarmd.core.paths import Path
from alarmd.core.records import Trigger
from alarmd.core.settings import PictureRoute, Settings
from lfcp.constants import Verb
from tests.simulation.device import SimulatedDevice
from tests.simulation.network import Network, Weather
from tests.simulation.server import SimulatedServer
from tests.simulation.world import World

SERVER = "A"
REPLAY_DELAY = 60.0  # s, on average
ATTACKER = Path("udp", "203.0.113.66", 6666, 1)
UPLOAD_AGAIN = 5.0  # s after which a picture that nobody acknowledged is sent once more
SETTINGS = Settings(stranger_burst=10_000.0, picture_routes=(PictureRoute("s3"),))


class OneServer(World):
    """devices: named cam0 and so on."""

    def __init__(self, seed: int, devices: int, weather: Weather, signed: bool = False) -> None:
        super().__init__(seed)
        self.network = Network(self, weather)
        self.server = SimulatedServer(self, self.network, SETTINGS, self._deliver)
        self.devices = [CameraDevice(self, number, signed) for number in range(devices)]
        self.server.start()

    def _deliver(self, _server: SimulatedServer, path: Path, payload: bytes) -> None:
        for device in self.devices:
            if device.host == path.host:
                arrive = partial(device.receive, SERVER, payload)
                self.network.transmit(SERVER, device.name, arrive, may_repeat=device.signed)


class CameraDevice(SimulatedDevice):
    """pictures: that were taken, by the ids of their uploads. kept: those that the server acknowledged."""

    def __init__(self, house: OneServer, number: int, signed: bool) -> None:
        self.house = house
        self.pictures: list[str] = []
        self.kept: list[str] = []
        servers = {SERVER: house.server.receive}
        super().__init__(house, house.network, f"cam{number}", f"192.0.2.{number + 1}", servers, signed)

    def reboot(self) -> None:
        if self.switched_off_at is None:
            self.pictures = list(self.kept)
        super().reboot()

    def say(self, verb: Verb) -> str | None:
        text = super().say(verb)
        if text is not None and verb == Verb.MOAL:
            self.pictures.append(f"{self.name}.{self.boots}.{len(self.sent)}")
            self._upload(self.pictures[-1])
        return text

    def leaves(self, server: str, frame: bytes) -> None:
        super().leaves(server, frame)
        self._replay(frame)

    def uploaded(self, upload: str) -> None:
        if self.switched_off_at is None and upload in self.pictures and upload not in self.kept:
            self.kept.append(upload)

    def _replay(self, frame: bytes) -> None:
        """Somebody on the path recorded it and plays it from his own address, soon or much later."""
        chance = self.world.random
        while chance.random() < self.network.weather.replays:
            delay = chance.expovariate(1 / REPLAY_DELAY)
            self.world.at(delay, partial(self.house.server.receive, frame, ATTACKER))

    def _upload(self, upload: str) -> None:
        """One at a time, the oldest first, until it is acknowledged."""
        if self.switched_off_at is not None or upload not in self.pictures or upload in self.kept:
            return
        if upload == next(one for one in self.pictures if one not in self.kept):
            self.network.transmit(self.name, SERVER, partial(self._arrived, upload), may_repeat=False)
        self.world.at(UPLOAD_AGAIN, partial(self._upload, upload))

    def _arrived(self, upload: str) -> None:
        """A picture that arrived whole and lies in the archive: acknowledged when the index has it, now or before."""
        server = self.house.server
        if not server.up:
            return
        wall = server.instant().wall
        what = upload, f"{upload:0>64}", 50_000, 640, 480
        key = f"{self.name}/{wall}-{upload}.jpg"
        picture = PictureReceived(self.name, key, None, wall, Trigger.ALARM, *what, was_announced=True)
        back = partial(self.uploaded, upload)
        server.handle(picture, lambda: self.network.transmit(SERVER, self.name, back, may_repeat=False))
