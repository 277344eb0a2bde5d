"""Alarms as they reach a destination: over real HTTP, from a real server that also dies."""

import itertools
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from alarmd.relays.telegram.wording import REPEATED
from tests.fakes.receiver import Receiver, Reply, receiver
from tests.fakes.telegram import TOKEN, FakeTelegram, Fault, fake_telegram
from tests.serving import LOOPBACK, Served, served
from tests.waiting import wait_until

MOTION = b"cam1,MOAL,gate,0,0,0,0,0"
SECRET = "the receiver and we know it"
ANN, GROUP, SUPERGROUP = 42, -100, -1001000


@pytest.fixture
def api() -> Iterator[FakeTelegram]:
    with fake_telegram() as made:
        made.add_chat(ANN)
        made.add_chat(GROUP, "the house")
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def configured(hook: Receiver) -> dict[str, str]:
    return {
        "ALARMS_DESTINATIONS": "log,hook",
        "DESTINATIONS_HOOK_KIND": "webhook",
        "DESTINATIONS_HOOK_URL": hook.url,
        "DESTINATIONS_HOOK_SECRET": SECRET,
    }


def subjects(hook: Receiver) -> list[str]:
    return [json.loads(request.body)["subject"] for request in hook.received]


def test_an_alarm_and_what_becomes_of_it_reach_a_webhook_in_order(tmp_path: Path, hook: Receiver) -> None:
    with served(tmp_path, **configured(hook)) as server:
        server.ask(MOTION)
        server.command("alarms", "ack", "1")
        server.command("alarms", "clear", "1")
        wait_until(lambda: len(hook.received) == 3, "the messages")
        assert server.stop() == 0
        assert SECRET not in server.log_text()
        assert "in-the-url" not in server.log_text()
    assert subjects(hook) == ["raised", "acknowledged", "cleared"]


@pytest.mark.prove
def test_a_server_killed_between_sending_and_confirming_sends_the_same_key_again(
    tmp_path: Path, hook: Receiver
) -> None:
    hook.reply = lambda _request: Reply(hang=len(hook.received) == 1)
    with served(tmp_path, **configured(hook)) as server:
        server.ask(MOTION)
        wait_until(lambda: hook.received, "the first attempt")
        server.stop(signal.SIGKILL)
        server.start()
        wait_until(lambda: len(hook.received) == 2, "the second attempt")
        wait_until(lambda: server.told("status")["outbox"]["pending"] == 0, "the confirmation")
        server.stop()
    assert len({request.headers["Idempotency-Key"] for request in hook.received}) == 1
    assert [json.loads(request.body)["attempt"] for request in hook.received] == [1, 2]


def test_a_webhook_that_never_answers_delays_neither_an_ack_nor_the_log(tmp_path: Path, hook: Receiver) -> None:
    hook.reply = lambda _request: Reply(hang=True)
    with served(tmp_path, **configured(hook)) as server:
        told_to_log(server, 1)
        for number in range(2, 20):
            assert server.ask(f"cam{number},MOAL,gate,0,0,0,0,0".encode()) == f"cam{number},ACK,0,0,0,0,0,0".encode()
        wait_until(lambda: len(server.logged("alarm")) == 19, "the log")
        assert not server.logged("a delivery failed in an unforeseen way")


def telegram(api: FakeTelegram) -> dict[str, str]:
    return {
        "ALARMS_DESTINATIONS": "log,phone",
        "DESTINATIONS_PHONE_KIND": "telegram",
        "DESTINATIONS_PHONE_BOT_TOKEN": TOKEN,
        "DESTINATIONS_PHONE_CHATS": f"{ANN},{GROUP}",
        "DESTINATIONS_PHONE_API": api.url,
        "LOGGING_LEVEL": "debug",
    }


def told(server: Served) -> bool:
    """Whether nothing waits to be told."""
    outbox = server.told("status")["outbox"]
    return bool(outbox["pending"] == outbox["leased"] == 0)


def test_each_chat_gets_a_message_that_changes_with_the_alarm_also_over_a_restart(
    tmp_path: Path, api: FakeTelegram
) -> None:
    with served(tmp_path, **telegram(api)) as server:
        server.ask(MOTION)
        wait_until(lambda: len(api.posted) == 2, "the messages")
        assert server.stop() == 0
        server.start()
        server.command("alarms", "ack", "1")
        wait_until(lambda: all(message.edits for message in api.posted), "the changes")
        wait_until(lambda: told(server), "the outbox")
        log = server.log_text()
        assert server.stop() == 0
        assert TOKEN not in log + server.log_text()
    assert len(api.posted) == 2
    assert {message.text.splitlines()[0] for message in api.posted} == {"🟡 cam1: motion: gate"}
    assert all("\nacknowledged by " in message.text for message in api.posted)


def test_a_server_killed_between_posting_and_confirming_posts_one_repeat_at_most_and_says_so(
    tmp_path: Path, api: FakeTelegram
) -> None:
    api.fault = lambda method, _parameters: Fault(processed=True) if method == "sendMessage" else None
    with served(tmp_path, **telegram(api)) as server:
        server.ask(MOTION)
        wait_until(lambda: len(api.posted) == 2, "the first messages")
        server.stop(signal.SIGKILL)
        api.fault = lambda _method, _parameters: None
        server.start()
        wait_until(lambda: told(server), "the outbox")
        assert server.stop() == 0
    for chat in (ANN, GROUP):
        first, second = api.texts(chat)
        assert second == f"{first}\n{REPEATED}"


