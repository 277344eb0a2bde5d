import sqlite3
from pathlib import Path

import pytest

from alarmd.adapters import exit_codes
from tests.serving import alarmd


def test_a_configuration_that_is_fine_is_explained(tmp_path: Path) -> None:
    (tmp_path / "alarmd.toml").write_text('[devices]\nunknown = "reject"\n')
    ended = alarmd(tmp_path, "check-config", STORAGE_URL="postgresql://petr:hunter2@db/alarmd", LFCP_PORT="8443")
    assert ended.returncode == 0, ended.stderr
    assert "The configuration is fine: alarmd.toml." in ended.stdout
    assert "LFCP: 127.0.0.1 port 8443, UDP and TCP" in ended.stdout
    assert f"State directory: {tmp_path / 'state'}" in ended.stdout
    assert "Database: postgresql://petr:(hidden)@db/alarmd" in ended.stdout
    assert "Unknown devices: reject" in ended.stdout
    assert f"Archive of pictures: {tmp_path / 'state' / 'archive'}" in ended.stdout


@pytest.mark.parametrize(
    ("ingest", "shown"),
    [
        ("", "127.0.0.1 port 8081"),
        ("http_port = 80", "127.0.0.1 port 8081, 80"),
        ("tls_port = 443\ncertificate = 'a.pem'\nkey = 'b.pem'", "127.0.0.1 port 8081, 443 with TLS"),
    ],
)
def test_where_pictures_are_uploaded_is_explained(tmp_path: Path, ingest: str, shown: str) -> None:
    (tmp_path / "alarmd.toml").write_text(f"[ingest]\n{ingest}\n")
    assert f"Uploads: {shown}\n" in alarmd(tmp_path, "check-config", INGEST_PORT="8081").stdout
    assert (
        "Uploads: nowhere: ingest.addresses is empty\n" in alarmd(tmp_path, "check-config", INGEST_ADDRESSES="").stdout
    )


def test_what_goes_where_is_shown(tmp_path: Path) -> None:
    (tmp_path / "alarmd.toml").write_text(
        '[pictures]\ndestinations = ["printer", "copy"]\n[films]\ndestinations = ["copy"]\n'
        '[destinations.printer]\nkind = "prusaconnect"\ncameras = { cam1 = "T0nSPU2v05v0pJeKYFYV" }\n'
        '[destinations.copy]\nkind = "s3"\nbucket = "pictures"\nprefix = "home"\n'
    )
    shown = alarmd(tmp_path, "check-config").stdout
    assert "Alarms are told to log: the server's own log\n" in shown
    assert "Every picture goes to printer: PrusaConnect at https://webcam.connect.prusa3d.com, every 10 s, of" in shown
    assert "Every picture goes to copy: S3 at Amazon, bucket pictures, keys home/...\n" in shown
    assert "Films go to copy: S3 at Amazon" in shown
    assert "T0nSPU" not in shown


@pytest.mark.parametrize("command", ["check-config", "serve", "upgrade-database"])
def test_five_mistakes_are_five_lines_and_exit_code_2(tmp_path: Path, command: str) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text('[lfcp]\nconnections = 0\nprot = 1\n[http]\nport = "x"\n[server]\nlabel = "ab"\n[zzz]\n')
    ended = alarmd(tmp_path, command, "--config", str(config), HTTP_PORT="x")
    assert ended.returncode == exit_codes.WRONG_CONFIGURATION
    first, *mistakes = ended.stderr.splitlines()
    assert first == f"alarmd: 5 mistakes in {config}:"
    assert [line.strip().partition(":")[0] for line in mistakes] == [
        "zzz",
        "server.label",
        "lfcp.connections",
        "lfcp.prot",
        "http.port",
    ]


def test_one_mistake_in_the_environment_says_so(tmp_path: Path) -> None:
    ended = alarmd(tmp_path, "check-config", DEVICES_LIMIT="0")
    assert ended.stderr.splitlines()[0] == "alarmd: 1 mistake in the environment:"


def test_a_database_is_made_and_then_up_to_date(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    made = alarmd(tmp_path, "upgrade-database")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("Upgraded from nothing to ")
    again = alarmd(tmp_path, "upgrade-database")
    assert again.stdout.startswith("The database is up to date: ")


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    alarmd(tmp_path, "upgrade-database")
    with sqlite3.connect(tmp_path / "state" / "alarmd.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = 'from the future'")
    database.close()
    ended = alarmd(tmp_path, "upgrade-database")
    assert ended.returncode == exit_codes.UNUSABLE_DATA
    assert "newer alarmd" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    ended = alarmd(tmp_path, "upgrade-database", STORAGE_URL="postgresql://petr:hunter2@127.0.0.1:1/alarmd")
    assert ended.returncode == exit_codes.STORAGE_FAILED
    assert "hunter2" not in ended.stderr
