"""Two and three real servers share one PostgreSQL: devices go where their datagrams go, and any server may die."""

import signal
import socket
from collections.abc import Callable

import pytest

from tests.cluster.conftest import Cluster
from tests.waiting import wait_until

Clusters = Callable[..., Cluster]

OPEN_ALARMS = "SELECT count(*) FROM alarms WHERE kind = 'motion'"
MOTIONS = "SELECT count(*) FROM events WHERE kind = 'motion'"


@pytest.mark.prove
def test_a_device_is_known_to_whichever_server_hears_it(clusters: Clusters) -> None:
    one, two = clusters(2).servers
    one.ask(b"cam1,HEARTBEAT,0,0,0,0,0,0")
    answer = two.ask(b"cam1,HEARTBEAT,0,0,0,0,0,0")
    assert answer.startswith(b"cam1,ACK,")
    for server in (one, two):
        assert [device["name"] for device in server.told("devices")["devices"]] == ["cam1"]
        assert "cam1" in server.get("/api/v1/devices/cam1")


@pytest.mark.prove
def test_one_incident_is_one_alarm_however_its_datagrams_are_spread(clusters: Clusters) -> None:
    cluster = clusters(3)
    balancer = cluster.balancer()
    for server in cluster.servers[:1]:
        with server.device() as device:
            for number in range(30):
                device.sendto(f"cam1,MOAL,move_{number},0,0,0,0,0".encode(), ("127.0.0.1", balancer.port))
                assert device.recv(1000) == b"cam1,ACK,0,0,0,0,0,0"
    assert cluster.count(MOTIONS) == 30
    assert cluster.count(OPEN_ALARMS) == 1
    assert cluster.count("SELECT count(*) FROM devices") == 1


@pytest.mark.prove
def test_what_was_acknowledged_survives_a_kill_of_its_server(clusters: Clusters) -> None:
    cluster = clusters(2)
    one, two = cluster.servers
    one.ask(b"cam1,MOAL,gate,0,0,0,0,0")
    one.stop(signal.SIGKILL)
    assert two.ask(b"cam1,MOAL,gate again,0,0,0,0,0") == b"cam1,ACK,0,0,0,0,0,0"
    assert cluster.count(MOTIONS) == 2
    assert cluster.count(OPEN_ALARMS) == 1
    wait_until(lambda: cluster.count("SELECT count(*) FROM members WHERE NOT buried") == 1, "the burial")


def test_nothing_acknowledged_is_lost_and_alarms_are_told_once_while_servers_die(clusters: Clusters) -> None:
    cluster = clusters(3, DEVICES_UNKNOWN="admit")
    balancer = cluster.balancer()
    names = [f"cam{number}" for number in range(5)]
    for name in names:
        cluster.servers[0].command("device", "adopt", name, "--zone", "home")
    acknowledged = []
    with cluster.servers[0].device() as device:
        device.settimeout(0.5)
        for number in range(60):
            if number == 20:
                cluster.servers[2].stop(signal.SIGKILL)
            if number == 40:  # the one that judges
                cluster.servers[0].stop(signal.SIGKILL)
                balancer.backends = [cluster.servers[1].lfcp_port]
            name = names[number % len(names)]
            if sent_until_acknowledged(device, balancer.port, name, f"move_{number}"):
                acknowledged.append(f"move_{number}")
    assert len(acknowledged) == 60
    stored = {text for (text,) in cluster.rows("SELECT text FROM events WHERE kind = 'motion'")}
    assert stored >= set(acknowledged)
    assert cluster.count(OPEN_ALARMS) == len(names)
    told = (
        "SELECT alarm_id, count(*), max(attempts) FROM outbox "
        "WHERE subject = 'raised' AND state = 'delivered' GROUP BY alarm_id"
    )
    wait_until(lambda: len(cluster.rows(told)) == len(names), "the alarms to be told")
    assert {(count, attempts) for _, count, attempts in cluster.rows(told)} == {(1, 1)}


