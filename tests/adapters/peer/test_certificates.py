"""The papers of a pair, its files, and the invitation that carries them."""

import asyncio
import json
import os
import ssl
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from alarmd.adapters.exit_codes import CANNOT_CREATE, UNUSABLE_DATA, StartError
from alarmd.adapters.peer import certificates
from alarmd.adapters.peer.authority import LIFE, Papers, issue, name_of
from alarmd.adapters.peer.certificates import Facts, PairFiles, Role, drop_pair, load_pair, save_pair
from alarmd.adapters.peer.invitation import MAX_TEXT, Invitation, InvitationError, as_text, from_text

SECRET = bytes(range(32))
FACTS_A = Facts("id", "A", "B", Role.LISTENS, None)
FACTS_B = Facts("id", "B", "A", Role.DIALS, ("192.0.2.1", 8446))


def saved(directory: Path, facts: Facts, papers: Papers) -> PairFiles:
    directory.mkdir(exist_ok=True)
    save_pair(directory, facts, papers, SECRET)
    files = load_pair(directory)
    assert files is not None
    return files


def invitation() -> Invitation:
    return Invitation("id", "A", "B", ("192.0.2.1", 8446), 2_000_000_000, issue(("A", "B"))[1], SECRET)


def context(files: PairFiles, purpose: ssl.Purpose) -> ssl.SSLContext:
    made = ssl.create_default_context(purpose, cafile=str(files.authority))
    made.load_cert_chain(files.certificate, files.key)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


async def handshake(server: PairFiles, client: PairFiles, name: str) -> tuple[Any, Any]:
    """The certificates that the two saw of each other, over real sockets. Raises ssl.SSLError."""
    seen: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(writer.get_extra_info("peercert"))
        writer.write(b"welcome")
        writer.close()

    accepting = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context(server, ssl.Purpose.CLIENT_AUTH))
    async with accepting:
        port = accepting.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context(client, ssl.Purpose.SERVER_AUTH), server_hostname=name
        )
        try:
            if await reader.read(7) != b"welcome":  # TLS 1.3: only now is the client's certificate refused
                raise ssl.SSLError("refused")
            return writer.get_extra_info("peercert"), await seen
        finally:
            writer.close()


def test_two_servers_of_a_pair_know_each_other_by_their_labels(tmp_path: Path) -> None:
    a, b = issue(("A", "B"))
    files_a, files_b = saved(tmp_path / "a", FACTS_A, a), saved(tmp_path / "b", FACTS_B, b)
    of_server, of_client = asyncio.run(handshake(files_a, files_b, name_of("A")))
    assert of_server["subjectAltName"] == (("DNS", name_of("A")),)
    assert of_client["subjectAltName"] == (("DNS", name_of("B")),)


def test_either_may_dial(tmp_path: Path) -> None:
    a, b = issue(("A", "B"))
    asyncio.run(handshake(saved(tmp_path / "b", FACTS_B, b), saved(tmp_path / "a", FACTS_A, a), name_of("B")))


def test_a_server_of_another_pair_with_the_same_labels_is_refused_both_ways(tmp_path: Path) -> None:
    ours, theirs = saved(tmp_path / "a", FACTS_A, issue(("A", "B"))[0]), issue(("A", "B"))[1]
    stranger = saved(tmp_path / "b", FACTS_B, theirs)
    for server, client, name in ((ours, stranger, "A"), (stranger, ours, "B")):
        with pytest.raises(ssl.SSLError):
            asyncio.run(handshake(server, client, name_of(name)))
    tolerant = saved(tmp_path / "c", FACTS_B, Papers(theirs.certificate, ours.authority.read_bytes(), theirs.key))
    with pytest.raises((ssl.SSLError, ConnectionError)):  # who believes our authority is not believed by us
        asyncio.run(handshake(ours, tolerant, name_of("A")))


def test_a_name_that_is_not_the_servers_is_refused(tmp_path: Path) -> None:
    a, b = issue(("A", "B"))
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        asyncio.run(handshake(saved(tmp_path / "a", FACTS_A, a), saved(tmp_path / "b", FACTS_B, b), name_of("C")))


def test_certificates_are_good_for_twenty_years_and_for_a_clock_that_is_not_set_yet() -> None:
    paper, _ = issue(("A", "B"))
    for pem in (paper.certificate, paper.authority):
        certificate = x509.load_pem_x509_certificate(pem)
        assert certificate.not_valid_before_utc.year == 1970
        assert (certificate.not_valid_after_utc - LIFE).year >= 2024
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"


def test_files_are_for_their_owner_alone_and_hide_their_secrets(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files = saved(tmp_path, FACTS_A, issue(("A", "B"))[0])
    finally:
        os.umask(before)
    directory = tmp_path / certificates.NAME
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}
    assert repr(SECRET) not in repr(files)
    assert "pair_key" not in repr(files)
    assert [one.name for one in tmp_path.iterdir()] == [certificates.NAME]


