"""TLS, with certificates made on the spot."""

import datetime
import shutil
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alarmd.web.ingest.certificates import Certificate, CertificateError
from alarmd.web.ingest.limits import UploadLimits
from tests.waiting import wait_until
from tests.web.ingest.post import SECRET, Post, all_of, jpeg, post, said

NAME = "alarm.example"
PICTURE = jpeg(320, 240, noise=60)


def write_pair(directory: Path, serial: int, *, passphrase: bytes | None = None) -> tuple[Path, Path]:
    """A self-signed certificate and its key, in the place of those that may be there."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    files = (directory / "certificate.pem", directory / "key.pem")
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return files


def connected(office: Post, trust: Path, name: str | None = NAME) -> ssl.SSLSocket:
    """As a camera with a pinned certificate does."""
    context = ssl.create_default_context(cafile=str(trust))
    context.check_hostname = name is not None
    return context.wrap_socket(office.connect(), server_hostname=name)


def serial_shown(office: Post) -> int:
    """Of the certificate in force, whoever signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(office.connect()) as camera:
        shown = camera.getpeercert(binary_form=True)
        assert shown
        return x509.load_der_x509_certificate(shown).serial_number


def upload(length: int, secret: str = SECRET) -> bytes:
    return f"POST /u/{secret} HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: {length}\r\n\r\n".encode()


def test_pictures_come_over_tls(tmp_path: Path) -> None:
    files = write_pair(tmp_path, 1)
    with post(certificate=Certificate(*files)) as office, connected(office, files[0]) as camera:
        camera.sendall(upload(len(PICTURE)) + PICTURE)
        assert said(all_of(camera))[0] == 204
        assert office.stored[0].data == PICTURE


def test_a_client_that_names_no_host_is_served(tmp_path: Path) -> None:
    files = write_pair(tmp_path, 1)
    with post(certificate=Certificate(*files)) as office, connected(office, files[0], name=None) as camera:
        camera.sendall(upload(len(PICTURE)) + PICTURE)
        assert said(all_of(camera))[0] == 204


def test_a_refusal_is_heard_by_a_camera_that_still_sends_over_tls(tmp_path: Path) -> None:
    files = write_pair(tmp_path, 1)
    with post(certificate=Certificate(*files)) as office, connected(office, files[0]) as camera:
        camera.sendall(upload(3_000_000, "x" * 20))
        for _ in range(300):
            camera.sendall(bytes(10_000))
        assert said(all_of(camera))[0] == 404


def test_a_renewed_certificate_is_in_force_without_a_restart(tmp_path: Path) -> None:
    certificate = Certificate(*write_pair(tmp_path, 1))
    with post(certificate=certificate) as office:
        assert serial_shown(office) == 1
        write_pair(tmp_path, 2)
        certificate.reload_if_changed()
        assert serial_shown(office) == 2


def test_a_link_to_another_directory_is_a_change(tmp_path: Path) -> None:
    """As certbot renews: live/ holds links into archive/."""
    for number in (1, 2):
        (tmp_path / f"{number}").mkdir()
        write_pair(tmp_path / f"{number}", number)
    live = tmp_path / "live"
    live.symlink_to(tmp_path / "1")
    certificate = Certificate(live / "certificate.pem", live / "key.pem")
    with post(certificate=certificate) as office:
        live.unlink()
        live.symlink_to(tmp_path / "2")
        certificate.reload_if_changed()
        assert serial_shown(office) == 2


@pytest.mark.parametrize("how", ["garbage", "missing", "another key", "empty"])
def test_a_broken_new_certificate_is_told_and_the_old_one_stays(tmp_path: Path, how: str) -> None:
    files = write_pair(tmp_path, 1)
    certificate = Certificate(*files)
    other = tmp_path / "other"
    other.mkdir()
    with post(certificate=certificate) as office, structlog.testing.capture_logs() as logs:
        if how == "missing":
            files[1].unlink()
        elif how == "another key":
            shutil.copy(write_pair(other, 2)[1], files[1])
        else:
            files[0].write_text("not a certificate\n" if how == "garbage" else "")
        certificate.reload_if_changed()
        certificate.reload_if_changed()
        assert serial_shown(office) == 1
        (told,) = [line for line in logs if line["log_level"] == "error"]
        assert told["event"] == "the new certificate cannot be used; the old one stays"
        assert str(files[0]) in told["reason"]
        write_pair(tmp_path, 3)
        certificate.reload_if_changed()
        assert serial_shown(office) == 3


def test_a_certificate_that_cannot_be_used_at_all_says_why(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="No such file"):
        Certificate(tmp_path / "none.pem", tmp_path / "none.pem")
    files = write_pair(tmp_path, 1, passphrase=b"hunter2")
    with pytest.raises(CertificateError, match="passphrase") as refused:
        Certificate(*files)
    assert "hunter2" not in str(refused.value)


def test_a_handshake_that_never_ends_holds_no_place(tmp_path: Path) -> None:
    files = write_pair(tmp_path, 1)
    with post(UploadLimits(head_timeout=0.3), certificate=Certificate(*files)) as office:
        with office.connect() as silent:
            wait_until(lambda: len(office.listener._places) == 1, "its place")
            assert silent.recv(1) == b""
        wait_until(lambda: len(office.listener._places) == 0, "its place given back")
        with office.connect() as plain:
            plain.sendall(upload(1))
            answer = b""
            with suppress(ConnectionResetError):
                answer = all_of(plain)
            assert b"204" not in answer
        wait_until(lambda: 'alarmd_dropped_total{reason="tls_handshake",where="ingest"} 2.0' in office.metrics())
        assert len(office.listener._places) == 0


def test_one_connection_too_many_is_closed_before_its_handshake(tmp_path: Path) -> None:
    files = write_pair(tmp_path, 1)
    with post(UploadLimits(connections=1), certificate=Certificate(*files)) as office:
        with connected(office, files[0]) as first:
            first.sendall(upload(100))
            wait_until(lambda: office.listener.budget.used == 100, "its body's place")
            with office.connect() as second:
                assert second.recv(1) == b""
        wait_until(lambda: len(office.listener._places) == 0, "its place given back")


def test_a_handshake_that_never_ends_gives_way(tmp_path: Path) -> None:
    files = write_pair(tmp_path, 1)
    with post(UploadLimits(connections=1), certificate=Certificate(*files)) as office:
        with office.connect() as silent:
            wait_until(lambda: len(office.listener._places) == 1, "its place")
            with connected(office, files[0]) as camera:
                assert silent.recv(1) == b""
                camera.sendall(upload(len(PICTURE)) + PICTURE)
                assert said(all_of(camera))[0] == 204
        wait_until(lambda: len(office.listener._places) == 0, "both places given back")
        assert 'reason="tls_handshake"' not in office.metrics()


def test_a_stop_does_not_wait_for_handshakes(tmp_path: Path) -> None:
    files = write_pair(tmp_path, 1)
    with post(certificate=Certificate(*files)) as office:
        silent: socket.socket = office.connect()
        wait_until(lambda: len(office.listener._places) == 1, "its place")
    with silent:
        assert silent.recv(1) == b""
