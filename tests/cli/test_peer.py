"""`alarmd peer`: a pair is made in one step at each server, and what may not be is refused with the way out."""

import json
import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from alarmd.adapters import exit_codes
from alarmd.adapters.peer import certificates, pairing
from alarmd.adapters.peer.certificates import PairFiles, Role, load_pair
from alarmd.cli import exits
from alarmd.core.link_condition import Link, LinkCondition
from alarmd.core.settings import Pair, Settings
from tests.cli.conftest import Alarmd, Ended
from tests.cli.test_output import on_terminal
from tests.needs import need
from tests.running_house import RunningHouse, running_house


@dataclass
class Machine:
    """One of two, with a state directory and a label of its own."""

    alarmd: Alarmd
    monkeypatch: pytest.MonkeyPatch
    label: str
    directory: Path

    def __call__(self, *words: str) -> Ended:
        self.monkeypatch.setenv("ALARMD_SERVER_LABEL", self.label)
        self.monkeypatch.setenv("ALARMD_SERVER_STATE_DIRECTORY", str(self.directory))
        return self.alarmd("peer", *words)

    def fine(self, *words: str) -> Ended:
        ended = self(*words)
        assert ended.code == 0, ended
        return ended

    def refused(self, reason: str, *words: str) -> str:
        """What a refusal says; nothing has changed by it."""
        before = load_pair(self.directory)
        ended = self(*words, "--json")
        assert (ended.code, ended.error["reason"]) == (exits.FAILED, reason), ended
        assert load_pair(self.directory) == before
        return str(ended.error["message"])

    @property
    def files(self) -> PairFiles:
        found = load_pair(self.directory)
        assert found is not None
        return found

    def invite(self, *words: str) -> str:
        return self.fine("init", "--address", "192.0.2.1", *words).out.strip()


def machine(alarmd: Alarmd, monkeypatch: pytest.MonkeyPatch, label: str, directory: Path) -> Machine:
    directory.mkdir()
    return Machine(alarmd, monkeypatch, label, directory)