@pytest.mark.prove
def test_a_loss_is_told_within_its_limit_though_its_server_died_too(clusters: Clusters) -> None:
    cluster = clusters(2, SUPERVISION_REPORT_WITHIN="20")
    _, two = cluster.servers
    two.command("device", "adopt", "cam1", "--zone", "home")
    two.ask(b"cam1,HEARTBEAT,0,0,0,0,0,0")
    wait_until(lambda: cluster.count("SELECT count(*) FROM contacts WHERE presence = 'online'"), "supervision")
    two.stop(signal.SIGKILL)
    lost = "SELECT count(*) FROM alarms WHERE kind = 'contact_lost'"
    wait_until(lambda: cluster.count(lost), "the loss")
    late = "SELECT raised_at - last_contact FROM alarms JOIN contacts USING (device_id)"
    assert cluster.count(late) <= 20_000_000


def test_a_command_given_to_one_server_is_sent_once_by_another(clusters: Clusters) -> None:
    cluster = clusters(2)
    one, two = cluster.servers
    one.ask(b"cam1,HEARTBEAT,0,0,0,0,0,0")
    two.command("send", "cam1", "TLGS")
    assert one.ask(b"cam1,HEARTBEAT,0,0,0,0,0,0") == b"cam1,TLGS,0,0,0,0,0,0"
    with two.device() as device:
        device.sendto(b"cam1,ACK,0,0,0,0,0,0", ("127.0.0.1", two.lfcp_port))
        wait_until(lambda: cluster.rows("SELECT state FROM commands") == [("acked",)], "the outcome")
    assert cluster.rows("SELECT attempts FROM commands") == [(1,)]


@pytest.mark.prove
def test_what_one_server_arms_is_armed_at_all(clusters: Clusters) -> None:
    cluster = clusters(2)
    one, two = cluster.servers
    one.command("disarm", "home")
    two.command("device", "adopt", "cam1", "--zone", "home")
    wait_until(lambda: two.told("zones")["zones"][0]["arming"] == "disarmed", "the news")
    two.ask(b"cam1,MOAL,gate,0,0,0,0,0")
    assert cluster.rows("SELECT told FROM alarms") == [(False,)]


@pytest.mark.prove
def test_a_server_that_stood_still_ends_itself_and_stores_nothing(clusters: Clusters) -> None:
    cluster = clusters(2)
    one, two = cluster.servers
    two.ask(b"cam1,HEARTBEAT,0,0,0,0,0,0")
    two.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: cluster.count("SELECT count(*) FROM members WHERE NOT buried") == 1, "the burial")
    two.process.send_signal(signal.SIGCONT)
    wait_until(lambda: two.process.poll() is not None, "its end")
    assert two.process.returncode == 69
    assert one.ask(b"cam1,MOAL,gate,0,0,0,0,0") == b"cam1,ACK,0,0,0,0,0,0"


def test_a_planned_stop_hands_everything_on_at_once(clusters: Clusters) -> None:
    cluster = clusters(2)
    one, two = cluster.servers
    two.ask(b"cam1,HEARTBEAT,0,0,0,0,0,0")
    assert two.stop() == 0
    wait_until(lambda: cluster.count("SELECT count(*) FROM members") == 1, "the others to have it all")
    mine = "SELECT count(*) FROM custodies JOIN members ON member = incarnation WHERE slot = 0"
    assert cluster.count(mine) == 1
    assert one.told("devices")["devices"][0]["name"] == "cam1"


def sent_until_acknowledged(device: socket.socket, port: int, name: str, text: str) -> bool:
    """As a device does: until there is an ACK, or for long enough."""
    for _ in range(40):
        device.sendto(f"{name},MOAL,{text},0,0,0,0,0".encode(), ("127.0.0.1", port))
        try:
            if device.recv(1000) == f"{name},ACK,0,0,0,0,0,0".encode():
                return True
        except TimeoutError:
            continue
    return False
