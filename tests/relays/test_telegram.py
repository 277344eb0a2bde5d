"""The Telegram relay against a Bot API server over real HTTP; only the clock is the test's."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alarmd.core.instant import SECOND
from alarmd.core.records import AlarmKind, AlarmState
from alarmd.relays.interface import Delivered, GiveUp, Later, TryAgain
from alarmd.relays.telegram import chat as chat_module
from alarmd.relays.telegram import line as line_module
from alarmd.relays.telegram import relay as relay_module
from alarmd.relays.telegram.wording import MAX_LINE, MAX_TOGETHER, REPEATED
from alarmd.storage.interface import StoredAlarm
from tests.contracts.records import NOON
from tests.fakes.receiver import black_hole
from tests.fakes.telegram import TOKEN, FakeTelegram, Fault, fake_telegram
from tests.relays.telling import ANN, GROUP, SUPERGROUP, Telling, acknowledged, alarm, change, new
from tests.waiting import until


@pytest.fixture
def api() -> Iterator[FakeTelegram]:
    with fake_telegram() as made:
        made.add_chat(ANN)
        made.add_chat(GROUP, "the house")
        yield made


@pytest.fixture
async def telling(api: FakeTelegram, tmp_path: Path) -> AsyncIterator[Telling]:
    made = Telling(api.url, tmp_path)
    yield made
    await made.relay.close()


async def test_an_alarm_is_a_message_at_once(telling: Telling, api: FakeTelegram) -> None:
    assert await telling.tell(new(17)) == [Delivered("42:1")]
    assert api.texts(ANN) == ["🔴 cam1: motion: garden_gate\nzone garden, 2025-06-15 15:06:40, alarm 17"]
    assert api.calls[0][1]["disable_notification"] in (False, "false")


async def test_what_becomes_of_an_alarm_changes_its_message(telling: Telling, api: FakeTelegram) -> None:
    await telling.tell(new())
    telling.pass_time(1)
    assert await telling.tell(change("42:1", acknowledged())) == [Delivered()]
    assert api.texts(ANN) == [
        "🟡 cam1: motion: garden_gate\nzone garden, 2025-06-15 15:06:40, alarm 1\n"
        "acknowledged by ann over telegram at 15:06:45"
    ]
    telling.pass_time(1)
    over = replace(acknowledged(), state=AlarmState.CLEARED, cleared_at=NOON + 6 * SECOND, cleared_by="bob")
    await telling.tell(change("42:1", over))
    assert api.texts(ANN)[0].startswith("🟢")
    assert api.texts(ANN)[0].endswith("15:06:45\ncleared by bob at 15:06:46")


async def test_an_alarm_whose_cause_is_gone_says_since_when(telling: Telling, api: FakeTelegram) -> None:
    await telling.tell(new())
    telling.pass_time(1)
    over = alarm(state=AlarmState.CLEARED, cleared_at=NOON + 6 * SECOND, cleared_by="alarmd", zone_id=None)
    await telling.tell(change("42:1", over))
    assert api.texts(ANN)[0].endswith("over since 15:06:46")


async def test_alarms_that_wait_together_are_told_together_in_their_order(telling: Telling, api: FakeTelegram) -> None:
    assert await telling.tell(*map(new, (3, 1, 2))) == [Delivered("42:1")] * 3
    assert api.texts(ANN) == [
        "3 alarms, 3 of them open\n"
        "🔴 15:06:40 cam1: motion: garden_gate (alarm 1)\n"
        "🔴 15:06:40 cam1: motion: garden_gate (alarm 2)\n"
        "🔴 15:06:40 cam1: motion: garden_gate (alarm 3)"
    ]
    telling.pass_time(1)
    await telling.tell(change("42:1", alarm(1), acknowledged(2), alarm(3)), change("42:1", alarm(1), acknowledged(2)))
    assert api.texts(ANN)[0].splitlines()[0::2] == [
        "2 alarms, 1 of them open",
        "🟡 15:06:40 cam1: motion: garden_gate (alarm 2, ann over telegram)",
    ]


async def test_one_message_holds_as_many_alarms_as_are_claimed_at_once_whatever_they_say(
    telling: Telling, api: FakeTelegram
) -> None:
    long = [
        replace(new(number), alarm=StoredAlarm(alarm(number, text="🔴" * 500), "c", "z")) for number in range(1, 18)
    ]
    outcomes = await telling.tell(*long)
    assert outcomes[:MAX_TOGETHER] == [Delivered("42:1")] * MAX_TOGETHER
    assert outcomes[MAX_TOGETHER:] == [Later(1.0)]
    lines = api.texts(ANN)[0].splitlines()
    assert len(lines) == MAX_TOGETHER + 1
    assert {len(line.encode("utf-16-le")) // 2 for line in lines[1:]} <= {MAX_LINE, MAX_LINE - 1}


async def test_what_a_device_says_cannot_break_the_lines(telling: Telling, api: FakeTelegram) -> None:
    await telling.tell(replace(new(), alarm=StoredAlarm(alarm(text="a\nb\u202ec\x1b[2J"), "c", None)))
    assert api.texts(ANN)[0].splitlines() == ["🔴 cam1: motion: a·b·c·[2J", "2025-06-15 15:06:40, alarm 1"]


async def test_a_chat_gets_one_message_a_second_and_says_until_when_it_is_busy(
    telling: Telling, api: FakeTelegram
) -> None:
    assert telling.relay.busy(urgent=True) == {}
    await telling.tell(new(1))
    assert telling.relay.busy(urgent=True) == {str(ANN): 1.0}
    assert await telling.tell(new(2)) == [Later(1.0)]
    assert await telling.tell(new(3, GROUP)) == [Delivered("-100:2")], "another chat need not wait"
    telling.pass_time(1)
    assert telling.relay.busy(urgent=True) == {}
    assert len(api.posted) == 2


async def test_a_group_gets_twenty_a_minute_of_which_five_are_for_alarms(telling: Telling, api: FakeTelegram) -> None:
    for number in range(20):
        urgent = {} if number >= 15 else {"urgent": False}
        assert await telling.tell(new(number, GROUP, **urgent)) == [Delivered(f"-100:{number + 1}")]
        telling.pass_time(1)
        assert (str(GROUP) in telling.relay.busy(urgent=False)) == (number >= 14)
    assert telling.relay.busy(urgent=True) == {str(GROUP): 40.0}
    telling.pass_time(40)
    assert telling.relay.busy(urgent=True) == {}
    assert telling.relay.busy(urgent=False)[str(GROUP)] == 5.0


async def test_all_chats_together_get_thirty_a_second(api: FakeTelegram, tmp_path: Path) -> None:
    chats = tuple(api.add_chat(number).id for number in range(1, 33))
    telling = Telling(api.url, tmp_path, chats)
    outcomes = await telling.tell(*(new(1, chat) for chat in chats))
    assert sum(isinstance(outcome, Delivered) for outcome in outcomes) == 30
    assert sum(isinstance(outcome, Later) for outcome in outcomes) == 2
    await telling.relay.close()


async def test_a_chat_is_busy_while_something_is_on_its_way(telling: Telling, api: FakeTelegram) -> None:
    api.fault = lambda method, _parameters: Fault(processed=True) if method == "sendMessage" else None
    told = asyncio.ensure_future(telling.relay.deliver(new()))
    await until(lambda: api.posted)
    telling.pass_time(60)
    assert telling.relay.busy(urgent=True) == {str(ANN): line_module.IN_FLIGHT}
    await telling.relay.close()
    with pytest.raises(asyncio.CancelledError):
        await told


async def test_telegrams_own_word_to_wait_is_kept(telling: Telling, api: FakeTelegram) -> None:
    api.retry_after[ANN] = 7
    assert await telling.tell(new()) == [Later(7.0)]
    assert telling.relay.busy(urgent=True) == {str(ANN): 7.0}
    telling.pass_time(7)
    assert await telling.tell(new()) == [Delivered("42:1")]


async def test_a_group_that_became_a_supergroup_is_told_there_and_that_is_remembered(
    telling: Telling, api: FakeTelegram
) -> None:
    await telling.tell(new(1, GROUP))
    api.migrate(GROUP, SUPERGROUP)
    telling.pass_time(1)
    assert await telling.tell(new(2, GROUP)) == [Delivered(f"{SUPERGROUP}:2", moved_to=str(SUPERGROUP))]
    telling.pass_time(1)
    assert await telling.tell(new(3, GROUP)) == [Delivered(f"{SUPERGROUP}:3")]
    telling.pass_time(1)
    told = change(f"{GROUP}:1", acknowledged(), chat=GROUP)
    assert await telling.tell(told) == [Delivered(f"{SUPERGROUP}:4")], "the old message cannot be changed any more"
    assert api.texts(SUPERGROUP)[-1].startswith("🟡")


async def test_after_a_restart_a_group_is_found_where_it_moved(api: FakeTelegram, tmp_path: Path) -> None:
    api.migrate(GROUP, SUPERGROUP)
    telling = Telling(api.url, tmp_path, moved={str(GROUP): str(SUPERGROUP)})
    assert await telling.tell(new(1, GROUP)) == [Delivered(f"{SUPERGROUP}:1")]
    assert len(api.called("sendMessage")) == 1
    await telling.relay.close()


async def test_a_message_that_somebody_deleted_is_told_anew(telling: Telling, api: FakeTelegram) -> None:
    assert await telling.tell(change("42:99", acknowledged())) == [Delivered("42:1")]
    assert api.texts(ANN)[0].startswith("🟡")
    assert api.called("sendMessage")[0]["disable_notification"] in (True, "true"), "nobody needs to wake up for it"


async def test_a_message_that_says_so_already_is_told(telling: Telling, api: FakeTelegram) -> None:
    await telling.tell(new())
    telling.pass_time(1)
    assert await telling.tell(change("42:1", alarm())) == [Delivered()]


@pytest.mark.parametrize("subject", ["sendMessage", "editMessageText"])
async def test_what_telegram_will_never_take_is_given_up_and_the_fix_is_named(
    telling: Telling, api: FakeTelegram, subject: str
) -> None:
    told = new() if subject == "sendMessage" else change("42:1", alarm())
    api.chats[ANN].writable = False
    (outcome,) = await telling.tell(told)
    assert isinstance(outcome, GiveUp)
    assert "chat 42 (Forbidden: bot was blocked by the user): add it to the group" in outcome.reason
    telling.pass_time(1)
    del api.chats[ANN]
    (outcome,) = await telling.tell(told)
    assert outcome == GiveUp("Telegram refuses this for chat 42: Chat not found; check `chats`")
    telling.pass_time(1)
    api.token = "another"
    (outcome,) = await telling.tell(told)
    assert outcome == GiveUp("Telegram knows no bot with this bot_token: ask @BotFather for the right one")


async def test_a_chat_that_is_no_longer_configured_is_given_up(telling: Telling) -> None:
    assert await telling.tell(new(1, 7)) == [GiveUp("this chat is no longer configured")]


@pytest.mark.parametrize("fault", [Fault(status=500, body=b"{}"), Fault(status=502, body=b"<html>no")])
async def test_a_telegram_that_has_failed_is_tried_again_and_may_have_posted_it(
    telling: Telling, api: FakeTelegram, fault: Fault
) -> None:
    api.fault = lambda _method, _parameters: fault
    (outcome,) = await telling.tell(new())
    assert isinstance(outcome, TryAgain)
    assert outcome.uncertain


@pytest.mark.parametrize("body", [b"<html>Welcome to the hotel", b'{"ok": true, "result": 5}', b"", b"[]", b"\xff\xfe"])
async def test_an_answer_that_is_rubbish_is_no_confirmation(telling: Telling, api: FakeTelegram, body: bytes) -> None:
    api.fault = lambda _method, _parameters: Fault(processed=True, status=200, body=body)
    (outcome,) = await asyncio.gather(telling.relay.deliver(new()), return_exceptions=True)
    assert isinstance(outcome, Exception) or (isinstance(outcome, TryAgain) and outcome.uncertain), "see Lane._try"
    assert TOKEN not in repr(outcome)
    telling.pass_time(1)
    api.fault = lambda _method, _parameters: None
    assert await telling.tell(new()) == [Delivered("42:2")]


async def test_a_telegram_that_is_down_has_certainly_not_posted_it(tmp_path: Path) -> None:
    with black_hole() as port:
        pass
    telling = Telling(f"http://127.0.0.1:{port}", tmp_path)
    assert await telling.tell(new()) == [TryAgain(None, "no answer: ConnectError")]
    await telling.relay.close()


async def test_a_telegram_that_takes_a_request_and_says_nothing_may_have_posted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "READ", 0.05)
    with black_hole() as port:
        telling = Telling(f"http://127.0.0.1:{port}", tmp_path)
        assert await telling.tell(new()) == [TryAgain(None, "no answer: ReadTimeout", uncertain=True)]
        await telling.relay.close()


async def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(
    telling: Telling, api: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_module, "PATIENCE", 0.05)
    api.fault = lambda _method, _parameters: Fault(processed=True)
    assert await telling.tell(new()) == [TryAgain(None, "no answer within 0 s", uncertain=True)]


async def test_a_repeat_waits_until_telegram_answers_and_says_what_it_is(telling: Telling, api: FakeTelegram) -> None:
    api.fault = lambda method, _parameters: Fault(status=500) if method == "getMe" else None
    (outcome,) = await telling.tell(replace(new(), uncertain=True))
    assert isinstance(outcome, TryAgain)
    assert api.posted == []
    telling.pass_time(1)
    api.fault = lambda _method, _parameters: None
    assert await telling.tell(replace(new(), uncertain=True)) == [Delivered("42:1")]
    assert api.texts(ANN)[0].endswith(REPEATED)


async def test_among_several_it_is_said_that_some_may_be_repeats(telling: Telling, api: FakeTelegram) -> None:
    await telling.tell(new(1), replace(new(2), uncertain=True))
    assert api.texts(ANN)[0].endswith(REPEATED)


async def test_a_reminder_is_a_message_that_points_to_the_alarm(telling: Telling, api: FakeTelegram) -> None:
    await telling.tell(new())
    telling.pass_time(600)
    assert await telling.tell(change("42:1", alarm(), subject="reminder")) == [Delivered()]
    assert api.texts(ANN)[1] == "⏰ Nobody has acknowledged\nfor 10 min: cam1: motion: garden_gate (alarm 1)"
    assert api.posted[1].reply_to == 1
    assert api.called("sendMessage")[1]["disable_notification"] == "false"


async def test_reminders_that_wait_together_are_one_and_those_of_alarms_somebody_knows_of_are_none(
    telling: Telling, api: FakeTelegram
) -> None:
    await telling.tell(new(1), new(2), new(3))
    telling.pass_time(3 * 3600)
    reminders = [change("42:1", one, subject="reminder") for one in (alarm(1), acknowledged(2), alarm(3))]
    assert await telling.tell(*reminders, change("42:1", acknowledged(2))) == [Delivered()] * 3 + [Later(1.0)]
    assert api.texts(ANN)[1].splitlines()[1:] == [
        "for 3 h: cam1: motion: garden_gate (alarm 1)",
        "for 3 h: cam1: motion: garden_gate (alarm 3)",
    ]
    telling.pass_time(1)
    assert await telling.tell(reminders[1]) == [Delivered()]
    assert len(api.posted) == 2


async def test_a_reminder_where_the_alarm_was_never_told_tells_it(telling: Telling, api: FakeTelegram) -> None:
    assert await telling.tell(new(subject="reminder", urgent=False)) == [Delivered("42:1")]
    assert api.texts(ANN)[0].startswith("🔴")


async def test_a_reminder_in_a_group_that_moved_points_nowhere(api: FakeTelegram, tmp_path: Path) -> None:
    api.migrate(GROUP, SUPERGROUP)
    telling = Telling(api.url, tmp_path, moved={str(GROUP): str(SUPERGROUP)})
    assert await telling.tell(change(f"{GROUP}:1", alarm(), chat=GROUP, subject="reminder")) == [Delivered()]
    assert api.posted[0].reply_to is None
    await telling.relay.close()


async def test_under_an_alarm_is_what_can_be_done_about_it(telling: Telling, api: FakeTelegram) -> None:
    await telling.tell(new())
    assert [(one["text"], one["callback_data"]) for one in api.posted[0].buttons()] == [
        ("Acknowledge", "a:motion:A:1:1"),
        ("Disarm garden", "d:motion:A:1:1"),
        ("Mute cam1 1 h", "m:motion:A:1:1"),
    ]
    telling.pass_time(1)
    await telling.tell(change("42:1", acknowledged()))
    assert [one["text"] for one in api.posted[0].buttons()] == ["Disarm garden", "Mute cam1 1 h"]
    telling.pass_time(1)
    await telling.tell(change("42:1", alarm(state=AlarmState.CLEARED, cleared_at=NOON, cleared_by="ann")))
    assert api.posted[0].buttons() == []


async def test_a_loss_can_be_acknowledged_only(telling: Telling, api: FakeTelegram) -> None:
    loss = alarm(kind=AlarmKind.CONTACT_LOST, identity="contact_lost:A:1:cam1")
    await telling.tell(replace(new(), alarm=StoredAlarm(loss, "cam1", "garden")))
    assert [one["text"] for one in api.posted[0].buttons()] == ["Acknowledge"]


async def test_of_several_alarms_each_has_its_button(telling: Telling, api: FakeTelegram) -> None:
    await telling.tell(*map(new, range(1, 6)))
    rows = api.posted[0].keyboard["inline_keyboard"]  # type: ignore[index]
    assert [[one["text"] for one in row] for row in rows] == [["✓ 1", "✓ 2", "✓ 3", "✓ 4"], ["✓ 5"]]


async def test_the_token_is_in_nothing_that_is_said(telling: Telling, api: FakeTelegram, caplog: Any) -> None:
    caplog.set_level("INFO", "alarmd")
    api.token = "another"
    (outcome,) = await telling.tell(new())
    assert TOKEN not in repr(outcome) + repr(telling.relay) + str(vars(telling.relay).keys())
