"""Where alarms are told, as it is configured."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from alarmd.config import Config, ConfigError, load_config
from alarmd.core.instant import Instant
from alarmd.core.settings import PictureRoute, Route
from alarmd.destinations import KINDS
from alarmd.destinations.picture_kinds import MAX_CAMERAS
from alarmd.destinations.section import MAX_SECRET_FILE
from alarmd.frames.archive import DirectoryArchive
from alarmd.relays.desk import Desk
from alarmd.relays.log_only import LogOnly
from alarmd.relays.prusaconnect import PrusaConnect
from alarmd.relays.s3 import S3
from alarmd.relays.telegram.relay import Telegram
from alarmd.relays.webhook import Webhook
from tests.fakes.prusaconnect import OTHER_TOKEN as OTHER_CAMERA
from tests.fakes.prusaconnect import TOKEN as CAMERA
from tests.fakes.telegram import TOKEN
from tests.relays.parts import desk
from tests.test_config import mistakes, nothing_else_configured, written

__all__ = ["nothing_else_configured"]
SECRET = "0123456789abcdef"
HOOK = f"""
[alarms]
destinations = ["log", "hook"]
[destinations.hook]
kind = "webhook"
url = "https://example.org/alarms?key=hunter2"
secret = "{SECRET}"
"""


def loaded(text: str, tmp_path: Path) -> Config:
    return load_config(written(tmp_path / "given.toml", text))


def the_desk(tmp_path: Path) -> Desk:
    return desk(lambda: Instant(0, 0.0), {}, DirectoryArchive(tmp_path / "archive", reserve=0))


def hook(**settings: str) -> str:
    lines = {"kind": "webhook", "url": "https://example.org/", "secret": SECRET} | settings
    body = "\n".join(f'{name} = "{value}"' for name, value in lines.items() if value)
    return f'[alarms]\ndestinations = ["hook"]\n[destinations.hook]\n{body}\n'


PHONE = f"""
[alarms]
destinations = ["phone"]
[destinations.phone]
kind = "telegram"
bot_token = "{TOKEN}"
chats = [42, -100]
"""


async def test_a_bot_tells_each_of_its_chats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = loaded(PHONE, tmp_path)
    assert config.rules().routes == (Route("phone", "42"), Route("phone", "-100"))
    (phone,) = config.told().values()
    assert phone.summary() == "Telegram bot 123456789 at https://api.telegram.org, chats 42, -100"
    relay = phone.relay("phone", the_desk(tmp_path))
    assert isinstance(relay, Telegram)
    await relay.close()
    assert TOKEN not in repr(config) + config.model_dump_json() + phone.summary()
    monkeypatch.setenv("ALARMD_DESTINATIONS_PHONE_CHATS", "7, -8")
    monkeypatch.setenv("ALARMD_DESTINATIONS_PHONE_API", "http://127.0.0.1:8081/")
    (phone,) = loaded(PHONE, tmp_path).told().values()
    assert phone.summary() == "Telegram bot 123456789 at http://127.0.0.1:8081, chats 7, -8"


def test_more_chats_may_be_told_later(tmp_path: Path) -> None:
    config = loaded(PHONE + "escalation_chats = [7]\nescalate_after = 60\n", tmp_path)
    assert config.rules().routes[-1] == Route("phone", "7", 60)
    (phone,) = config.told().values()
    assert phone.summary().endswith("chats 42, -100, after 60 s also 7")


PRINTER = f"""
[pictures]
destinations = ["printer"]
[destinations.printer]
kind = "prusaconnect"
[destinations.printer.cameras]
cam1 = "{CAMERA}"
cam2 = "{OTHER_CAMERA}"
"""
COPY = """
[pictures]
destinations = ["copy"]
[films]
destinations = ["copy"]
[destinations.copy]
kind = "s3"
bucket = "pictures-of-the-garden"
"""


async def test_prusaconnect_gets_the_pictures_of_its_cameras_each_a_recipient(tmp_path: Path) -> None:
    config = loaded(PRINTER, tmp_path)
    assert config.rules().picture_routes == (PictureRoute("printer", frozenset({"cam1", "cam2"}), each=True, apart=10),)
    (printer,) = config.pictured().values()
    assert printer.summary() == "PrusaConnect at https://webcam.connect.prusa3d.com, every 10 s, of cam1, cam2"
    relay = printer.relay("printer", the_desk(tmp_path))
    assert isinstance(relay, PrusaConnect)
    assert config.copy_recipients() == []
    await relay.close()
    assert CAMERA not in repr(config) + config.model_dump_json() + printer.summary()


@pytest.mark.parametrize("text", [f'cam1 = "{CAMERA}"\ncam2 = "{OTHER_CAMERA}"\n', f'cam1="{CAMERA}"'])
def test_cameras_may_be_in_a_file(text: str, tmp_path: Path) -> None:
    file = written(tmp_path / "cameras", text)
    given = PRINTER[: PRINTER.index("[destinations.printer.cameras]")] + f'every = 30\ncameras_file = "{file}"\n'
    (printer,) = loaded(given, tmp_path).pictured().values()
    assert printer.picture_routes("printer")[0].apart == 30
    assert printer.cameras["cam1"].get_secret_value() == CAMERA  # type: ignore[union-attr]


def test_cameras_may_be_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_PICTURES_DESTINATIONS", "printer")
    monkeypatch.setenv("ALARMD_DESTINATIONS_PRINTER_KIND", "prusaconnect")
    monkeypatch.setenv("ALARMD_DESTINATIONS_PRINTER_CAMERAS", f"cam1={CAMERA}, cam2={OTHER_CAMERA}")
    (printer,) = load_config().pictured().values()
    assert printer.summary().endswith("of cam1, cam2")


async def test_a_bucket_gets_every_picture_and_films(tmp_path: Path) -> None:
    config = loaded(COPY, tmp_path)
    assert config.rules().picture_routes == (PictureRoute("copy"),)
    assert config.film_recipients() == config.copy_recipients() == [("copy", "")]
    assert list(config.used()) == ["log", "copy"]
    (copy,) = config.pictured().values()
    assert copy.summary() == "S3 at Amazon, bucket pictures-of-the-garden, keys ..."
    relay = copy.relay("copy", the_desk(tmp_path))
    assert isinstance(relay, S3)
    await relay.close()


def test_a_bucket_may_be_elsewhere_with_keys_of_its_own(tmp_path: Path) -> None:
    file = written(tmp_path / "secret", f"{SECRET}\n")
    place = 'endpoint_url = "http://192.168.1.5:9000/"\nprefix = "home/alarm/"\n'
    text = f'{place}access_key = "AK"\nsecret_key_file = "{file}"\n'
    config = loaded(COPY + text, tmp_path)
    (copy,) = config.pictured().values()
    assert copy.summary() == "S3 at http://192.168.1.5:9000, bucket pictures-of-the-garden, keys home/alarm/..."
    assert copy.secret_key.get_secret_value() == SECRET  # type: ignore[union-attr]
    assert SECRET not in repr(config) + config.model_dump_json() + copy.summary()


def test_webhooks_and_the_log_may_get_every_picture_too(tmp_path: Path) -> None:
    config = loaded(HOOK + '[pictures]\ndestinations = ["log", "hook"]\n', tmp_path)
    assert config.rules().picture_routes == (PictureRoute("log"), PictureRoute("hook"))


def alarms_to(name: str, rest: str) -> str:
    return f'[alarms]\ndestinations = ["{name}"]\n{rest}'


async def test_a_webhook_and_the_log_are_what_is_configured(tmp_path: Path) -> None:
    told = loaded(HOOK, tmp_path).told()
    assert {name: one.summary() for name, one in told.items()} == {
        "log": "the server's own log",
        "hook": "webhook at https://example.org",
    }
    relays = [one.relay(name, the_desk(tmp_path)) for name, one in told.items()]
    assert [type(relay) for relay in relays] == [LogOnly, Webhook]
    for relay in relays:
        await relay.close()


def test_without_a_word_alarms_are_told_to_the_log() -> None:
    assert list(load_config().told()) == ["log"]


def test_the_log_may_have_another_name(tmp_path: Path) -> None:
    config = loaded('[alarms]\ndestinations = ["book"]\n[destinations.book]\nkind = "log"\n', tmp_path)
    assert list(config.told()) == ["book"]


def test_every_setting_of_a_destination_can_be_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_ALARMS_DESTINATIONS", "hook")
    monkeypatch.setenv("ALARMD_DESTINATIONS_HOOK_KIND", "webhook")
    monkeypatch.setenv("ALARMD_DESTINATIONS_HOOK_URL", "https://example.com/")
    monkeypatch.setenv("ALARMD_DESTINATIONS_HOOK_SECRET_FILE", str(written(tmp_path / "secret", f" {SECRET}\n")))
    (only,) = load_config().told().values()
    assert only.summary() == "webhook at https://example.com"
    assert only.secret.get_secret_value() == SECRET  # type: ignore[union-attr]
    monkeypatch.setenv("ALARMD_DESTINATIONS_HOOK_URL", "https://example.net/")
    assert "example.net" in loaded(HOOK.replace(f'secret = "{SECRET}"', ""), tmp_path).told()["hook"].summary()


def test_every_mistake_is_told_at_once_and_no_secret_with_them(tmp_path: Path) -> None:
    text = """
