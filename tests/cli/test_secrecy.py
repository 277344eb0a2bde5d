"""A key is seen by nobody but who asked for it: everything else that a server and its command line say is searched."""

import base64
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lfcp.authenticator import key_from_text
from tests.serving import LIMIT, LOOPBACK, Served, served
from tests.signed_camera import SignedCamera
from tests.waiting import wait_until

TOKEN = "123456:token-of-a-bot"


def written(secret: bytes) -> Iterator[bytes]:
    """A secret as programs write it, whole. base64 in each of its forms; what is padded is looked for without."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield secret.hex(":").encode()
    yield base64.b64encode(secret).rstrip(b"=")
    yield base64.urlsafe_b64encode(secret).rstrip(b"=")
    yield base64.b32encode(secret).rstrip(b"=")
    yield repr(secret)[2:-1].encode()
    yield json.dumps(secret.decode("latin-1"))[1:-1].encode()
    yield ", ".join(map(str, secret)).encode()
    yield ",".join(map(str, secret)).encode()


def found_in(text: bytes, secrets: list[bytes]) -> list[bytes]:
    return [form for secret in secrets for form in written(secret) if form in text]


@pytest.mark.parametrize("form", range(len(list(written(b"x")))))
def test_the_search_finds_every_form(form: int) -> None:
    secret = bytes(range(100, 132))
    text = b"before " + list(written(secret))[form] + b" after"
    assert found_in(text, [secret])


def test_a_key_is_nowhere_but_in_the_answer_that_gives_it(tmp_path: Path) -> None:
    with served(tmp_path, LOGGING_LEVEL="debug") as server:
        given = [server.told("device", "add", "cam1")["key"], server.told("device", "add", "cam2", "--mixed")["key"]]
        said = use(server, SignedCamera("cam1", key_from_text(given[0])))
        given.append(server.told("device", "rekey", "cam1")["key"])
        said += refusals(server) + looks(server)
        server.stop()
        said += server.log_text()
        server.start()
        said += looks(server)
        server.stop()
        said += server.log_text()
    keys = [key_from_text(text) for text in given]
    assert len(set(keys)) == 3
    assert found_in(said.encode(), keys) == []
    assert TOKEN not in said
    assert "unsigned" in said
    assert "bad_tag" in said


def test_what_lies_in_the_state_directory_gives_no_key_away_and_is_its_owners_alone(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        keys = [key_from_text(server.told("device", word, "cam1")["key"]) for word in ("add", "rekey")]
        assert stat.S_IMODE((server.state / "control.sock").stat().st_mode) == 0o600
        server.command("backup", str(tmp_path / "copy"))
        files = [file for file in (*server.state.iterdir(), tmp_path / "copy") if file.is_file()]
        assert {"alarmd.sqlite", "server.key", "copy"} <= {file.name for file in files}
        assert b"".join(found for file in files for found in found_in(file.read_bytes(), keys)) == b""
        assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in files} == {file.name: 0o600 for file in files}
        assert stat.S_IMODE(server.state.stat().st_mode) == 0o700


def use(server: Served, camera: SignedCamera) -> str:
    """The device comes, gets a secret, and others try to speak for it; what they are answered."""
    with server.device() as device:
        device.connect((LOOPBACK, server.lfcp_port))
        for _ in range(2):
            device.send(camera.heartbeat().payload)
            camera.read(device.recv(1000))
        wait_until(lambda: server.told("device", "show", "cam1")["live"]["path_proven"], "the proof")
        said = server.command("send", "cam1", "TLGC", TOKEN, "42")
        pushed = device.recv(1000)
        command = camera.read(pushed)
        assert (command.verb, camera.open(command, 1)) == ("TLGC", TOKEN)
        device.send(camera.ack(command).payload)
        device.send(b"cam1,HEARTBEAT,0,0,0,0,0,0")
        forged = camera.heartbeat().payload
        device.send(forged[:-1] + (b"A" if forged[-1:] != b"A" else b"B"))
        wait_until(lambda: "bad_tag" in server.get("/metrics"), "the forged frame")
        return said + pushed.decode("latin-1")


def refusals(server: Served) -> str:
    """What requests about keys are answered that are refused, on every way in."""
    said = [
        server.try_command("--json", *words).stderr
        for words in (("device", "add", "cam1"), ("device", "rekey", "cam9"))
    ]
    said.append(server.ask(b"cam1,KEY", server.operator_port).decode())
    transport = httpx.HTTPTransport(uds=str(server.state / "control.sock"))
    with httpx.Client(transport=transport, base_url="http://alarmd", timeout=LIMIT) as client:
        for body in ({}, {"renew": True, "zone": "home"}, {"key": "x"}, {"mixed": "perhaps"}):
            refused = client.post("/api/v1/devices/cam1/key", json=body)
            assert refused.is_client_error
            said.append(refused.text)
        said.append(client.get("/openapi.json").text)
    with httpx.Client(base_url=f"http://{LOOPBACK}:{server.http_port}", timeout=LIMIT) as client:
        refused = client.post("/api/v1/devices/cam1/key", json={"renew": True})
        assert refused.status_code == 404
        said.append(refused.text)
    return "".join(said)


def looks(server: Served) -> str:
    commands = (
        ("device", "show", "cam1"),
        ("devices",),
        ("events",),
        ("alarms", "--all"),
        ("status",),
    )
    said = [server.command(*json_too, *words) for words in commands for json_too in ((), ("--json",))]
    said += [server.get(path) for path in ("/metrics", "/openapi.json", "/api/v1/devices", "/api/v1/commands")]
    said += [server.get(path) for path in ("/api/v1/devices/cam1", "/api/v1/events", "/healthz", "/api/v1/status")]
    said.append(server.ask(b"cam1,SHOW", server.operator_port).decode())
    return "".join(said)
