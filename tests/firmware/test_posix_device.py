"""lfcp-device against servers on real sockets: the real one, without a key and with one, and one that tests command."""

import itertools
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from lfcp import Verb
from lfcp.constants import FAILOVER_MISSES
from tests.firmware.running_device import KEY, NAME, Camera, running, signed
from tests.firmware.signing_server import SigningServer, signing_server
from tests.needs import need
from tests.serving import LOOPBACK, Served, served
from tests.waiting import LIMIT, wait_until

TOKEN = "123456:AA-secret_token"


# Without a key, against the real server.


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_real_server_sees_hears_and_commands_it(lfcp_device: Path, tmp_path: Path, transport: str) -> None:
    camera = Camera(tmp_path, "one.jpg", "two.jpg", "not_one.txt")
    transport_option = ["--tcp"] if transport == "tcp" else []
    with served(tmp_path) as alarmd:
        address = f"A={LOOPBACK}:{alarmd.lfcp_port}"
        options = ("--name", NAME, "--server", address, "--interval", "1", *camera.options, *transport_option)
        with running(lfcp_device, tmp_path, *options) as device:
            device.wait_for("answered A")
            (seen,) = alarmd.told("devices")["devices"]
            assert seen["name"] == NAME

            device.order("motion garden_gate")
            device.wait_for("stored A MOAL 1")
            (alarm,) = alarmd.told("alarms")["alarms"]
            assert (alarm["device"], alarm["text"], alarm["state"]) == (NAME, "garden_gate", "raised")

            alarmd.ask(b"cam1,TLGS", alarmd.operator_port)
            device.wait_for("done TLGS")
            assert camera.runs == ["command two.jpg cam1 - - - -"]  # the motion had the first
            wait_until(lambda: alarmd.told("events", "--kind", "command_finished")["events"], "the command's outcome")

            assert device.stop() == 0


def test_it_obeys_alarms_off_and_on(lfcp_device: Path, tmp_path: Path) -> None:
    with served(tmp_path) as alarmd:
        options = ("--name", NAME, "--server", f"A={LOOPBACK}:{alarmd.lfcp_port}", "--interval", "1")
        with running(lfcp_device, tmp_path, *options) as device:
            device.wait_for("answered A")
            alarmd.ask(b"cam1,DSAL", alarmd.operator_port)
            device.wait_for("detector off")
            device.order("motion unseen")
            device.wait_for("not seen")
            alarmd.ask(b"cam1,ENAL", alarmd.operator_port)
            device.wait_for("detector on")
            assert alarmd.told("alarms")["alarms"] == []


@pytest.mark.parametrize("ending", [b"", b"x" * 2000], ids=["closes", "sends a line without end"])
def test_a_broken_tcp_connection_is_made_anew(lfcp_device: Path, tmp_path: Path, ending: bytes) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.settimeout(LIMIT)
        options = ("--name", NAME, "--server", f"A={LOOPBACK}:{listener.getsockname()[1]}", "--tcp", "--interval", "1")
        with running(lfcp_device, tmp_path, *options) as device:
            for connection in range(3):
                peer, _ = listener.accept()
                peer.settimeout(LIMIT)
                with peer, peer.makefile("rb") as lines:
                    assert lines.readline().startswith(b"cam1,HEARTBEAT,2,1,")
                    peer.sendall(b"cam1,ACK,0,0,0,26,0,0\r\n" + ending)
                    device.wait_for("answered A", connection + 1)
                    if ending:
                        with suppress(ConnectionResetError):  # a reset is an end too
                            lines.read()


# With a key, against the real server.


def keyed(alarmd: Served, directory: Path) -> tuple[str, ...]:
    """Options of a device that the server just gave a key to."""
    key = directory / "cam1.key"
    alarmd.command("device", "add", NAME, "--key-file", str(key))
    address = f"A={LOOPBACK}:{alarmd.lfcp_port}"
    return ("--name", NAME, "--server", address, "--key-file", str(key), "--state", str(directory / "device"))


def test_a_device_with_a_key_of_the_real_server_is_commanded_at_once(lfcp_device: Path, tmp_path: Path) -> None:
    camera = Camera(tmp_path, "one.jpg")
    with (
        served(tmp_path) as alarmd,
        running(lfcp_device, tmp_path, *keyed(alarmd, tmp_path), *camera.options) as device,
    ):
        device.wait_for("answered A", times=2)  # the challenge and its proof; the next heartbeat is 18 s away
        alarmd.ask(b"cam1,TLGS", alarmd.operator_port)
        device.wait_for("done TLGS")
        assert device.said("dropped") == 0, device.lines
        device.order("motion stairs")
        device.wait_for("stored A MOAL")
        (alarm,) = alarmd.told("alarms")["alarms"]
        assert (alarm["device"], alarm["text"]) == (NAME, "stairs")
        assert device.said("answered A") == 2


