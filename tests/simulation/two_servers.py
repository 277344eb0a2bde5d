"""Two servers, what links them, their devices and operators, and everything that a plan has happen to them."""

from collections.abc import Callable, Sequence
from functools import partial

from alarmd.core.paths import Path
from alarmd.core.records import Alarm, AlarmState, Arming
from alarmd.core.requests import (
    AlarmAcknowledged,
    AlarmCleared,
    ArmingRequested,
    CommandRequested,
    DeliveryDropped,
    DeviceAdopted,
    DeviceChanged,
    DeviceForgotten,
    KeyGiven,
    OperatorRequest,
    ZoneRequested,
)
from alarmd.core.settings import Pair, Route, Settings
from alarmd.storage.interface import DeliveryFilter, DeliveryState
from alarmd.storage.memory_reader import MemoryReader
from alarmd.storage.memory_store import MemoryStore
from lfcp.constants import KEY, Verb
from tests.simulation.device import SimulatedDevice
from tests.simulation.history import History, Witness
from tests.simulation.network import TELEGRAM, Network
from tests.simulation.peer_link import PeerLink
from tests.simulation.plan import BUSY, LABELS, Act, Plan
from tests.simulation.server import SimulatedServer
from tests.simulation.telegram import SimulatedTelegram, SimulatedVoice
from tests.simulation.world import World

REPORT_WITHIN = 30.0  # s
INTERVAL = 6.0  # s between heartbeats: within what that allows
MUTE = 20.0  # s
QUIET = 15.0  # s that end an incident
HEALING = 110.0  # s after everything in which nothing new happens
SET_UP = 2.0  # s; when the operator says which devices there are
BOOT_SPREAD = 5.0  # s