@pytest.mark.parametrize("facts", [FACTS_A, FACTS_B])
def test_what_was_saved_is_loaded(tmp_path: Path, facts: Facts) -> None:
    paper, _ = issue(("A", "B"))
    files = saved(tmp_path, facts, paper)
    assert (files.label, files.peer_label, files.role, files.dial) == (
        facts.label,
        facts.peer_label,
        facts.role,
        facts.dial,
    )
    assert (files.identity, files.pair_key) == ("id", SECRET)
    assert files.certificate.read_bytes() == paper.certificate
    assert files.key.read_bytes() == paper.key
    assert files.authority.read_bytes() == paper.authority


def test_a_new_pair_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    saved(tmp_path, FACTS_A, issue(("A", "B"))[0])
    assert saved(tmp_path, FACTS_B, issue(("A", "B"))[1]).label == "B"


def test_a_dropped_pair_is_gone(tmp_path: Path) -> None:
    saved(tmp_path, FACTS_A, issue(("A", "B"))[0])
    assert drop_pair(tmp_path)
    assert load_pair(tmp_path) is None
    assert not drop_pair(tmp_path)


@pytest.mark.parametrize("name", ["key.pem", "pair.key"])
def test_secrets_that_others_may_read_are_refused(tmp_path: Path, name: str) -> None:
    saved(tmp_path, FACTS_A, issue(("A", "B"))[0])
    (tmp_path / certificates.NAME / name).chmod(0o640)
    with pytest.raises(StartError, match="chmod 600") as refused:
        load_pair(tmp_path)
    assert refused.value.code == UNUSABLE_DATA


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pair.json", "{}"),
        ("pair.json", "no JSON"),
        ("pair.json", '{"pair": "", "label": "A", "peer": "B", "role": "leads", "dial": null}'),
        ("pair.json", '{"pair": "", "label": "A", "peer": "B", "role": "dials", "dial": []}'),
        ("pair.key", "zz"),
    ],
)
def test_files_that_say_something_else_are_told_with_the_way_out(tmp_path: Path, name: str, content: str) -> None:
    saved(tmp_path, FACTS_A, issue(("A", "B"))[0])
    (tmp_path / certificates.NAME / name).write_text(content)
    with pytest.raises(StartError, match="alarmd peer init --renew"):
        load_pair(tmp_path)


@pytest.mark.parametrize("name", ["pair.json", "authority.pem", "certificate.pem", "key.pem", "pair.key"])
def test_a_file_that_is_missing_is_told_by_its_name(tmp_path: Path, name: str) -> None:
    saved(tmp_path, FACTS_A, issue(("A", "B"))[0])
    (tmp_path / certificates.NAME / name).unlink()
    with pytest.raises(StartError, match=f"{name}: No such file"):
        load_pair(tmp_path)


def test_a_disk_that_takes_nothing_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StartError, match="No space left") as refused:
        save_pair(tmp_path, FACTS_A, issue(("A", "B"))[0], SECRET)
    assert refused.value.code == CANNOT_CREATE
    assert list(tmp_path.iterdir()) == []


def test_an_invitation_is_read_as_it_was_written() -> None:
    given = invitation()
    text = as_text(given)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(text) < 4096  # what a terminal takes as one line
    assert from_text(text) == given


def test_an_invitation_that_a_terminal_broke_into_lines_is_read() -> None:
    given = invitation()
    text = as_text(given)
    assert from_text("\n".join(text[at : at + 60] for at in range(0, len(text), 60)) + "\r\n ") == given


def test_an_invitation_shows_no_secrets_by_itself() -> None:
    given = invitation()
    shown = repr(given)
    assert "PRIVATE" not in shown
    assert "pair_key" not in shown


def changed(**what: Any) -> str:
    text = as_text(invitation())
    said = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return urlsafe_b64encode(json.dumps(said | what).encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "ä",
        as_text(invitation())[:-9],
        urlsafe_b64encode(b"[]").decode(),
        changed(key=issue(("A", "B"))[1].key.decode()),
        changed(authority=issue(("A", "B"))[1].authority.decode()),
        changed(to="C"),
        changed(pair_key="AAAA"),
        changed(address="192.0.2.1"),
        changed(certificate=invitation().papers.authority.decode()),
        changed(certificate=7),
    ],
)
def test_what_is_no_invitation_is_told_in_one_line(text: str) -> None:
    with pytest.raises(InvitationError, match="this is no invitation, or not the whole of one"):
        from_text(text)


def test_an_invitation_of_another_version_and_one_without_end_are_told() -> None:
    with pytest.raises(InvitationError, match="of another version of alarmd"):
        from_text(changed(format=2))
    with pytest.raises(InvitationError, match=f"more than {MAX_TEXT} characters"):
        from_text("A" * (MAX_TEXT + 1))
