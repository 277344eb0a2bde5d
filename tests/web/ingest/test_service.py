"""The ports, from start to stop."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from alarmd.adapters.reactor_clock import now
from alarmd.metrics import Metrics
from alarmd.web.ingest import service as service_module
from alarmd.web.ingest.certificates import CertificateError
from alarmd.web.ingest.desk import UploadDesk
from alarmd.web.ingest.limits import UploadLimits
from alarmd.web.ingest.senders import Doorkeeper, Sender
from alarmd.web.ingest.service import Ports, UploadService
from alarmd.web.listening import ListenError
from tests.waiting import until
from tests.web.ingest.test_certificates import write_pair

LOOPBACK = "127.0.0.1"


class Nobody:
    def by_digest(self, digest: str, source: str) -> Sender | None:
        return None

    def by_address(self, source: str) -> Sender | None:
        return None


async def nothing(_what: object) -> None:
    raise AssertionError("nobody is let in")


@pytest.fixture
async def service() -> AsyncIterator[UploadService]:
    metrics = Metrics(CollectorRegistry())
    desk = UploadDesk(Doorkeeper(Nobody(), lambda: now().mono), nothing, nothing, now, metrics)
    service = UploadService(desk, UploadLimits(), ())
    yield service
    await service.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


async def asked(port: int, context: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, port, ssl=context)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def test_all_its_ports_are_served(service: UploadService, tmp_path: Path) -> None:
    files = write_pair(tmp_path, 1)
    http, tls = free_port(), free_port()
    service.start(Ports([LOOPBACK], 0, http, tls, files))
    ports = [port for _, port in service.addresses]
    assert len(ports) == 3
    assert {http, tls} < set(ports)
    context = ssl.create_default_context(cafile=str(files[0]))
    context.check_hostname = False
    for port in ports:
        answer = await asked(port, context if port == tls else None)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_nowhere_is_a_place_to_listen_too(service: UploadService) -> None:
    service.start(Ports([], 0))
    assert service.addresses == []


async def test_a_port_in_use_is_told_and_the_others_are_let_go(service: UploadService) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port, free = taken.getsockname()[1], free_port()
        with pytest.raises(ListenError, match=f"{port}: Address already in use"):
            service.start(Ports([LOOPBACK], free, port))
        await service.stop()
        socket.create_server((LOOPBACK, free)).close()


async def test_a_certificate_that_cannot_be_used_is_told(service: UploadService, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"none\.pem"):
        service.start(Ports([LOOPBACK], 0, 0, free_port(), (tmp_path / "none.pem", tmp_path / "none.pem")))


async def test_the_certificate_s_files_are_looked_at_again_and_again(
    service: UploadService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "LOOK_EVERY", 0.01)
    service.start(Ports([LOOPBACK], 0, 0, free_port(), write_pair(tmp_path, 1)))
    watching = asyncio.create_task(service.watch())
    with structlog.testing.capture_logs() as logs:
        for serial in (2, 3):
            write_pair(tmp_path, serial)
            await until(lambda: any(line["log_level"] == "info" for line in logs), "the new certificate")
            logs.clear()
    watching.cancel()


async def test_a_server_without_a_certificate_has_nothing_to_look_at(
    service: UploadService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "LOOK_EVERY", 0)
    watching = asyncio.create_task(service.watch())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not watching.done()
    watching.cancel()