class TwoServers(World):
    """accepted: what operators asked for and were told is stored: when, where, what. befell: the acts that had any
    effect: a server that is down does not stand still."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.seed)
        self.plan = plan
        self.network = Network(self, plan.weather)
        self.telegram = SimulatedTelegram(self, plan.refuses, plan.lies)
        self.servers = {label: self._server(label) for label in LABELS}
        self.link = PeerLink(self, self.network, self.servers["B"], self.servers["A"])
        self.history = History()
        first, second = self.servers.values()
        for server, peer in ((first, second), (second, first)):
            server.company += [SimulatedVoice(server, self.network, self.telegram), Witness(self.history, server, peer)]
        self.accepted: list[tuple[float, str, OperatorRequest]] = []
        self.changes = 0  # of what is wanted of devices
        self.devices = [self._device(number, dialect) for number, dialect in enumerate(plan.devices)]
        self.befell: list[Act] = []
        self._acts: dict[str, Callable[[Act], bool | None]] = {
            name.removeprefix("_act_"): getattr(self, name) for name in dir(self) if name.startswith("_act_")
        }

    def live(self) -> "TwoServers":
        for server in self.servers.values():
            server.start()
        for device in self.devices:
            self.at(SET_UP, partial(self._introduce, device))
        for act in self.plan.acts:
            self.at(act.at, partial(self._act, act))
        self.run(BUSY + HEALING)
        return self

    def named(self, name: str) -> SimulatedDevice:
        return next(device for device in self.devices if device.name == name)

    def ask(self, label: str, request: OperatorRequest) -> None:
        """An operator at this server; one that is down or stands still hears nothing."""
        server = self.servers[label]
        if server.awake:
            self.note(f"the operator asks {label}: {request}")
            server.handle(request, lambda: self.accepted.append((self.now, label, request)))

    def _server(self, label: str) -> SimulatedServer:
        (peer,) = set(LABELS) - {label}
        settings = Settings(
            label,
            report_within=REPORT_WITHIN,
            failover_hysteresis=10.0,
            incident_quiet=QUIET,
            command_time_to_live=45.0,
            stranger_burst=10_000.0,
            routes=(Route(TELEGRAM, "op"),),
            pair=Pair(peer, self.plan.preferred),
        )
        return SimulatedServer(self, self.network, settings, self._deliver, self.plan.skew if label == "B" else 0.0)

    def _device(self, number: int, dialect: str) -> SimulatedDevice:
        servers = {label: server.receive for label, server in self.servers.items()}
        how = dialect == "signed", dialect == "reporting", INTERVAL, BOOT_SPREAD, self._acknowledged
        return SimulatedDevice(self, self.network, f"cam{number}", f"192.0.2.{number + 1}", servers, *how)

    def _deliver(self, server: SimulatedServer, path: Path, payload: bytes) -> None:
        for device in self.devices:
            if device.path.same_peer(path):
                arrive = partial(device.receive, server.label, payload)
                self.network.transmit(server.label, device.name, arrive, may_repeat=device.signed)

    def _acknowledged(self, label: str, text: str) -> None:
        """The device may forget it from now on."""
        stored = self.servers[label].store.tables.by_name["events"].kept.values()
        if not any(event.text == text for event in stored):
            self.history.unstored.append((self.now, label, text))

    def _introduce(self, device: SimulatedDevice) -> None:
        known = DeviceAdopted("op", device.name) if device.key is None else KeyGiven("op", device.name, device.key)
        self.ask(self.plan.preferred, known)

    def _act(self, act: Act) -> None:
        self.note(f"--- {act}")
        if self._acts[act.what](act) is not False:
            self.befell.append(act)

    # what devices do

    def _act_motion(self, act: Act) -> None:
        self.named(act.who).say(Verb.MOAL)

    def _act_log(self, act: Act) -> None:
        self.named(act.who).say(Verb.LOG)

    def _act_switch_off(self, act: Act) -> None:
        if self.named(act.who).switched_off_at is None:
            self.named(act.who).switch_off()

    def _act_reboot(self, act: Act) -> None:
        self.named(act.who).reboot()

    def _act_rebind(self, act: Act) -> None:
        """A device without a key would be taken to have restarted."""
        if self.named(act.who).signed:
            self.named(act.who).rebind()

    # what operators do

    def _act_command(self, act: Act) -> None:
        self.ask(act.whom, CommandRequested("op", act.who, Verb.TLGS))

    def _act_detector_on(self, act: Act) -> None:
        self._wish(act, Verb.ENAL)

    def _act_detector_off(self, act: Act) -> None:
        self._wish(act, Verb.DSAL)

    def _act_camera_off(self, act: Act) -> None:
        self._wish(act, Verb.SCAM)

    def _wish(self, act: Act, verb: Verb) -> None:
        self.changes += 1
        self.ask(act.whom, CommandRequested("op", act.who, verb))

    def _act_acknowledge(self, act: Act) -> None:
        for alarm in self._open_alarms(act.who)[:1]:
            self.ask(act.who, AlarmAcknowledged("op", alarm.id))

    def _act_clear(self, act: Act) -> None:
        for alarm in self._open_alarms(act.whom)[:1]:
            self.ask(act.whom, AlarmCleared("op", alarm.id))

    def _open_alarms(self, label: str) -> Sequence[Alarm]:
        """Those that the operator has not acknowledged there."""
        alarms = self.servers[label].engine.state.alarms.values()
        return [alarm for alarm in alarms if alarm.state is AlarmState.RAISED]

    def _act_arm(self, act: Act) -> None:
        self.ask(act.who, ArmingRequested("op", "*", Arming.ARMED))

    def _act_disarm(self, act: Act) -> None:
        self.ask(act.who, ArmingRequested("op", "*", Arming.DISARMED))

    def _act_mute(self, act: Act) -> None:
        self.ask(act.whom, DeviceChanged("op", act.who, muted=MUTE))

    def _act_move(self, act: Act) -> None:
        self.ask(act.whom, ZoneRequested("op", "yard", "home"))
        self.ask(act.whom, DeviceChanged("op", act.who, zone="yard"))

    def _act_renew_key(self, act: Act) -> None:
        """The device gets it by hand, some seconds later."""
        device = self.named(act.who)
        if device.key is None or device.switched_off_at is not None:
            return
        key = self.random.randbytes(KEY)
        self.ask(act.whom, KeyGiven("op", device.name, key, renew=True))
        self.at(5.0, partial(self._use_key, device, key))

    def _use_key(self, device: SimulatedDevice, key: bytes) -> None:
        if any(isinstance(one, KeyGiven) and one.key == key for _, _, one in self.accepted):
            device.key = key
            device.reboot()

    def _act_forget(self, act: Act) -> None:
        self.ask(act.whom, DeviceForgotten("op", act.who))

    def _act_drop(self, act: Act) -> None:
        waiting = MemoryReader(self.servers[act.whom].store).deliveries(DeliveryFilter((DeliveryState.PENDING,)))
        for one in waiting[:1]:
            self.ask(act.whom, DeliveryDropped("op", one.delivery.identity))

    # what goes wrong

    def _act_crash(self, act: Act) -> bool:
        server = self.servers[act.who]
        if server.up:
            server.crash()
            self.at(act.seconds, server.start)
            return True
        return False

    def _act_lose_disk(self, act: Act) -> bool:
        """The server is replaced by one that knows nothing."""
        crashed = self._act_crash(act)
        if crashed:
            self.servers[act.who].store = MemoryStore(act.who)
        return crashed

    def _act_stop(self, act: Act) -> bool:
        server = self.servers[act.who]
        if server.awake:
            server.stop()
            self.at(act.seconds, server.start)
            return True
        return False

    def _act_stall(self, act: Act) -> bool:
        server = self.servers[act.who]
        if server.up:
            server.stand_still(act.seconds)
        return server.up

    def _act_cut(self, act: Act) -> None:
        self._cut(act.who, act.whom, act.seconds)
        self._cut(act.whom, act.who, act.seconds)

    def _act_cut_one_way(self, act: Act) -> None:
        self._cut(act.who, act.whom, act.seconds)

    def _cut(self, source: str, target: str, seconds: float) -> None:
        self.network.cut(source, target)
        self.at(seconds, partial(self.network.mend, source, target))

    def _act_reset(self, _act: Act) -> None:
        self.link.reset()
