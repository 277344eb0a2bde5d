"""`alarmd device add` and `rekey`, and what the command line shows of devices with a key."""

import errno
import io
import os
import re
import socket
import stat
import sys
from pathlib import Path

import pytest
import segno

from alarmd.adapters import exit_codes
from alarmd.cli import exits, given_key, qr_code
from lfcp.authenticator import KEY_TEXT, key_from_text
from lfcp.constants import MAX_NAME
from tests.cli.conftest import Alarmd
from tests.cli.test_output import COLOUR, on_terminal
from tests.running_house import RunningHouse, running_house
from tests.signed_camera import SignedCamera

KEY = re.compile(r"^key +(?P<key>[A-Za-z0-9_-]{43})$", re.MULTILINE)
BLOCKS = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}  # (upper, lower); 1 is dark


def key_in(shown: str) -> str:
    found = KEY.search(shown)
    assert found is not None, shown
    return found["key"]


def facts(alarmd: Alarmd, name: str) -> dict[str, str]:
    lines = alarmd.fine("device", "show", name).out.splitlines()
    return {fact.strip(): value.strip() for fact, value in (line.split("  ", 1) for line in lines)}


def beat(house: RunningHouse, camera: SignedCamera) -> None:
    (answer,) = house.frame(camera.heartbeat().payload.decode())
    camera.read(answer)


def test_a_device_is_added_and_its_key_shown_with_what_to_do_next(alarmd: Alarmd, house: RunningHouse) -> None:
    shown = alarmd.fine("device", "add", "cam1").out
    key = key_in(shown)
    server = re.search(r"^server +(A=\S+:8443)$", shown, re.MULTILINE)
    assert server is not None
    assert f"lfcp-device --name cam1 --server {server[1]} --key-file cam1.key --state cam1.state" in shown
    assert "control page" in shown
    beat(house, SignedCamera("cam1", key_from_text(key)))


def test_without_a_terminal_there_is_no_qr_code(alarmd: Alarmd, house: RunningHouse) -> None:
    assert not set(alarmd.fine("device", "add", "cam1").out) & set(BLOCKS) - {" "}


def test_a_program_gets_the_key_in_json(alarmd: Alarmd, house: RunningHouse) -> None:
    made = alarmd.fine("device", "add", "cam1", "--json").json
    assert set(made) == {"device", "key", "label", "signing", "server"}
    assert (made["device"], made["label"], made["signing"]) == ("cam1", "A", "signed")
    assert made["server"].startswith("A=")
    beat(house, SignedCamera("cam1", key_from_text(made["key"])))