def test_a_black_hole_in_telegrams_place_delays_neither_an_ack_nor_another_destination(
    tmp_path: Path, api: FakeTelegram, hook: Receiver
) -> None:
    api.fault = lambda _method, _parameters: Fault()
    both = configured(hook) | telegram(api) | {"ALARMS_DESTINATIONS": "log,hook,phone"}
    with served(tmp_path, **both) as server:
        for number in range(1, 20):
            assert server.ask(f"cam{number},MOAL,gate,0,0,0,0,0".encode()) == f"cam{number},ACK,0,0,0,0,0,0".encode()
        wait_until(lambda: len(server.logged("alarm")) == len(hook.received) == 19, "the other destinations")
        assert api.posted == []


def test_an_answer_in_telegram_reaches_the_rules_and_the_message_says_who_gave_it(
    tmp_path: Path, api: FakeTelegram
) -> None:
    with served(tmp_path, **telegram(api)) as server:
        server.ask(MOTION)
        wait_until(lambda: api.texts(ANN), "the message")
        (message,) = [one for one in api.posted if one.chat.id == ANN]
        api.press(message, message.buttons()[0]["callback_data"], ANN)
        wait_until(lambda: all("\nacknowledged by ann over Telegram" in one.text for one in api.posted), "the change")
        (alarm,) = server.told("alarms")["alarms"]
        assert (alarm["state"], alarm["acknowledged_by"]) == ("acknowledged", "ann over Telegram")
        api.say(ANN, "/disarm home")
        wait_until(lambda: "Zone home is disarmed now." in api.texts(ANN), "the answer")
        assert server.told("zones")["zones"][0]["arming"] == "disarmed"
        api.add_chat(666, "eve")
        api.say(666, "/arm home")
        wait_until(lambda: server.logged("somebody wrote to the bot from a chat that is not configured"), "the log")
        assert api.texts(666) == []
        assert server.stop() == 0
        assert TOKEN not in server.log_text()


@pytest.mark.prove
def test_a_server_stops_in_time_although_telegram_says_nothing(tmp_path: Path, api: FakeTelegram) -> None:
    with served(tmp_path, **telegram(api)) as server:
        wait_until(lambda: server.logged("the bot listens"), "the bot")
        api.fault = lambda _method, _parameters: Fault()
        server.ask(MOTION)
        wait_until(lambda: server.logged("alarm"), "the log")
        assert server.stop() == 0
        assert not server.logged("a task failed and begins again")


def test_a_burst_of_alarms_is_few_messages_and_nothing_is_missing(tmp_path: Path, api: FakeTelegram) -> None:
    with served(tmp_path, **telegram(api)) as server:
        with server.device() as device:
            for number in range(40):
                device.sendto(f"cam{number},MOAL,gate,0,0,0,0,0".encode(), (LOOPBACK, server.lfcp_port))
        wait_until(lambda: all(seen(api, ANN, number) for number in range(40)), "every alarm")
        assert server.stop() == 0
    assert len(api.texts(ANN)) < 10
    moments = [moment for chat, moment in api.times if chat == ANN]
    assert min(later - earlier for earlier, later in itertools.pairwise(moments)) > 0.9


def seen(api: FakeTelegram, chat: int, number: int) -> bool:
    return any(f" cam{number}: motion" in text for text in api.texts(chat))


@pytest.mark.prove
def test_a_group_that_became_a_supergroup_is_told_there_after_a_restart_too(tmp_path: Path, api: FakeTelegram) -> None:
    api.migrate(GROUP, SUPERGROUP)
    with served(tmp_path, **telegram(api)) as server:
        server.ask(MOTION)
        wait_until(lambda: told(server) and api.texts(SUPERGROUP), "the first message")
        server.stop()
        server.start()
        server.ask(b"cam2,MOAL,gate,0,0,0,0,0")
        wait_until(lambda: len(api.texts(SUPERGROUP)) == 2, "the second message")
    assert len([call for call in api.called("sendMessage") if int(call["chat_id"]) == GROUP]) == 1


def told_to_log(server: Served, number: int) -> None:
    server.ask(f"cam{number},MOAL,gate,0,0,0,0,0".encode())
    wait_until(lambda: server.logged("alarm"), "the log")


def test_a_configuration_is_shown_without_its_secrets(tmp_path: Path, hook: Receiver) -> None:
    with served(tmp_path, **configured(hook)) as server:
        shown = server.command("check-config")
        assert f"Alarms are told to hook: webhook at {hook.url.partition('/alarms')[0]}\n" in shown
        assert "Alarms are told to log: the server's own log\n" in shown
        assert "in-the-url" not in shown
        assert SECRET not in shown


def test_nobody_told_is_said(tmp_path: Path) -> None:
    with served(tmp_path, ALARMS_DESTINATIONS="") as server:
        assert "Alarms are told to nobody" in server.command("check-config")