def test_a_killed_device_goes_on_where_it_was_at_the_real_server(lfcp_device: Path, tmp_path: Path) -> None:
    with served(tmp_path) as alarmd, running(lfcp_device, tmp_path, *keyed(alarmd, tmp_path)) as device:
        for start in range(1, 4):
            device.wait_for("answered A", times=2 * start)
            device.kill()
            device.start()
        device.wait_for("answered A", times=8)
        assert device.said("synced") == 0  # no counter was used twice


# With a key, against a server that says what a test wants.


def test_heartbeats_are_signed_and_prove_life(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server)):
        server.until(server.proven, "a proof of life")
        first, second = server.of(Verb.HEARTBEAT)[:2]
        assert (first.echo, first.boot_id) == (0, second.boot_id)


def test_a_pushed_command_is_carried_out_once_however_often_it_comes(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    camera = Camera(tmp_path, "one.jpg", "two.jpg")
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, *camera.options)) as device:
        server.until(server.proven, "a proof of life")
        server.push("A.1", Verb.TLGS)
        server.until(lambda: server.answers("A.1"), "the ACK")
        server.push("A.1", Verb.TLGS)
        server.until(lambda: len(server.answers("A.1")) == 2, "the ACK of the repetition")
        server.push("A.2", Verb.TLGS)
        server.until(lambda: server.answers("A.2"), "the ACK of the next")
        assert server.answers("A.1") == ["0", "0"]
        assert [line.split()[1] for line in camera.runs] == ["one.jpg", "two.jpg"]
        assert device.said("repeated A TLGS") == 1


def test_a_command_that_fails_says_why(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    camera = Camera(tmp_path, "it_fails.jpg")
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, *camera.options)):
        server.until(server.proven, "a proof of life")
        server.push("A.1", Verb.TLGS)
        server.until(lambda: server.of(Verb.ERR), "the ERR")
        assert server.answers("A.1") == ["1"]
        (error,) = server.of(Verb.ERR)
        assert (error.message.params[0], error.message.params[3]) == ("the program failed", "A.1")


def test_a_sealed_secret_reaches_the_program_and_nothing_else(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    camera = Camera(tmp_path, "one.jpg")
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, *camera.options)) as device:
        server.until(server.proven, "a proof of life")
        server.push("A.1", Verb.TLGC, TOKEN, "-100")
        server.push("A.2", Verb.PRCC, "abcdefghij0123456789")
        server.until(lambda: server.answers("A.1") and server.answers("A.2"), "both ACKs")
        device.kill()
        device.start()
        server.until(lambda: device.said("answered A") >= 4, "the restart")
        server.push("A.3", Verb.TLGS)
        server.until(lambda: server.answers("A.3"), "the picture")
        assert camera.runs == [f"command one.jpg cam1 - {TOKEN} -100 abcdefghij0123456789"]
        assert not any(TOKEN in line for line in [*device.lines, device.errors])
        state = tmp_path / "state"
        assert {path.stat().st_mode & 0o077 for path in [state, *state.iterdir()]} == {0}


def test_counters_never_repeat_over_kills_and_restarts(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, "--interval", "20")) as device:
        for start in range(5):
            seen = len(server.captured)
            device.order(f"motion number {start}")
            server.until(lambda seen=seen: len(server.captured) >= seen + 3, "some frames")  # type: ignore[misc]
            device.kill()
            device.start()
        server.until(lambda: len({beat.boot_id for beat in server.of(Verb.HEARTBEAT)}) == 6, "six boots")
    counters = [frame.counter for frame in server.captured]
    assert all(one < other for one, other in itertools.pairwise(counters))


def test_a_wiped_memory_is_synced(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, "--interval", "1")) as device:
        server.until(server.proven, "a proof of life")
        device.kill()
        (tmp_path / "state" / "counter").unlink()
        server.highest = 1 << 60  # well above what a fresh memory begins with
        device.start()
        server.until(lambda: device.said("synced A"), "the SYNC")
        highest = server.highest
        server.until(lambda: server.highest > highest, "a heartbeat above it")
        device.kill()
        device.start()
        highest = server.highest
        server.until(lambda: server.highest > highest, "a heartbeat of the next start")
        assert device.said("synced A") == 1  # it was kept


def test_rst_starts_it_anew_and_is_not_obeyed_twice(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server)) as device:
        server.until(server.proven, "a proof of life")
        server.push("A.1", Verb.RST)
        server.until(lambda: device.said("started") == 2, "the restart")
        assert server.answers("A.1") == ["0"]
        server.until(lambda: device.said("answered A") >= 4, "its proof")
        server.push("A.1", Verb.RST)
        server.until(lambda: len(server.answers("A.1")) == 2, "the ACK of the repetition")
        assert device.said("started") == 2
        assert len({beat.boot_id for beat in server.of(Verb.HEARTBEAT)}) == 2