@pytest.fixture
def a(alarmd: Alarmd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return machine(alarmd, monkeypatch, "A", tmp_path / "a")


@pytest.fixture
def b(alarmd: Alarmd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return machine(alarmd, monkeypatch, "B", tmp_path / "b")


def test_a_pair_is_made_in_one_step_at_each_server(a: Machine, b: Machine) -> None:
    invited = a.fine("init", "--address", "alarm-a.example.org")
    assert re.fullmatch(r"[A-Za-z0-9_-]+\n", invited.out)  # nothing else, so that it can go through a pipe
    assert "Restart alarmd here" in invited.err
    joined = b.fine("join", invited.out.strip())
    assert joined.out.startswith("This is server B, in a pair with server A at alarm-a.example.org.")
    assert "Start alarmd here" in joined.out
    assert (a.files.label, a.files.peer_label, a.files.role, a.files.dial) == ("A", "B", Role.LISTENS, None)
    dial = ("alarm-a.example.org", 8446)
    assert (b.files.label, b.files.peer_label, b.files.role, b.files.dial) == ("B", "A", Role.DIALS, dial)
    assert a.files.pair_key == b.files.pair_key
    assert a.files.authority.read_bytes() == b.files.authority.read_bytes()


def test_secrets_are_shown_nowhere_but_in_the_invitation(a: Machine, b: Machine) -> None:
    ended = a.fine("init", "--address", "192.0.2.1", "--output", "for-b")
    joined = b.fine("join", "for-b")
    invitation = Path("for-b").read_text().strip()
    assert stat.S_IMODE(Path("for-b").stat().st_mode) == 0o600
    for said in (ended.out, ended.err, joined.out, joined.err):
        assert invitation not in said
        assert b.files.pair_key.hex() not in said


def test_an_invitation_may_come_through_a_pipe(a: Machine, b: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(a.invite() + "\n"))
    b.fine("join", "-")
    assert b.files.dial == ("192.0.2.1", 8446)


def test_programs_get_json(a: Machine, b: Machine) -> None:
    invited = a.fine("init", "--address", "[2001:db8::1]:9000", "--json").json
    assert (invited["label"], invited["peer"]) == ("A", "B")
    assert invited["expires_at"] > time.time() + 6 * 86_400
    assert b.fine("join", invited["invitation"], "--json").json == {"label": "B", "peer": "A"}
    assert b.files.dial == ("2001:db8::1", 9000)
    assert b.fine("leave", "--yes", "--json").json == {"left": True}
    filed = a.fine("init", "--renew", "--address", "192.0.2.1", "--output", "for-b", "--json").json
    assert (filed["file"], "invitation" in filed) == ("for-b", False)


def test_the_port_is_the_configured_one_unless_it_is_said(
    a: Machine, b: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALARMD_PAIR_PORT", "9001")
    b.fine("join", a.invite())
    assert b.files.dial == ("192.0.2.1", 9001)


@pytest.mark.parametrize("address", ["", "a b", "192.0.2.1:", "192.0.2.1:0", "x:70000", "2001:db8::1", "x" * 254])
def test_an_address_that_nobody_could_dial_is_refused(a: Machine, address: str) -> None:
    assert "neither HOST nor HOST:PORT" in a.refused("invalid", "init", "--address", address)


@pytest.mark.parametrize("label", ["A", "b", "BC", "1"])
def test_the_other_server_needs_a_label_of_its_own(a: Machine, label: str) -> None:
    assert "--peer-label" in a.refused("invalid", "init", "--address", "192.0.2.1", "--peer-label", label)


def test_a_server_in_a_pair_does_not_invite_a_third(a: Machine, b: Machine) -> None:
    b.fine("join", a.invite())
    assert "--renew" in a.refused("has_pair", "init", "--address", "192.0.2.1")


def test_a_file_that_is_there_is_not_overwritten_and_no_pair_is_made(a: Machine) -> None:
    Path("for-b").write_text("precious")
    ended = a("init", "--address", "192.0.2.1", "--output", "for-b", "--json")
    assert (ended.code, ended.error["field"]) == (exit_codes.CANNOT_CREATE, "output")
    assert Path("for-b").read_text() == "precious"
    assert load_pair(a.directory) is None


def test_a_replaced_machine_is_invited_anew_and_the_old_one_is_out(a: Machine, b: Machine, tmp_path: Path) -> None:
    b.fine("join", a.invite())
    old = a.files.identity, a.files.authority.read_bytes()
    replacement = machine(b.alarmd, b.monkeypatch, "B", tmp_path / "new")
    replacement.fine("join", a.invite("--renew"))
    assert a.files.pair_key == replacement.files.pair_key != b.files.pair_key
    assert (a.files.identity, a.files.authority.read_bytes()) != old
    assert a.files.peer_label == "B"


def test_the_server_that_was_invited_can_invite_in_its_turn(a: Machine, b: Machine, tmp_path: Path) -> None:
    b.fine("join", a.invite())
    replacement = machine(a.alarmd, a.monkeypatch, "A", tmp_path / "new")
    replacement.fine("join", b.invite("--renew"))
    assert (b.files.role, b.files.peer_label, replacement.files.role) == (Role.LISTENS, "A", Role.DIALS)


def test_the_same_two_take_new_certificates_without_losing_what_they_have(a: Machine, b: Machine) -> None:
    b.fine("join", a.invite())
    with running_house(b.directory, Settings(label="B")) as house:
        house.frame("cam1,MOAL,gate,0,0,0,0,0")
    again = a.invite("--renew")
    b.fine("join", "--renew", again)
    assert b.files.identity == a.files.identity


def test_an_invitation_is_not_for_the_server_that_made_it(a: Machine) -> None:
    assert "take it to the other one" in a.refused("own", "join", a.invite())


def test_two_servers_with_one_label_are_told_which_to_change(a: Machine, b: Machine) -> None:
    b.label = "A"
    assert 'set server.label = "B" in alarmd.toml here' in b.refused("label", "join", a.invite())


def test_a_server_with_a_third_label_is_told_both_ways_out(a: Machine, b: Machine) -> None:
    b.label = "C"
    assert "invite with --peer-label C" in b.refused("label", "join", a.invite())
    b.fine("join", a.invite("--renew", "--peer-label", "C"))


def test_an_invitation_is_good_once(a: Machine, b: Machine) -> None:
    invitation = a.invite()
    b.fine("join", invitation)
    b.refused("used", "join", invitation)
    b.fine("leave", "--yes")
    assert "was used here already" in b.refused("used", "join", invitation)


def test_an_invitation_that_is_a_week_old_is_refused(a: Machine, b: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    invitation = a.invite()
    later = time.time() + 8 * 86_400
    monkeypatch.setattr(pairing.time, "time", lambda: later)
    assert "seven days old" in b.refused("expired", "join", invitation)


def test_a_server_in_a_pair_takes_no_other_invitation(a: Machine, b: Machine, tmp_path: Path) -> None:
    b.fine("join", a.invite())
    other = machine(a.alarmd, a.monkeypatch, "C", tmp_path / "c")
    stranger = other.invite("--peer-label", "B")
    assert "`alarmd peer leave`" in b.refused("has_pair", "join", stranger)
    b.refused("has_pair", "join", stranger, "--renew")


def test_there_must_be_something_to_renew(a: Machine, b: Machine) -> None:
    b.refused("no_pair", "join", a.invite(), "--renew")


def test_a_running_server_does_not_join(a: Machine, b: Machine) -> None:
    with running_house(b.directory, Settings(label="B")):
        assert "stop it" in b.refused("running", "join", a.invite())


@pytest.mark.parametrize("text", ["hello", "", "missing-file"])
def test_what_is_no_invitation_is_refused(b: Machine, text: str) -> None:
    assert "this is no invitation" in b.refused("invalid", "join", text)


def test_a_server_that_has_seen_devices_only_may_join(a: Machine, b: Machine) -> None:
    with running_house(b.directory, Settings(label="B")) as house:
        house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    b.fine("join", a.invite())


def test_a_server_with_alarms_of_its_own_is_told_to_begin_with_an_empty_database(a: Machine, b: Machine) -> None:
    with running_house(b.directory, Settings(label="B")) as house:
        house.frame("cam1,MOAL,gate,0,0,0,0,0")
    invitation = a.invite()
    assert "move it away" in b.refused("not_empty", "join", invitation)
    for file in b.directory.glob("alarmd.sqlite*"):
        file.unlink()
    b.fine("join", invitation)


def test_a_database_made_under_the_other_servers_label_is_refused(a: Machine, b: Machine) -> None:
    with running_house(b.directory, Settings(label="A")) as house:
        house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    assert "under another label" in b.refused("not_empty", "join", a.invite())


def test_who_leaves_is_asked_first(a: Machine) -> None:
    a.invite()
    assert a("leave").code == exits.WRONG_USAGE
    for typed, left in (("n\n", False), ("y\n", True)):
        _, seen = on_terminal("peer", "leave", typed=typed)
        assert "End the pair?" in seen
        assert (load_pair(a.directory) is None) is left


def test_who_is_in_no_pair_leaves_none(b: Machine) -> None:
    assert b.fine("leave", "--yes").out == "This server is in no pair.\n"


def test_what_root_makes_is_the_servers(a: Machine, b: Machine) -> None:
    need(os.geteuid() == 0, "root, who gives files to others")
    os.chown(b.directory, 12_345, 12_346)
    b.fine("join", a.invite())
    made = [b.directory / "pair-joined", b.files.key.parent, *b.files.key.parent.iterdir()]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(12_345, 12_346)}


def test_files_of_another_user_are_not_made(a: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: a.directory.stat().st_uid + 1)
    assert "or as root" in a.refused("forbidden", "init", "--address", "192.0.2.1")


def test_files_that_cannot_be_read_are_told_with_the_way_out(a: Machine) -> None:
    a.invite()
    (a.directory / certificates.NAME / "pair.json").write_text("{}")
    ended = a("init", "--address", "192.0.2.1")
    assert (ended.code, "`alarmd peer leave`" in ended.err) == (exit_codes.UNUSABLE_DATA, True)
    a.fine("leave", "--yes")
    a.invite()


def test_check_config_shows_the_pair_and_refuses_what_cannot_be_one(
    a: Machine, b: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    b.fine("join", a.invite())
    shown = b.alarmd.fine("check-config").out
    assert "Pair: with server A, at 192.0.2.1 port 8446; A tells the alarms\n" in shown
    monkeypatch.setenv("ALARMD_WATCH_PING_URL", "https://ping.example/a-secret")
    monkeypatch.setenv("ALARMD_WATCH_DAILY_PROOF", "09:00")
    monkeypatch.setenv("ALARMD_PAIR_PREFERRED", "B")
    a.fine("leave", "--yes")
    a.invite()
    shown = a.alarmd.fine("check-config").out
    assert "Pair: with server B, which dials * port 8446 here; B tells the alarms\n" in shown
    assert "every 60 s" in shown
    assert "every day at 09:00" in shown
    assert "a-secret" not in shown
    monkeypatch.setenv("ALARMD_PAIR_PREFERRED", "C")
    with pytest.raises(SystemExit) as ended:
        a.alarmd("check-config")
    assert ended.value.code == exit_codes.WRONG_CONFIGURATION


def facts(alarmd: Alarmd) -> dict[str, str]:
    lines = alarmd.fine("peer", "status").out.splitlines()
    return {name: value.strip() for name, _, value in (line.partition("  ") for line in lines)}


def test_a_server_without_a_pair_says_how_one_is_made(alarmd: Alarmd, house: RunningHouse) -> None:
    assert "`alarmd peer init`" in alarmd.fine("peer", "status").out
    assert alarmd.fine("peer", "status", "--json").json["standing"] == "alone"


def test_the_status_tells_the_link_and_who_speaks(alarmd: Alarmd, state: Path) -> None:
    with running_house(state, Settings(label="B", pair=Pair(peer="A", preferred="A"))) as house:
        house.link = LinkCondition(Link.MET, 1_000_000, 2_000_000, "1.2", 0.25, 7)
        house.engine.state.peer_met = True
        shown = facts(alarmd)
        assert (shown["this server"], shown["the other"], shown["standing"]) == ("B", "A", "met")
        assert (shown["to be stored there"], shown["version there"], shown["clock there"]) == ("7", "1.2", "+0.250 s")
        assert shown["alarms are told by"] == "A, and by this one if that does not"
        house.link = LinkCondition(Link.GONE, 1_000_000, reason="silent for 6 s")
        house.engine.state.peer_met = False
        shown = facts(alarmd)
        assert (shown["standing"], shown["last seen"]) == ("gone: silent for 6 s", "not since the start here")
        assert shown["alarms are told by"] == "this server"
        assert json.loads(alarmd.fine("peer", "status", "--json").out)["standing"] == "gone"


def test_the_status_of_a_stopped_server_is_unknown(alarmd: Alarmd, state: Path) -> None:
    assert alarmd("peer", "status").code == exits.NO_SERVER
