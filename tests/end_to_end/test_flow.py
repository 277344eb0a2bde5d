"""The whole of it as a person meets it: netcat, the command line, the API, and a server that dies."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.needs import need_program
from tests.serving import Served, served
from tests.waiting import wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as running:
        yield running


def netcat(port: int, text: str, *options: str) -> str:
    """What `printf TEXT | nc OPTIONS -w1 127.0.0.1 PORT` prints."""
    nc = need_program("nc", "netcat-openbsd")
    done = subprocess.run(
        [nc, *options, "-w1", "127.0.0.1", str(port)], input=text.encode(), capture_output=True, check=False
    )
    return done.stdout.decode()


def test_a_person_with_netcat_raises_an_alarm_sees_it_and_commands_a_camera(server: Served) -> None:
    assert netcat(server.lfcp_port, "cam1,MOAL,garden_gate,0,0,0,0,0", "-u") == "cam1,ACK,0,0,0,0,0,0"
    (alarm,) = server.told("alarms")["alarms"]
    assert (alarm["device"], alarm["text"], alarm["state"]) == ("cam1", "garden_gate", "raised")
    assert "garden_gate" in server.command("alarms")

    queued = netcat(server.operator_port, "cam1,TLGS", "-u").strip()
    assert queued == "cam1,TLGS,queued,1"
    assert netcat(server.lfcp_port, "cam1,HEARTBEAT,0,0,0,0,0,0", "-u") == "cam1,TLGS,0,0,0,0,0,0"
    assert netcat(server.lfcp_port, "cam1,ACK,0,0,0,0,0,0", "-u") == ""
    wait_until(lambda: server.told("events", "--kind", "command_finished")["events"], "the outcome of the command")


def test_the_same_over_tcp(server: Served) -> None:
    answer = netcat(server.lfcp_port, "cam1,LOG,hello,0,0,0,0,0\ncam1,HEARTBEAT,0,0,0,0,0,0\n", "-N")
    assert sorted(answer.splitlines()) == ["cam1,ACK,0,0,0,0,0,0", "cam1,ACK,0,0,0,26,0,0"]
    assert "cam1" in netcat(server.operator_port, "*,LIST\n", "-N")


def test_a_browser_that_posts_at_the_operators_port_executes_nothing(server: Served) -> None:
    server.command("device", "adopt", "cam1")
    body = "*,DSAL\r\n"
    request = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.operator_port}\r\nOrigin: http://evil.example\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    with socket.create_connection(("127.0.0.1", server.operator_port), timeout=30) as browser:
        browser.sendall(request.encode())
        answer = b""
        try:
            while chunk := browser.recv(4096):
                answer += chunk
        except ConnectionResetError:
            pass
    assert b"queued" not in answer
    assert server.told("events", "--kind", "command_queued")["events"] == []
    assert server.told("device", "show", "cam1")["live"]["pending_commands"] == 0


def test_a_web_page_of_somebody_elses_can_ask_the_api_for_nothing(server: Served) -> None:
    url = f"http://127.0.0.1:{server.http_port}/api/v1/zones/home/arming"
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        assert httpx.post(url, json={"arming": "disarmed"}, headers=headers, timeout=30).status_code == 403
    assert all(zone["live"]["armed"] for zone in server.told("zones")["zones"])


def test_an_orderly_stop_exits_with_zero_and_the_next_start_knows_everything(server: Served) -> None:
    server.command("device", "adopt", "cam1", "--zone", "home")
    server.command("device", "set", "cam1", "report_within=45")
    netcat(server.lfcp_port, "cam1,MOAL,gate,0,0,0,0,0", "-u")
    assert server.stop() == 0
    assert server.told("alarms")["alarms"][0]["text"] == "gate", "a stopped server's database is read directly"
    assert server.try_command("send", "cam1", "TLGS").returncode == 3
    server.start()
    assert server.told("device", "show", "cam1")["report_within"] == 45.0
    assert [alarm["text"] for alarm in server.told("alarms")["alarms"]] == ["gate"]


def test_a_lost_device_is_told_within_its_limit_and_found_again(server: Served) -> None:
    server.command("device", "adopt", "cam1")
    server.command("device", "set", "cam1", "report_within=20")
    netcat(server.lfcp_port, "cam1,HEARTBEAT,0,0,0,0,0,0", "-u")
    wait_until(lambda: server.told("events", "--kind", "contact_lost")["events"], "the loss")
    (alarm,) = server.told("alarms")["alarms"]
    assert alarm["kind"] == "contact_lost"
    netcat(server.lfcp_port, "cam1,HEARTBEAT,0,0,0,0,0,0", "-u")
    wait_until(lambda: not server.told("alarms")["alarms"], "the alarm to clear")
