from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from alarmd.relays.interface import Delivered
from alarmd.relays.log_only import LogOnly
from tests.contracts.records import PICTURE
from tests.relays.parts import lease


async def test_a_picture_that_came_with_an_alarm_is_one_line_with_its_key() -> None:
    with capture_logs() as lines:
        assert await LogOnly().deliver(lease(subject="picture", attachment=PICTURE.key)) == Delivered()
    (line,) = lines
    assert (line["event"], line["log_level"], line["subject"]) == ("alarm", "warning", "picture")
    assert (line["alarm_id"], line["attachment"]) == (1, PICTURE.key)


async def test_a_picture_of_no_alarm_is_no_warning() -> None:
    told = replace(lease(subject="picture", attachment=PICTURE.key, alarm_id=None), alarm=None)
    with capture_logs() as lines:
        await LogOnly().deliver(told)
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("picture", "info")
    assert "alarm_id" not in line


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "two\nlines"])
async def test_a_terminal_obeys_nothing_of_it(text: str) -> None:
    with capture_logs() as lines:
        await LogOnly().deliver(lease(text=text))
    assert lines[0]["text"].isprintable()
    assert "attachment" not in lines[0]
