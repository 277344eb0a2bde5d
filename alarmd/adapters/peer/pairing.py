"""How two servers become a pair: one invites, the other joins. What may not be is refused with the way out."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase
from uuid import uuid4

from alarmd.adapters.exit_codes import CANNOT_CREATE, StartError
from alarmd.adapters.peer.authority import issue
from alarmd.adapters.peer.certificates import OWNER_ONLY, PAIR_KEY, Facts, PairFiles, Role, load_pair, save_pair
from alarmd.adapters.peer.invitation import LIFE, Invitation
from alarmd.adapters.state_directory import give_to_owner

SPENT = "pair-joined"  # the identities of pairs that this server joined: an invitation is good once
MAX_SPENT = 100_000  # bytes of that file that are looked at; some 3,000 invitations
MAX_HOST = 253  # characters of a DNS name, RFC 1035 §2.3.4
_ADDRESS = re.compile(r"(\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(:(?P<port>[0-9]{1,5}))?", re.ASCII)


class PairingError(Exception):
    """One line for people. reason: for programs."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def address(text: str, port: int) -> tuple[str, int]:
    """HOST or HOST:PORT. port: unless the text names one. Raises PairingError."""
    found = _ADDRESS.fullmatch(text)
    if found is not None and len(text) <= MAX_HOST:
        given = int(found["port"] or port)
        if 0 < given < 65536:
            return found["six"] or found["host"], given
    raise PairingError("invalid", f"{text[:MAX_HOST]} is neither HOST nor HOST:PORT; an IPv6 address has brackets")


def invite(
    state_directory: Path, label: str, peer_label: str | None, at: tuple[str, int], *, renew: bool
) -> Invitation:
    """Make a pair here, in which this server listens; the invitation for the other. renew: in the place of the pair
    that there is. Raises PairingError, StartError."""
    before = load_pair(state_directory)
    if before is not None and not renew:
        raise PairingError(
            "has_pair",
            f"this server is in a pair with {before.peer_label} already; --renew ends that and invites anew",
        )
    other = peer_label or (before.peer_label if before is not None else next(_free(label)))
    if other == label or other not in set(ascii_uppercase):
        raise PairingError("invalid", f"--peer-label: a capital letter other than {label}, which is this server's")
    ours, theirs = issue((label, other))
    identity, pair_key = uuid4().hex, os.urandom(PAIR_KEY)
    save_pair(state_directory, Facts(identity, label, other, Role.LISTENS, None), ours, pair_key)
    return Invitation(identity, label, other, at, round(time.time() + LIFE.total_seconds()), theirs, pair_key)


def require_joinable(state_directory: Path, label: str, given: Invitation, *, renew: bool) -> None:
    """Whether a server with this label may take the invitation. Raises PairingError, StartError."""
    before = load_pair(state_directory)
    for reason, message in _refusals(before, label, given, renew):
        raise PairingError(reason, message)
    if given.identity in _spent(state_directory):
        raise PairingError("used", "this invitation was used here already; ask for another, `alarmd peer init --renew`")


def join_pair(state_directory: Path, given: Invitation) -> None:
    """Become the server that is invited, and dial the other from now on. Call require_joinable() before."""
    facts = Facts(given.identity, given.invited, given.label, Role.DIALS, given.address)
    save_pair(state_directory, facts, given.papers, given.pair_key)
    path = state_directory / SPENT
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_ONLY), "w") as file:
            file.write(f"{given.identity}\n")
        give_to_owner(path, state_directory)
    except OSError as error:
        raise StartError(CANNOT_CREATE, f"cannot write {path}: {error.strerror}") from error


def _free(label: str) -> Iterator[str]:
    return (letter for letter in ascii_uppercase if letter != label)


def _refusals(before: PairFiles | None, label: str, given: Invitation, renew: bool) -> Iterator[tuple[str, str]]:
    """The most telling first."""
    if before is not None and before.identity == given.identity:
        if before.role is Role.LISTENS:
            yield "own", "this server gave this invitation itself; take it to the other one"
        yield "used", "this server has joined by this invitation already; restart alarmd if it does not know"
    if given.expires_at < time.time():
        yield "expired", "this invitation is more than seven days old; ask for another, `alarmd peer init --renew`"
    if label == given.label:
        yield "label", f'both servers have the label {label}: set server.label = "{given.invited}" in alarmd.toml here'
    if label != given.invited:
        yield (
            "label",
            f"the invitation is for server {given.invited}, and this one is {label}: set server.label here, or invite "
            f"with --peer-label {label}",
        )
    if before is not None and not (renew and before.peer_label == given.label):
        yield (
            "has_pair",
            f"this server is in a pair with {before.peer_label} already: --renew takes a new invitation of the same "
            "server, `alarmd peer leave` ends the pair",
        )
    if before is None and renew:
        yield "no_pair", "this server is in no pair that could be renewed: say it without --renew"


def _spent(state_directory: Path) -> set[str]:
    try:
        with (state_directory / SPENT).open(encoding="ascii") as file:
            return set(file.read(MAX_SPENT).split())
    except OSError:
        return set()
