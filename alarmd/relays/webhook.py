"""The destination "webhook": a signed JSON document, posted to a URL of the operator's.

Alarmd-Signature: t=UNIX_SECONDS,v1=HEX, where HEX is HMAC-SHA-256 with the shared secret over the seconds, a dot and
the body as it was sent. The Idempotency-Key is the message's own, the same at every attempt. docs/operations.md tells
receivers what to check.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from alarmd import __version__
from alarmd.core.instant import SECOND, Instant
from alarmd.relays.http_answers import retry_after
from alarmd.relays.interface import Delivered, GiveUp, Outcome, TryAgain
from alarmd.storage.interface import Lease, StoredAlarm, StoredPicture

TIMEOUTS = httpx.Timeout(connect=5.0, write=5.0, read=10.0, pool=5.0)  # s; together less than DELIVERY_TIMEOUT
CONNECTIONS = 16
TRY_AGAIN = (408, 425, 429)  # of those of the 400s; the others mean that this will never be taken
VERSION = 1  # of the document


class Webhook:
    """url: https, or http inside the house. label: of this server."""

    def __init__(self, url: str, secret: bytes, label: str, now: Callable[[], Instant]) -> None:
        self._url = url
        self._secret = secret
        self._label = label
        self._now = now
        limits = httpx.Limits(max_connections=CONNECTIONS)
        self._client = httpx.AsyncClient(timeout=TIMEOUTS, limits=limits, follow_redirects=False)

    async def deliver(self, lease: Lease) -> Outcome:
        seconds = self._now().wall // SECOND
        body = json.dumps(document(lease, self._label, self._now().wall)).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"alarmd/{__version__}",
            "Idempotency-Key": f'"{lease.delivery.identity}"',
            "Alarmd-Signature": f"t={seconds},v1={signature(self._secret, seconds, body)}",
        }
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                return _outcome(response, self._now().wall)  # what else it says is not read
        except httpx.HTTPError as error:
            return TryAgain(None, f"no answer: {type(error).__name__}")

    def busy(self, *, urgent: bool) -> Mapping[str, float]:  # noqa: ARG002  of the interface
        return {}

    async def close(self) -> None:
        await self._client.aclose()


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """The v1 of Alarmd-Signature, in hexadecimal."""
    return hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()


def document(lease: Lease, label: str, now_wall: int) -> dict[str, Any]:
    """What is posted. `subject` is what happened, `alarm` how it stands now, `picture` the one that came,
    `attachment` the key in the archive of that or of a film."""
    delivery = lease.delivery
    return {
        "version": VERSION,
        "id": delivery.identity,
        "server": label,
        "subject": delivery.subject,
        "text": delivery.text,
        "created_at": moment(delivery.created_at),
        "sent_at": moment(now_wall),
        "attempt": lease.attempt,
        "alarm": _alarm(lease.alarm) if lease.alarm else None,
        "picture": _picture(lease.picture) if lease.picture else None,
        "attachment": delivery.attachment or None,
    }


def moment(wall: int) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(wall / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _alarm(stored: StoredAlarm) -> dict[str, Any]:
    alarm = stored.alarm
    return {
        "id": alarm.id,
        "identity": alarm.identity,
        "kind": alarm.kind.value,
        "state": alarm.state.value,
        "device": stored.device,
        "zone": stored.zone,
        "text": alarm.text,
        "event_count": alarm.event_count,
        "raised_at": moment(alarm.raised_at),
        "acknowledged_at": _maybe(alarm.acknowledged_at),
        "acknowledged_by": alarm.acknowledged_by,
        "cleared_at": _maybe(alarm.cleared_at),
        "cleared_by": alarm.cleared_by,
    }


def _picture(stored: StoredPicture) -> dict[str, Any]:
    """Without the bytes: they are asked for by the id, or by the key in a copy of the archive."""
    picture = stored.picture
    return {
        "id": picture.id,
        "device": stored.device,
        "key": picture.key,
        "captured_at": moment(picture.captured_at),
        "received_at": moment(picture.received_at),
        "trigger": picture.trigger.value,
        "sha256": picture.digest,
        "size": picture.size,
        "width": picture.width,
        "height": picture.height,
    }


def _maybe(wall: int | None) -> str | None:
    return None if wall is None else moment(wall)


def _outcome(response: httpx.Response, now_wall: int) -> Outcome:
    code = response.status_code
    if response.is_success:
        return Delivered()
    if response.is_redirect:
        return TryAgain(None, f"it answers {code}, a redirect, which is not followed: configure the final URL")
    if response.is_client_error and code not in TRY_AGAIN:
        return GiveUp(f"it answers {code}: see the receiver's log, and the url and secret of this destination")
    return TryAgain(retry_after(response.headers.get("Retry-After", ""), now_wall), f"it answers {code}")
