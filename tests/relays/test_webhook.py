import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import AlarmState
from alarmd.relays import webhook as webhook_module
from alarmd.relays.interface import Delivered, GiveUp, TryAgain
from alarmd.relays.webhook import Webhook
from alarmd.storage.interface import StoredPicture
from tests.contracts.records import NOON, PICTURE
from tests.fakes.receiver import Receiver, Reply, black_hole, receiver, rubbish
from tests.relays.parts import RAISED, SECRET, lease


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def relay_to(url: str) -> Webhook:
    return Webhook(url, SECRET.encode(), "A", lambda: Instant(NOON, 1000.0))


@pytest.fixture
async def relay(hook: Receiver) -> AsyncIterator[Webhook]:
    made = relay_to(hook.url)
    yield made
    await made.close()


async def test_an_alarm_is_posted_as_a_signed_document(relay: Webhook, hook: Receiver) -> None:
    assert await relay.deliver(lease()) == Delivered()
    (request,) = hook.received
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == '"log:motion:cam1:A:1:raised"'
    stamp, _, signed = request.headers["Alarmd-Signature"].partition(",v1=")
    expected = hmac.new(SECRET.encode(), stamp.removeprefix("t=").encode() + b"." + request.body, hashlib.sha256)
    assert (stamp, signed) == (f"t={NOON // SECOND}", expected.hexdigest())
    assert json.loads(request.body) == {
        "version": 1,
        "id": "log:motion:cam1:A:1:raised",
        "server": "A",
        "subject": "raised",
        "text": "motion at garden_gate",
        "created_at": "2025-06-15T15:06:40.000Z",
        "sent_at": "2025-06-15T15:06:40.000Z",
        "attempt": 1,
        "alarm": {
            "id": 1,
            "identity": "motion:cam1:A:1",
            "kind": "motion",
            "state": "raised",
            "device": "cam1",
            "zone": "garden",
            "text": "garden_gate",
            "event_count": 2,
            "raised_at": "2025-06-15T15:06:40.000Z",
            "acknowledged_at": None,
            "acknowledged_by": None,
            "cleared_at": None,
            "cleared_by": None,
        },
        "picture": None,
        "attachment": None,
    }


async def test_what_became_of_the_alarm_is_in_it(relay: Webhook, hook: Receiver) -> None:
    over = replace(
        RAISED,
        state=AlarmState.CLEARED,
        acknowledged_at=NOON,
        acknowledged_by="ann",
        cleared_at=NOON + 1500,
        cleared_by="bob",
    )
    await relay.deliver(lease(over, attempt=3))
    told = json.loads(hook.received[0].body)
    assert (told["attempt"], told["alarm"]["acknowledged_by"]) == (3, "ann")
    assert told["alarm"]["cleared_at"] == "2025-06-15T15:06:40.001Z"


async def test_a_picture_is_described_with_its_alarm_or_without(relay: Webhook, hook: Receiver) -> None:
    picture = StoredPicture(PICTURE, "cam1")
    shown = {"subject": "picture", "attachment": PICTURE.key}
    await relay.deliver(replace(lease(**shown), picture=picture))
    await relay.deliver(replace(lease(**shown, alarm_id=None), alarm=None, picture=picture))
    with_alarm, without = (json.loads(request.body) for request in hook.received)
    assert (with_alarm["alarm"]["id"], without["alarm"]) == (1, None)
    assert with_alarm["picture"] == without["picture"]
    assert without["attachment"] == PICTURE.key
    assert without["picture"] == {
        "id": 1,
        "device": "cam1",
        "key": PICTURE.key,
        "captured_at": "2025-06-15T15:06:39.999Z",
        "received_at": "2025-06-15T15:06:40.000Z",
        "trigger": "alarm",
        "sha256": PICTURE.digest,
        "size": 50_000,
        "width": 640,
        "height": 480,
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_a_confirmation(relay: Webhook, hook: Receiver, status: int) -> None:
    hook.reply = lambda _request: Reply(status)
    assert await relay.deliver(lease()) == Delivered()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
async def test_what_will_never_be_taken_is_given_up_with_the_fix(relay: Webhook, hook: Receiver, status: int) -> None:
    hook.reply = lambda _request: Reply(status)
    outcome = await relay.deliver(lease())
    assert isinstance(outcome, GiveUp)
    assert f"it answers {status}" in outcome.reason
    assert "url and secret" in outcome.reason


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_what_may_work_later_is_tried_again(relay: Webhook, hook: Receiver, status: int) -> None:
    hook.reply = lambda _request: Reply(status)
    assert await relay.deliver(lease()) == TryAgain(None, f"it answers {status}")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("17", 17.0),
        ("Sun, 15 Jun 2025 15:07:40 GMT", 60.0),
        ("Sun, 15 Jun 2025 15:00:00 GMT", 0.0),
        ("99999999999999999999", 999_999_999.0),
        ("soon", None),
        ("-5", None),
        ("\u0661", None),
        ("Sun, 15 Jun 99999 15:00:00 GMT", None),
    ],
)
async def test_a_retry_after_is_heard(relay: Webhook, hook: Receiver, said: str, seconds: float | None) -> None:
    encoded = said.encode().decode("latin-1")
    hook.reply = lambda _request: Reply(503, {"Retry-After": encoded})
    assert await relay.deliver(lease()) == TryAgain(seconds, "it answers 503")


async def test_a_redirect_is_not_followed(relay: Webhook, hook: Receiver) -> None:
    hook.reply = lambda _request: Reply(307, {"Location": hook.url})
    outcome = await relay.deliver(lease())
    assert isinstance(outcome, TryAgain)
    assert "configure the final URL" in outcome.reason
    assert len(hook.received) == 1


async def test_rubbish_in_a_2xx_is_a_confirmation_all_the_same(relay: Webhook, hook: Receiver) -> None:
    hook.reply = rubbish
    assert await relay.deliver(lease()) == Delivered()


async def test_a_receiver_that_is_down_or_silent_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_module, "TIMEOUTS", httpx.Timeout(0.05))
    with black_hole() as port:
        relay = relay_to(f"http://127.0.0.1:{port}/")
        assert await relay.deliver(lease()) == TryAgain(None, "no answer: ReadTimeout")
        await relay.close()
    relay = relay_to(f"http://127.0.0.1:{port}/")
    assert await relay.deliver(lease()) == TryAgain(None, "no answer: ConnectError")
    await relay.close()


async def test_neither_url_nor_secret_is_in_what_is_said(hook: Receiver, caplog: Any) -> None:
    caplog.set_level("WARNING")
    relay = relay_to(hook.url)
    hook.reply = lambda _request: Reply(404)
    outcome = await relay.deliver(lease())
    assert "in-the-url" not in repr(outcome) + caplog.text + repr(relay)
    assert SECRET not in repr(outcome) + hook.received[0].body.decode() + str(hook.received[0].headers)
    await relay.close()
