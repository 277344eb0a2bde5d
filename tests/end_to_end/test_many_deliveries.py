"""Ten thousand pictures and alarms that wait to be told when a server starts: it starts, and a new alarm overtakes."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from alarmd.adapters.server_key import server_key
from alarmd.core.effects import DurableEffect, QueueDelivery, SaveAlarm, SavePicture
from alarmd.core.records import AlarmState
from alarmd.relays.lane import MAX_TRIES_AT_ONCE
from alarmd.storage.opening import open_store
from alarmd.storage.vault import Vault
from tests.contracts.records import ALARM, DELIVERY, NOON, PICTURE
from tests.end_to_end.places import webhook
from tests.fakes.receiver import Receiver, Reply, Request
from tests.serving import served
from tests.waiting import LIMIT, wait_until

WAITING = 10_000


def waiting(number: int) -> list[DurableEffect]:
    """An alarm and its picture that nobody was told of."""
    told, key = f"hook:alarm {number}", f"cam1/2025/06/15/150640{number:06}-00112233445566aa.jpg"
    alarm = replace(ALARM, id=number, identity=f"motion:A:{number}", state=AlarmState.CLEARED, cleared_at=NOON + 4)
    picture = replace(PICTURE, id=number, sequence=number, alarm_id=number, key=key, upload=f"A.{number}")
    raised = replace(DELIVERY, identity=f"{told}:raised", destination="hook", alarm_id=number)
    shown = replace(raised, identity=f"{told}:{key}", subject="picture", attachment=key, urgent=False)
    return [SaveAlarm(alarm), SavePicture(picture), QueueDelivery(raised), QueueDelivery(shown)]


def queue(state: Path) -> None:
    store = open_store(f"sqlite:///{state / 'alarmd.sqlite'}", "A", Vault(server_key(state)))
    try:
        assert store.commit([waiting(number) for number in range(1, WAITING // 2 + 1)]) == []
    finally:
        store.close()


@pytest.mark.prove
def test_a_new_alarm_overtakes_ten_thousand_messages_that_waited_for_the_start(tmp_path: Path, hook: Receiver) -> None:
    raised = threading.Event()

    def answer_once_there_is_an_alarm(_request: Request) -> Reply:
        raised.wait(LIMIT)
        return Reply()

    hook.reply = answer_once_there_is_an_alarm
    with served(tmp_path, ALARMS_DESTINATIONS="hook", **webhook(hook)) as server:
        server.command("device", "adopt", "cam1")
        server.stop()
        queue(server.state)
        server.start()
        assert json.loads(server.get("/api/v1/status"))["outbox"]["pending"] >= WAITING - MAX_TRIES_AT_ONCE
        wait_until(lambda: len(hook.received) >= MAX_TRIES_AT_ONCE, "as many attempts as there may be")
        assert server.ask(b"cam9,MOAL,gate,0,0,0,0,0") == b"cam9,ACK,0,0,0,0,0,0"
        raised.set()
        wait_until(lambda: position(hook) is not None, "the new alarm")
        found = position(hook)
        assert found is not None
        assert found < 4 * MAX_TRIES_AT_ONCE


def position(hook: Receiver) -> int | None:
    """Of the new alarm among all that was told."""
    told = [b'"cam9: motion: gate"' in request.body for request in hook.received]
    return told.index(True) if True in told else None