[alarms]
destinations = ["log", "hok"]
[destinations.Hook]
kind = "log"
[destinations.first]
kind = "webhook"
url = "ftp://example.org/hunter2"
secret = "hunter2"
[destinations.second]
kind = "pager"
[destinations.third]
url = "x"
[destinations.fourth]
kind = "webhook"
secret = "hunter2hunter2hunter2"
secert = "hunter2"
[lfcp]
port = -1
"""
    told = mistakes(text, tmp_path)
    by_setting = {line.partition(": ")[0]: line for line in told}
    assert "known are Hook, first, fourth, log, second, third" in by_setting["alarms.destinations"]
    assert "ALARMD_DESTINATIONS_FIRST_SECRET" in by_setting["destinations.first.secret"]
    assert "16 characters" in by_setting["destinations.first.secret"]
    assert "write https://host/path" in by_setting["destinations.first.url"]
    assert "small letters and digits" in by_setting["destinations.Hook"]
    assert f"write {', '.join(KINDS)}" in by_setting["destinations.second.kind"]
    assert "write" in by_setting["destinations.third.kind"]
    assert "destinations.fourth.url: is missing" in by_setting["destinations.fourth.url"]
    assert "known are kind, url, secret" in by_setting["destinations.fourth.secert"]
    assert "lfcp.port" in by_setting
    unlisted = [line for line in told if "nothing would be sent there" in line]
    assert len(unlisted) == 5
    assert len(told) == 14
    assert "hunter2" not in " ".join(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("destinations = 5\n", "destinations: should be a valid dictionary; write a section [destinations.NAME]"),
        ("[destinations]\nphone = 5\n", "destinations.phone"),
        ('alarms = 5\n[destinations.book]\nkind = "log"\n', "write a section [alarms]"),
        ("[alarms]\ndestinations = 5\n", "alarms.destinations"),
        ("[alarms]\ndestinations = [[5]]\n[destinations.book]\nkind = [5]\n", "destinations.book.kind: write log"),
        (PHONE.replace("chats = [42, -100]", ""), "destinations.phone.chats: is missing"),
        (PHONE + "escalation_chats = [-100]\n", "destinations.phone: chat -100 is in both"),
        (PHONE + "escalate_after = 0\n", "destinations.phone.escalate_after"),
        (PHONE.replace("[42, -100]", "[]"), "destinations.phone.chats: "),
        (PHONE.replace("[42, -100]", "[42, 42]"), "destinations.phone.chats: names one twice"),
        (PHONE.replace("[42, -100]", '["@ann"]'), "destinations.phone.chats"),
        (PHONE.replace(TOKEN, "hunter2"), "this is no bot token"),
        (PHONE.replace(f'bot_token = "{TOKEN}"', ""), "set either bot_token or bot_token_file"),
        (PHONE + 'api = "http://example.org"\n', "use https"),
        (PHONE + 'api = "https://example.org/?x=1"\n', "write https://host"),
        (PHONE + PHONE[PHONE.index("[dest") :].replace(".phone", ".tablet"), "two have one bot_token"),
        (alarms_to("copy", COPY), "alarms.destinations: 'copy' is of kind s3, which takes no alarms; list it in"),
        (alarms_to("printer", PRINTER), "takes no alarms; list it in pictures.destinations"),
        (PRINTER.replace("[pictures]", "[films]"), "takes no films; list it in pictures.destinations"),
        (PHONE + '[pictures]\ndestinations = ["phone"]\n', "pictures of alarms go there by themselves"),
        ('[pictures]\ndestinations = ["hok"]\n', "pictures.destinations: there is no destination 'hok'"),
        (COPY.replace('["copy"]', "[]"), "add it to pictures.destinations or films.destinations"),
        (PRINTER.replace(CAMERA, "hunter2"), "cam1: a camera's token in PrusaConnect has 20"),
        (PRINTER.replace(CAMERA, OTHER_CAMERA), "two cameras have one token"),
        (PRINTER.replace("cam1", '"../cam1"'), "'../cam1' is no device's name"),
        (PRINTER.replace('connect"\n', 'connect"\nevry = 10\n'), "no such setting; known are kind, cameras"),
        (PRINTER[: PRINTER.index("[destinations.printer.")], "set either cameras or cameras_file"),
        (PRINTER.replace('connect"\n', 'connect"\nevery = 9\n'), "destinations.printer.every"),
        (PRINTER[: PRINTER.index("[destinations.printer.")] + 'cameras_file = "empty"', "empty is empty"),
        (PRINTER[: PRINTER.index("[destinations.printer.")] + 'cameras = "x\\ny"', "is not TOML"),
        (PRINTER + "".join(f'c{n} = "{n:020}"\n' for n in range(MAX_CAMERAS)), "destinations.printer.cameras"),
        (COPY.replace("pictures-of-the-garden", "a/b"), "destinations.copy.bucket"),
        (COPY + 'prefix = "/x"\n', "not beginning with /"),
        (COPY + 'prefix = "x/../y"\n', "without .. and //"),
        (COPY + 'access_key = "AK"\n', "set access_key and secret_key, or neither"),
        (COPY + 'secret_key = "hunter2"\n', "set access_key and secret_key, or neither"),
        (COPY + 'secret_key = "hunter2"\nsecret_key_file = "/x"\n', "set either secret_key or secret_key_file"),
        (COPY + 'endpoint_url = "http://example.org"\n', "use https, or the private IP address"),
        (hook(url="http://example.org/"), "use https, or the private IP address"),
        (hook(url="http://192.0.2.300/"), "use https"),
        (hook(url="https://[::1/"), "this URL cannot be read"),
        (hook(url="https://example.org:port/"), "this URL cannot be read"),
        (hook(url="https:///x"), "write https://host/path"),
        (hook(url="https://petr:hunter2@example.org/"), "a user name or password is refused"),
        (hook(secret=""), "destinations.hook: set either secret or secret_file"),
        (hook(secret_file="/x"), "destinations.hook: set either secret or secret_file"),
        (hook(secret="", secret_file="/nowhere/x"), "/nowhere/x cannot be read: No such file"),
        (hook(secret="", secret_file="binary"), "binary is not text"),
        (hook(secret="", secret_file="empty"), "empty is empty"),
    ],
)
def test_a_mistake_says_what_is_allowed(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff" * (MAX_SECRET_FILE + 1))
    (tmp_path / "empty").write_text(" \n")
    assert any(told in line for line in mistakes(text, tmp_path)), mistakes(text, tmp_path)
    assert "hunter2" not in " ".join(mistakes(text, tmp_path))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8123/x", "http://192.168.1.5/", "http://[fd00::1]/", "http://localhost/"]
)
def test_a_receiver_at_home_may_be_spoken_to_in_clear(url: str, tmp_path: Path) -> None:
    assert "http://" in loaded(hook(url=url), tmp_path).told()["hook"].summary()


def test_a_variable_of_no_setting_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_DESTINATIONS_HOOK", "x")
    with pytest.raises(ConfigError, match="ALARMD_DESTINATIONS_HOOK: no such setting"):
        load_config()


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    config = loaded(HOOK, tmp_path)
    said = repr(config) + str(config) + config.model_dump_json() + config.told()["hook"].summary()
    assert "hunter2" not in said
    assert SECRET not in said


def test_the_example_shows_every_kind_and_can_be_used_as_it_is_shown(tmp_path: Path) -> None:
    text = (files("alarmd") / "alarmd.toml.example").read_text()
    shown = re.findall(r"^# (\[destinations\..*\]|[a-z_]+ = .*)$", text, re.MULTILINE)
    destinations = tomllib.loads("\n".join(shown))["destinations"]
    assert {one["kind"] for one in destinations.values()} == set(KINDS) - {"log"}
    for one in destinations.values():
        for name in [name for name in one if name.endswith("_file")]:
            one[name] = str(written(tmp_path / name, f'cam1 = "{CAMERA}"' if name == "cameras_file" else TOKEN))
        KINDS[one["kind"]].model_validate(one)