def test_a_device_may_be_added_into_a_zone_and_mixed(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("zone", "set", "gate", "--site", "home")
    assert "signed, or tell of motion" in alarmd.fine("device", "add", "cam1", "--zone", "gate", "--mixed").out
    shown = alarmd.fine("device", "show", "cam1", "--json").json
    assert (shown["zone"], shown["signing"], shown["standing"]) == ("gate", "mixed", "adopted")


def test_a_device_with_a_key_is_told_how_to_get_another(alarmd: Alarmd, house: RunningHouse) -> None:
    first = key_in(alarmd.fine("device", "add", "cam1").out)
    ended = alarmd("device", "add", "cam1", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "has_key")
    assert "`alarmd device rekey cam1`" in ended.error["message"]
    shown = alarmd.fine("device", "rekey", "cam1").out
    assert "stays good until" in shown
    assert key_in(shown) != first


def test_a_device_without_a_key_is_told_how_to_get_its_first(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "adopt", "cam1")
    ended = alarmd("device", "rekey", "cam1")
    assert (ended.code, "`alarmd device add cam1`" in ended.err) == (exits.FAILED, True)


def test_a_key_goes_into_a_file_that_only_its_owner_reads(alarmd: Alarmd, house: RunningHouse, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ended = alarmd.fine("device", "add", "cam1", "--key-file", "cam1.key")
    finally:
        os.umask(before)
    file = tmp_path / "cam1.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = file.read_text().removesuffix("\n")
    assert key not in ended.out
    assert "--key-file cam1.key" in ended.out
    beat(house, SignedCamera("cam1", key_from_text(key)))
    again = alarmd.fine("device", "rekey", "cam1", "--key-file", "second.key", "--json")
    assert (again.json["key_file"], "key" in again.json) == ("second.key", False)
    assert (tmp_path / "second.key").read_text() not in (key, again.out)


def test_a_file_that_is_there_is_not_overwritten_and_no_key_is_made(
    alarmd: Alarmd, house: RunningHouse, tmp_path: Path
) -> None:
    (tmp_path / "cam1.key").write_text("precious")
    ended = alarmd("device", "add", "cam1", "--key-file", "cam1.key", "--json")
    assert (ended.code, ended.error["field"]) == (exit_codes.CANNOT_CREATE, "key_file")
    assert (tmp_path / "cam1.key").read_text() == "precious"
    assert alarmd.fine("devices", "--json").json["devices"] == []


def test_no_file_is_left_of_a_key_that_was_refused(alarmd: Alarmd, house: RunningHouse, tmp_path: Path) -> None:
    assert alarmd("device", "rekey", "cam1", "--key-file", "cam1.key").code == exits.FAILED
    assert not (tmp_path / "cam1.key").exists()


def test_a_key_that_the_disk_does_not_take_can_be_replaced(
    alarmd: Alarmd, house: RunningHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    ended = alarmd("device", "add", "cam1", "--key-file", "cam1.key")
    monkeypatch.undo()
    assert ended.code == exit_codes.CANNOT_CREATE
    assert "`alarmd device rekey cam1`" in ended.err
    assert not (tmp_path / "cam1.key").exists()


@pytest.mark.parametrize(
    ("addresses", "port", "server"),
    [
        ("192.0.2.7,2001:db8::1", 8443, "A=192.0.2.7:8443"),
        ("2001:db8::1", 9000, "A=[2001:db8::1]:9000"),
    ],
)
def test_the_configured_address_is_the_one_that_is_told(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch, addresses: str, port: int, server: str
) -> None:
    monkeypatch.setenv("ALARMD_LFCP_ADDRESSES", addresses)
    monkeypatch.setenv("ALARMD_LFCP_PORT", str(port))
    assert alarmd.fine("device", "add", "cam1", "--json").json["server"] == server


def test_a_machine_without_a_network_tells_its_name(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_key, "SOMEWHERE", ("255.255.255.255", 9))  # no broadcast without asking: EACCES
    assert alarmd.fine("device", "add", "cam1", "--json").json["server"] == f"A={socket.gethostname()}:8443"


def test_a_stopped_server_makes_no_keys(alarmd: Alarmd, stopped: Path) -> None:
    for words in (("add", "cam1"), ("rekey", "cam1"), ("add", "cam1", "--key-file", "cam1.key")):
        assert alarmd("device", *words).code == exits.NO_SERVER
    assert not Path("cam1.key").exists()


def test_on_a_terminal_the_qr_code_says_name_and_key(alarmd: Alarmd, house: RunningHouse) -> None:
    code, seen = on_terminal("device", "add", "cam1")
    assert code == 0
    plain = COLOUR.sub("", seen).replace("\r", "")
    drawn = [line for line in plain.splitlines() if set(line) <= set(BLOCKS) and set(line) & {"█", "▀"}]
    rows = [[BLOCKS[block][half] for block in line] for line in drawn for half in (0, 1)]
    wanted = [list(row) for row in segno.make_qr(f"lfcp2:cam1:{key_in(plain)}").matrix_iter(border=4)]
    assert [row[: len(wanted[0])] for row in rows[: len(wanted)]] == wanted


def test_the_qr_code_sets_both_colours_and_resets_them(alarmd: Alarmd, house: RunningHouse) -> None:
    lines = [line for line in on_terminal("device", "add", "cam1")[1].splitlines() if "█" in line]
    assert lines
    assert all(line.startswith("\x1b[97;40m") and line.endswith("\x1b[0m") for line in lines)


def test_a_qr_code_can_be_declined(alarmd: Alarmd, house: RunningHouse) -> None:
    seen = on_terminal("device", "add", "cam1", "--no-qr")[1]
    assert "█" not in seen
    assert key_in(seen.replace("\r", ""))


def test_a_key_that_goes_into_a_file_is_on_no_screen(alarmd: Alarmd, house: RunningHouse, tmp_path: Path) -> None:
    code, seen = on_terminal("device", "add", "cam1", "--key-file", str(tmp_path / "cam1.key"))
    assert code == 0
    assert "█" not in seen
    assert (tmp_path / "cam1.key").read_text().strip() not in seen


def test_a_narrow_terminal_gets_a_word_in_place_of_a_broken_code(alarmd: Alarmd, house: RunningHouse) -> None:
    seen = on_terminal("device", "add", "cam1", columns=40)[1]
    assert "█" not in seen
    assert re.search(r"no QR code: the terminal has less than \d+ columns", seen)


def test_with_the_longest_name_the_code_fits_an_ordinary_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    qr_code.print_qr_code(f"lfcp2:{'n' * MAX_NAME}:{'k' * KEY_TEXT}")
    lines = COLOUR.sub("", capsys.readouterr().out).splitlines()
    assert len(lines) <= 24
    assert len({len(line) for line in lines}) == 1


def test_a_terminal_without_block_characters_gets_a_word_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="iso8859-1"))
    qr_code.print_qr_code("lfcp2:cam1:key")
    assert "iso8859-1 has no block characters" in capsys.readouterr().err


def test_signing_keys_path_and_wishes_are_shown(alarmd: Alarmd, house: RunningHouse) -> None:
    key = alarmd.fine("device", "add", "cam1", "--json").json["key"]
    camera = SignedCamera("cam1", key_from_text(key))
    assert facts(alarmd, "cam1")["path"] == "not proven: commands wait for a heartbeat"
    beat(house, camera)
    beat(house, camera)
    alarmd.fine("device", "rekey", "cam1")
    alarmd.fine("send", "cam1", "SCAM")
    alarmd.fine("send", "cam1", "CONF", "quality", "12")
    shown = facts(alarmd, "cam1")
    assert (shown["signing"], shown["keys"]) == ("signed", "2, of epoch 1 and 2")
    assert shown["path"] == "proven: commands go out at once"
    assert (shown["camera wanted"], shown["settings wanted"]) == ("off", "quality=12")


def test_a_device_without_a_key_has_nothing_to_prove(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "adopt", "cam1")
    shown = facts(alarmd, "cam1")
    assert shown["signing"] == "open"
    assert not {"keys", "path", "camera wanted", "settings wanted"} & set(shown)


def test_signing_is_a_column_of_the_list(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "add", "cam1", "--mixed")
    alarmd.fine("device", "adopt", "cam2")
    headings, first, second = (line.split() for line in alarmd.fine("devices").out.splitlines())
    assert headings[3] == "SIGNING"
    assert ("mixed" in first, "open" in second) == (True, True)


def test_signing_is_shown_from_the_database_too(alarmd: Alarmd, state: Path) -> None:
    with running_house(state):
        alarmd.fine("device", "add", "cam1", "--mixed")
    ended = alarmd("device", "show", "cam1")
    assert re.search(r"^signing +mixed$", ended.out, re.MULTILINE)
