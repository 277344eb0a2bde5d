"""`alarmd camera`: setting up, secrets, and asking for a picture."""

import io
import re
from pathlib import Path

import pytest

from alarmd.cli import exits
from alarmd.core.inputs import CameraIntroduced
from tests.cli.conftest import Alarmd
from tests.cli.test_output import on_terminal
from tests.frames.camera import PICTURE, answer
from tests.running_house import RunningHouse
from tests.served_camera import served_camera

URL = "http://anna:hush@192.0.2.7/capture"
SECRET = re.compile(r"^secret +([A-Za-z0-9]{20})$", re.MULTILINE)


@pytest.fixture(autouse=True)
def _adopted(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "adopt", "cam1")


def facts(shown: str) -> dict[str, str]:
    return dict(re.split(r"  +", line, maxsplit=1) for line in shown.splitlines())  # type: ignore[misc]


def test_without_cameras_the_list_says_how_to_get_one(alarmd: Alarmd) -> None:
    ended = alarmd("camera", "list")
    assert (ended.code, ended.out) == (0, "")
    assert "No cameras yet; `alarmd camera set --help`" in ended.err


def test_a_device_that_is_no_camera_yet_is_shown_with_the_next_step(alarmd: Alarmd) -> None:
    shown = facts(alarmd.fine("camera", "show", "cam1").out)
    assert "alarmd camera token --help" in shown["pictures come"]
    assert (shown["uploads from"], shown["asked every"], shown["newest"]) == ("anywhere", "never", "none")


def test_a_camera_is_set_up_word_by_word(alarmd: Alarmd) -> None:
    alarmd.fine("camera", "set", "cam1", "--from", "192.0.2.7", "--from", "2001:db8::/64", "--by-address")
    shown = facts(alarmd.fine("camera", "set", "cam1", "--pull", URL, "--every", "30s", "--no-on-alarm").out)
    assert shown["pictures come"] == "by address, pulled"
    assert "can be asked" not in shown
    assert shown["uploads from"] == "192.0.2.7/32, 2001:db8::/64"
    assert (shown["asked every"], shown["asked on alarm"]) == ("30 s", "no")
    shown = facts(alarmd.fine("camera", "set", "cam1", "--no-by-address", "--from-anywhere", "--no-pull").out)
    assert shown["uploads from"] == "anywhere"
    shown = facts(alarmd.fine("camera", "set", "cam1", "--every", "never", "--on-alarm").out)
    assert (shown["asked every"], shown["asked on alarm"]) == ("never", "yes")
    assert shown["can be asked"].startswith("no: it has no pull URL")


def test_one_command_makes_a_device_ours_and_a_camera(alarmd: Alarmd) -> None:
    shown = facts(alarmd.fine("camera", "set", "stopmotion", "--adopt", "--from", "192.0.2.9", "--by-address").out)
    assert shown["pictures come"] == "by address"
    assert SECRET.search(alarmd.fine("camera", "token", "cam3", "--adopt").out)
    alarmd.fine("camera", "token", "cam3", "--adopt", "--renew")
    for name in ("stopmotion", "cam3"):
        assert alarmd.fine("device", "show", name, "--json").json["standing"] == "adopted"


def test_the_pull_url_is_on_no_screen(alarmd: Alarmd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{URL}\n"))
    said = [alarmd.fine("camera", "set", "cam1", "--pull", "-").out]
    said += [
        alarmd.fine(*words).out for words in (("camera", "show", "cam1", "--json"), ("camera", "list"), ("events",))
    ]
    assert "pulled" in said[0]
    assert "hush" not in "".join(said)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("set", "cam1"), "nothing to change"),
        (("set", "cam1", "--every", "soon"), "or never"),
        (("set", "cam1", "--every", "2"), "5 to 86400 seconds"),
        (("set", "cam1", "--pull", "gate"), "write http://host/path"),
        (("set", "cam1", "--pull", URL, "--no-pull"), "not both"),
        (("set", "cam1", "--from", "192.0.2.1", "--from-anywhere"), "not both"),
        (("token", "cam1", "--renew", "--revoke"), "--revoke alone"),
        (("token", "cam1", "--adopt", "--revoke"), "--revoke alone"),
        (("show", "nobody"), "no device 'nobody'"),
        (("snap", "cam1"), "no pull URL"),
    ],
)
def test_what_cannot_be_is_told_with_the_fix(alarmd: Alarmd, words: tuple[str, ...], complaint: str) -> None:
    ended = alarmd("camera", *words)
    assert ended.code in (exits.FAILED, exits.WRONG_USAGE)
    assert complaint in ended.err


def test_the_list_tells_the_age_of_the_newest_picture(alarmd: Alarmd, house: RunningHouse) -> None:
    house.picture("cam1")
    alarmd.fine("camera", "set", "cam1", "--every", "10m")
    headings, row = alarmd.fine("camera", "list").out.splitlines()
    assert "NEWEST" in headings
    assert re.search(r"cam1 .* \d+ s ago +device", row)
    assert "10 min" in row
    assert re.search(
        r"^newest +.* \(\d+ s ago\), picture 1 of cam1: 64x48, ",
        alarmd.fine("camera", "show", "cam1").out,
        re.MULTILINE,
    )
    assert "newest picture" in alarmd.fine("device", "show", "cam1").out


