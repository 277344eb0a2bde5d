"""The whole server, in a process of its own."""

import signal
import socket
from pathlib import Path

import httpx

from alarmd.adapters import exit_codes
from tests.serving import LOOPBACK, Served, alarmd, served
from tests.web.ingest.post import FINGERPRINT, PATIENCE, SECRET, jpeg

PRUSA = {"Token": SECRET, "Fingerprint": FINGERPRINT, "Content-Type": "image/jpg"}


def test_the_server_takes_uploads_and_nothing_of_the_operator_s_there(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        url = f"http://{LOOPBACK}:{server.ingest_port}"
        assert "alarmd" in httpx.get(url).text
        assert httpx.get(f"{url}/api/v1/devices").status_code == 404
        refused = httpx.put(f"{url}/c/snapshot", content=jpeg(), headers=PRUSA)
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN_INVALID_TOKEN")
        assert 'alarmd_uploads_total{result="invalid_token",way="prusaconnect"} 1.0' in server.get("/metrics")
        for queue in ("lfcp_upload_bytes", "http_upload_bytes"):
            assert f'alarmd_queue_length{{queue="{queue}"}} 0.0' in server.get("/metrics")
        assert server.logged("an upload was refused")[0]["reason"] == "invalid_token"
        assert SECRET not in server.log_text()


def operator(server: Served) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(server.state / "control.sock"))
    return httpx.Client(transport=transport, base_url="http://alarmd/api/v1", timeout=PATIENCE)


def test_a_camera_with_a_secret_uploads_and_its_picture_outlives_a_kill(tmp_path: Path) -> None:
    """From the operator's first word to the bytes in the archive."""
    picture = jpeg(320, 240, noise=40)
    with served(tmp_path) as server:
        with operator(server) as asking:
            assert asking.post("/devices/cam1/adopt", json={}).status_code == 200
            secret = asking.post("/cameras/cam1/secret", json={}).json()["secret"]
        headers = PRUSA | {"Token": secret}
        answer = httpx.put(f"http://{LOOPBACK}:{server.ingest_port}/c/snapshot", content=picture, headers=headers)
        assert answer.status_code == 204
        server.stop(signal.SIGKILL)
        kept = [file.read_bytes() for file in (server.state / "archive" / "cam1").rglob("*.jpg")]
        assert picture in kept
        server.start()
        with operator(server) as asking:
            shown = asking.get("/cameras/cam1").json()
        assert (shown["introduced"], shown["picture"]["size"]) == (True, len(picture))
        assert secret not in server.log_text()


def test_a_port_in_use_ends_the_start_with_the_setting_at_fault(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        ended = alarmd(tmp_path, "serve", INGEST_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == exit_codes.UNAVAILABLE
    assert "see ingest.addresses and the ports of [ingest]" in ended.stderr


def test_a_certificate_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    ended = alarmd(tmp_path, "serve", INGEST_TLS_PORT="4", INGEST_CERTIFICATE="/none.pem", INGEST_KEY="/none.pem")
    assert ended.returncode == exit_codes.UNAVAILABLE
    assert "No such file or directory; see ingest.certificate and ingest.key" in ended.stderr
