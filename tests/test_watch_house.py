"""What the ping says of a server: nothing while it does its job, else everything that keeps it from it."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from alarmd.config import Config
from alarmd.watch_house import WatchHouse
from tests.running_house import RunningHouse, running_house


class Outbox:
    """As much of the real one as is asked."""

    def __init__(self) -> None:
        self.dead: list[str] = []

    def left_alone(self) -> list[str]:
        return self.dead


def watching(house: RunningHouse, outbox: Outbox, **watch: object) -> WatchHouse:
    config = Config(server={"state_directory": str(house.directory)}, watch=watch)
    return WatchHouse(config, house.house, cast(Any, None), cast(Any, outbox))


def test_what_keeps_the_server_from_its_job_is_told_and_nothing_else(tmp_path: Path) -> None:
    outbox = Outbox()
    with running_house(tmp_path) as house:
        watch = watching(house, outbox)
        assert house.run(watch._fault()) == ""
        outbox.dead = ["hook", "phone"]
        assert house.run(watch._fault()) == "hook takes no messages; phone takes no messages"
        house.condition = replace(house.condition, waiting=100)
        house.database_away = True
        assert house.run(watch._fault()).startswith("the database does not answer; too much waits to be stored")


def test_that_it_stood_still_is_told_once(tmp_path: Path) -> None:
    with running_house(tmp_path) as house:
        watch = watching(house, Outbox())
        house.engine.state.blind += 12.4
        assert house.run(watch._fault()) == "this server stood still for 12 s"
        assert house.run(watch._fault()) == ""


@pytest.mark.parametrize(
    ("settings", "work"),
    [
        ({}, []),
        ({"ping_url": "https://ping.example/x"}, ["ping"]),
        ({"daily_proof": "09:00"}, ["daily proof"]),
    ],
)
def test_only_what_is_wanted_runs(tmp_path: Path, settings: dict[str, object], work: list[str]) -> None:
    with running_house(tmp_path) as house:
        assert list(watching(house, Outbox(), **settings).work(("0.0.0.0", 8443))) == work