def test_a_secret_is_shown_once_with_the_ways_to_use_it(alarmd: Alarmd, house: RunningHouse) -> None:
    shown = alarmd.fine("camera", "token", "cam1").out
    found = SECRET.search(shown)
    assert found is not None
    (url,) = set(re.findall(rf"http://\S+:8081/u/{found[1]}", shown))
    assert f"curl --data-binary @picture.jpg {url}" in shown
    assert re.search(rf"PrusaConnect +http://\S+:8081/c/snapshot, token {found[1]}", shown)
    again = alarmd("camera", "token", "cam1")
    assert (again.code, "--renew" in again.err) == (exits.FAILED, True)
    other = alarmd.fine("camera", "token", "cam1", "--renew", "--json").json
    assert (other["device"], other["url"].rpartition("/")[2]) == ("cam1", other["secret"])
    assert other["secret"] != found[1]
    alarmd.fine("camera", "token", "cam1", "--revoke")
    assert alarmd.fine("camera", "token", "cam1", "--revoke", "--json").json == {"revoked": "cam1"}
    assert house.engine.state.upload_digests == {}


def test_a_camera_that_introduced_itself_is_shown_as_bound(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("camera", "token", "cam1")

    async def introduce() -> None:
        await house._submit(CameraIntroduced("cam1", "f" * 16, r'{"name":"\u001bcam"}'))

    house.run(introduce())
    shown = facts(alarmd.fine("camera", "show", "cam1").out)
    assert "belongs to the PrusaConnect camera" in shown["bound"]
    assert shown["it says"] == r'{"name":"\u001bcam"}'


def test_the_configured_address_of_uploads_is_the_one_that_is_told(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALARMD_INGEST_ADDRESSES", "2001:db8::1")
    monkeypatch.setenv("ALARMD_INGEST_PORT", "9000")
    assert alarmd.fine("camera", "token", "cam1", "--json").json["server"] == "http://[2001:db8::1]:9000"
    monkeypatch.setenv("ALARMD_INGEST_ADDRESSES", "")
    shown = alarmd.fine("camera", "token", "cam1", "--renew").out
    assert "listens for no uploads: set ingest.addresses" in shown
    assert SECRET.search(shown)


def test_on_a_terminal_there_is_a_qr_code_of_the_url(alarmd: Alarmd) -> None:
    assert "█" in on_terminal("camera", "token", "cam1")[1]
    assert "█" not in on_terminal("camera", "token", "cam1", "--renew", "--no-qr")[1]


def test_a_picture_is_asked_for_and_saved(alarmd: Alarmd, tmp_path: Path) -> None:
    with served_camera() as camera:
        alarmd.fine("camera", "set", "cam1", "--pull", camera.url())
        ended = alarmd("camera", "snap", "cam1", "--out", "now.jpg")
        assert ended.code == 0
        assert re.search(r"^ +0\.\d+ s  cam1 is asked for a picture$", ended.err, re.MULTILINE)
        assert "picture 1 of cam1: 64x48" in ended.err
        assert (tmp_path / "now.jpg").read_bytes() == PICTURE
        before = len(camera.heads)
        again = alarmd("camera", "snap", "cam1", "--out", "now.jpg", "--json")
        assert (again.code, again.error["reason"], len(camera.heads)) == (exits.FAILED, "exists", before)
        told = alarmd.fine("camera", "snap", "cam1", "--json").json
    assert (told["state"], told["picture"]["trigger"]) == ("taken", "command")


def test_a_camera_that_gives_none_is_told_by_the_exit_code(alarmd: Alarmd) -> None:
    with served_camera(lambda _head: answer(b"", "text/plain", "404 Not Found")) as camera:
        alarmd.fine("camera", "set", "cam1", "--pull", camera.url())
        ended = alarmd("camera", "snap", "cam1")
    assert ended.code == exits.NOT_DONE
    assert ended.err.endswith("alarmd: cam1: no picture: it answers with HTTP status 404\n")
    row = alarmd.fine("camera", "list").out.splitlines()[1]
    assert row.endswith("it answers with HTTP status 404")


def test_a_camera_that_takes_its_time_is_told_by_another(alarmd: Alarmd) -> None:
    with served_camera(lambda _head: None) as camera:
        alarmd.fine("camera", "set", "cam1", "--pull", camera.url())
        ended = alarmd("camera", "snap", "cam1", "--wait", "1s", "--json")
    assert ended.code == exits.NOT_YET
    assert (ended.json["state"], ended.error["reason"]) == ("asked", "not_yet")


def test_long_lists_are_read_page_by_page(alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cam2", "cam3"):
        alarmd.fine("device", "adopt", name)
    for name in ("cam1", "cam2", "cam3"):
        alarmd.fine("camera", "set", name, "--on-alarm")
    monkeypatch.setattr("alarmd.web.cameras.page", lambda names, after, _limit: _pages(names, after))
    assert [one["device"] for one in alarmd.fine("camera", "list", "--json").json["cameras"]] == [
        "cam1",
        "cam2",
        "cam3",
    ]


def _pages(names: set[str], after: str) -> tuple[list[str], str | None]:
    (first, *more) = sorted(name for name in names if name > after)
    return [first], first if more else None
