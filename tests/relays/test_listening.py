"""A relay listens to people only while its server is the one that speaks."""

import asyncio

import pytest

from alarmd.relays import listening
from alarmd.relays.listening import listen_while
from tests.waiting import until


class Bot:
    def __init__(self) -> None:
        self.wanted = False
        self.listens = False
        self.times = 0
        self.failure: Exception | None = None

    async def listen(self) -> None:
        self.listens = True
        self.times += 1
        try:
            if self.failure is not None:
                raise self.failure
            await asyncio.Event().wait()
        finally:
            self.listens = False


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch) -> Bot:
    monkeypatch.setattr(listening, "LOOK", 0.005)
    return Bot()


async def test_a_relay_listens_from_when_it_is_wanted_until_it_is_no_longer(bot: Bot) -> None:
    work = asyncio.create_task(listen_while(lambda: bot.wanted, bot.listen))
    for _ in range(2):
        await asyncio.sleep(0)
        assert not bot.listens
        bot.wanted = True
        await until(lambda: bot.listens)
        bot.wanted = False
        await until(lambda: not bot.listens)
    assert bot.times == 2
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_a_relay_is_stopped_with_its_server(bot: Bot) -> None:
    bot.wanted = True
    work = asyncio.create_task(listen_while(lambda: True, bot.listen))
    await until(lambda: bot.listens)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert not bot.listens
    assert work.cancelled()


async def test_a_relay_that_fails_says_so(bot: Bot) -> None:
    bot.failure = RuntimeError("defect")
    with pytest.raises(RuntimeError, match="defect"):
        await listen_while(lambda: True, bot.listen)