def test_dslp_is_declared_slept_and_woken_from_without_a_new_boot(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, "--sleep", "2")) as device:
        server.until(server.proven, "a proof of life")
        server.push("A.1", Verb.DSLP)
        server.until(lambda: device.said("sleeping 2"), "the sleep")
        (declared, *_) = server.of(Verb.SLEP)
        assert declared.message.params[0] == "2"
        beats = len(server.of(Verb.HEARTBEAT))
        server.until(lambda: device.said("woke"), "the end of the sleep")
        server.until(lambda: len(server.of(Verb.HEARTBEAT)) > beats, "a heartbeat")
        assert server.of(Verb.HEARTBEAT)[-1].boot_id == declared.boot_id


def test_settings_are_kept_and_reported_by_their_digest(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server)) as device:
        server.until(server.proven, "a proof of life")
        server.push("A.1", Verb.CONF, "quality", "12")
        server.until(lambda: server.answers("A.1"), "the ACK")
        assert device.said("setting quality 12") == 1
        device.kill()
        device.start()
        beats = len(server.of(Verb.HEARTBEAT))
        server.until(lambda: len(server.of(Verb.HEARTBEAT)) > beats, "a heartbeat")
        digest = server.of(Verb.HEARTBEAT)[-1].message.params[3].split(".")[1]
        assert len(digest) == 8


def test_automatic_pictures_come_at_their_interval(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    camera = Camera(tmp_path, "one.jpg")
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, *camera.options)) as device:
        server.until(server.proven, "a proof of life")
        server.push("A.1", Verb.CONF, "auto_photo", "1")
        server.until(lambda: device.said("done interval"), "an automatic picture")
        assert camera.runs == ["interval one.jpg cam1 - - - -"]


def test_frames_that_are_not_its_servers_are_dropped(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server)) as device:
        server.until(server.proven, "a proof of life")
        server.send(f"{NAME},RST,0,0,0,0,0,0")
        server.send(f"{NAME},RST,0,0,A.1,0,ffffffffffff,AAAAAAAAAAAAAAAA")
        server.send("garbage")
        for reason in ("not_signed", "bad_tag", "beacon"):
            device.wait_for(f"dropped A {reason}")
        assert device.said("started") == 1


def test_both_servers_see_one_address(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with signing_server(NAME, KEY, "B") as other:
        with running(lfcp_device, tmp_path, *signed(tmp_path, server, *other.option)):
            server.until(server.proven, "a proof of life at A")
            other.until(other.proven, "a proof of life at B")
        assert server.captured[0].address == other.captured[0].address
        counters = {frame.counter for frame in [*server.captured, *other.captured]}
        assert len(counters) == len(server.captured) + len(other.captured)


def test_an_alarm_goes_to_both_servers(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with (
        signing_server(NAME, KEY, "B") as other,
        running(lfcp_device, tmp_path, *signed(tmp_path, server, *other.option)) as device,
    ):
        device.order("motion gate")
        server.until(lambda: server.of(Verb.MOAL), "the alarm at A")
        other.until(lambda: other.of(Verb.MOAL), "the alarm at B")
        assert server.of(Verb.MOAL)[0].message.params[2] == other.of(Verb.MOAL)[0].message.params[2]


def test_ipv6_servers_are_reached(lfcp_device: Path, tmp_path: Path) -> None:
    need(_has_ipv6(), "IPv6 on the loopback")
    with signing_server(NAME, KEY, host="::1") as server, running(lfcp_device, tmp_path, *signed(tmp_path, server)):
        server.until(server.proven, "a proof of life")


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_without_servers_it_watches_alone_and_tells_them_later(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    camera = Camera(tmp_path, "one.jpg")
    server.silent = True
    with socket.create_server((LOOPBACK, 0)) as internet:
        reachable = f"{LOOPBACK}:{internet.getsockname()[1]}"
        options = signed(tmp_path, server, "--interval", "1", "--failover", reachable, *camera.options)
        with running(lfcp_device, tmp_path, *options) as device:
            server.until(lambda: device.said("failover on"), "failover alarm mode")
            device.order("motion stairs")
            server.until(lambda: device.said("done motion"), "the picture")
            assert camera.runs == ["motion one.jpg cam1 stairs - - -"]
            server.silent = False
            server.until(lambda: device.said("failover off") and device.said("stored A MOAL"), "the contact")


def test_without_the_internet_it_does_not_watch_alone(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    camera = Camera(tmp_path, "one.jpg")
    server.silent = True
    with socket.create_server((LOOPBACK, 0)) as gone:
        unreachable = f"{LOOPBACK}:{gone.getsockname()[1]}"
    options = signed(tmp_path, server, "--interval", "1", "--failover", unreachable, *camera.options)
    with running(lfcp_device, tmp_path, *options) as device:
        server.until(lambda: len(server.of(Verb.HEARTBEAT)) > 2 * FAILOVER_MISSES, "missed heartbeats")
        assert device.said("failover") == 0
