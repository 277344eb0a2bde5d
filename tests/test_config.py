import os
import re
import tomllib
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from alarmd.adapters.peer.authority import issue
from alarmd.adapters.peer.certificates import PAIR_KEY, Facts, Role, save_pair
from alarmd.config import DESTINATIONS, Config, ConfigError, default_state_directory, find_config, load_config, reading
from alarmd.core.settings import Settings, UnknownDevices

EXAMPLE = files("alarmd") / "alarmd.toml.example"


@pytest.fixture(autouse=True)
def nothing_else_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variables of the machine, no files of its user."""
    for name in list(os.environ):
        if name.startswith("ALARMD_") and not name.startswith("ALARMD_TEST_"):
            monkeypatch.delenv(name)
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(reading, "SYSTEM_FILE", tmp_path / "etc" / "alarmd.toml")
    monkeypatch.chdir(tmp_path)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def mistakes(text: str, tmp_path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path / "given.toml", text))
    return list(caught.value.mistakes)


def settings_of(section: BaseModel) -> dict[str, object]:
    def plain(value: object) -> object:
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        return list(value) if isinstance(value, tuple) else value

    return {name: plain(getattr(section, name)) for name in type(section).model_fields}


def test_without_a_file_the_server_runs_on_defaults() -> None:
    config = load_config()
    assert config.lfcp.port == 8443
    assert config.operator.port == 8445
    assert (config.http.address, config.http.port) == ("127.0.0.1", 8080)
    assert config.rules() == Settings()


def test_the_example_has_every_setting_with_its_default() -> None:
    written_out = tomllib.loads(EXAMPLE.read_text())
    config = load_config()
    sections = [name for name in Config.model_fields if name != DESTINATIONS]
    assert written_out == {name: settings_of(getattr(config, name)) for name in sections}
    assert config.destinations == {}


def test_the_example_can_be_used_as_it_is(tmp_path: Path) -> None:
    assert load_config(written(tmp_path / "given.toml", EXAMPLE.read_text())) == load_config()


def test_every_setting_of_the_example_is_explained() -> None:
    for paragraph in re.split(r"\n(?=#)", EXAMPLE.read_text()):
        assert "=" not in paragraph or paragraph.lstrip().startswith("#"), paragraph


def test_every_setting_of_the_rules_can_be_configured(tmp_path: Path) -> None:
    save_pair(tmp_path, Facts("id", "B", "C", Role.LISTENS, None), issue(("B", "C"))[0], bytes(PAIR_KEY))
    changed = {
        "server": {"label": "B", "time_zone": "Europe/Prague", "state_directory": str(tmp_path)},
        "devices": {
            "unknown": "reject", "limit": 7, "message_rate": 1.5, "message_burst": 9.0,
            "stranger_rate": 2.5, "stranger_burst": 11.0,
        },
        "supervision": {"report_within": 60.0, "failover_hysteresis": 5.0, "failover_latched": True},
        "alarms": {"incident_quiet": 30.0, "destinations": [], "remind_every": 60, "reminders": 2},
            "pictures": {"destinations": ["log"]},
        "commands": {"time_to_live": 77.0},
        "rendezvous": {"enabled": False, "birthday": True, "relay_bytes_per_second": 2048},
    }  # fmt: skip
    rules = Config(**changed).rules()
    unchanged = Settings()
    same = [one.name for one in fields(Settings) if getattr(rules, one.name) == getattr(unchanged, one.name)]
    assert same == ["member"], "a place in a cluster is given by its database"


def test_every_setting_can_be_given_by_the_environment_and_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "given.toml", '[lfcp]\nport = 1\nconnections = 5\n[devices]\nunknown = "reject"\n')
    monkeypatch.setenv("ALARMD_LFCP_PORT", "2")
    monkeypatch.setenv("ALARMD_LFCP_ADDRESSES", "192.0.2.1, ::1")
    monkeypatch.setenv("ALARMD_HTTP_HOSTS", '["alarm.example"]')
    monkeypatch.setenv("ALARMD_SUPERVISION_FAILOVER_LATCHED", "true")
    config = load_config(file)
    assert (config.lfcp.port, config.lfcp.connections) == (2, 5)
    assert config.lfcp.addresses == ("192.0.2.1", "::1")
    assert config.http.hosts == ("alarm.example",)
    assert config.supervision.failover_latched
    assert config.devices.unknown is UnknownDevices.REJECT


@pytest.mark.parametrize(
    ("section", "setting"), [(name, key) for name, keys in tomllib.loads(EXAMPLE.read_text()).items() for key in keys]
)
def test_each_setting_has_a_variable(section: str, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is wrong for all of them but free texts is noticed, so the variable was read."""
    free = {
        "server.state_directory": "/x",
        "archive.directory": "/x",
        "connect.key_file": "/x",
        "connect.name": "anna",
        "connect.servers": "A=alarm.example",
        "films.cameras": "cam1",
        "http.hosts": "x.example",
        "operator.secret": "x",
        "storage.url": "sqlite:////x",
    }
    name = f"{section}.{setting}"
    monkeypatch.setenv(f"ALARMD_{section}_{setting}".upper(), free.get(name, "wrong"))
    if name in free:
        assert free[name] in str(settings_of(getattr(load_config(), section))[setting])
    else:
        with pytest.raises(ConfigError, match=re.escape(name)):
            load_config()


FIVE_MISTAKES = """
[lfcp]
port = 99999
prot = 3
[operator]
address = "0.0.0.0"
[storage]
url = "mysql://petr:hunter2@db/alarmd"
[supervison]
report_within = 60
"""


def test_five_mistakes_are_five_lines_each_with_its_setting_and_the_way_out(tmp_path: Path) -> None:
    told = mistakes(FIVE_MISTAKES, tmp_path)
    assert len(told) == 5
    by_setting = {line.partition(":")[0]: line for line in told}
    assert "less than or equal to 65535" in by_setting["lfcp.port"]
    assert "default: 8443" in by_setting["lfcp.port"]
    assert "ALARMD_LFCP_PORT" in by_setting["lfcp.port"]
    assert "did you mean port?" in by_setting["lfcp.prot"]
    assert "use 127.0.0.1 or ::1" in by_setting["operator.address"]
    assert "use sqlite:////absolute/file" in by_setting["storage.url"]
    assert "did you mean supervision?" in by_setting["supervison"]


def test_mistakes_in_the_environment_are_told_together_with_those_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALARMD_LFPC_PORT", "1")
    monkeypatch.setenv("ALARMD_LFCP_PROT", "1")
    monkeypatch.setenv("ALARMD_HTTP_PORT", "many")
    for name in ("ALARMD_TEST_ALL", "ALARMD_PROVE", "ALARMD_SEEDS"):
        monkeypatch.setenv(name, "0")
    told = mistakes("[devices]\nlimit = 0\n", tmp_path)
    assert [line.partition(":")[0] for line in told] == [
        "ALARMD_LFPC_PORT",
        "lfcp.prot",
        "http.port",
        "devices.limit",
    ]
    assert "did you mean ALARMD_LFCP_PORT?" in told[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[server]\nlabel = "a1"\n', "server.label: "),
        ('[server]\ntime_zone = "Nowhere/City"\n', "Europe/Prague"),
        ('[lfcp]\naddresses = ["example.org"]\n', "this is no IP address"),
        ("[lfcp]\naddresses = []\n", "lfcp.addresses: "),
        ('[http]\naddress = "192.0.2.1"\n', "an SSH tunnel"),
        ('[operator]\nsecret = "two words"\n', "operator.secret: write ASCII"),
        ('[operator]\nsecret = "0"\n', "operator.secret: write ASCII"),
        ("[ingest]\ntls_port = 443\n", "set ingest.certificate and ingest.key"),
        ('[ingest]\ncertificate = "/x"\n', "set ingest.certificate and ingest.key"),
        ('[ingest]\ntrusted_proxies = ["proxy"]\n', "this is no address or network"),
        ('[alarms]\ndestinations = ["telegrm"]\n', "known are log"),
        ("[supervision]\nreport_within = 5\n", "greater than or equal to 20"),
        ("[supervision]\nreport_within = nan\n", "supervision.report_within: "),
        ('[devices]\nunknown = "adopt"\n', "'admit', 'quarantine' or 'reject'"),
        ("lfcp = 5\n", "write a section [lfcp]"),
        ("zzz = 5\n", "zzz: no such section; known are server, lfcp"),
        ("[lfcp]\nzzz = 5\n", "lfcp.zzz: no such setting; known are addresses, port"),
    ],
)
def test_a_mistake_says_what_is_allowed(text: str, told: str, tmp_path: Path) -> None:
    (line,) = mistakes(text, tmp_path)
    assert told in line


def test_a_variable_like_nothing_we_know_points_to_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_Q", "1")
    with pytest.raises(ConfigError, match=r"ALARMD_Q: no such setting; alarmd.toml.example lists them all"):
        load_config()


def test_no_secret_is_ever_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[operator]\nsecret = "hunter2,"\n[storage]\nurl = "mysql://petr:hunter2@db/x"\n'
    assert "hunter2" not in " ".join(mistakes(text, tmp_path))
    monkeypatch.setenv("ALARMD_OPERATOR_SECRET", "hunter2")
    monkeypatch.setenv("ALARMD_STORAGE_URL", "postgresql://petr:hunter2@db/alarmd")
    config = load_config()
    assert "hunter2" not in repr(config) + str(config) + config.model_dump_json()
    assert config.database_url == "postgresql://petr:hunter2@db/alarmd"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[lfcp\n", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"#" * 1_000_001, "larger than 1000000 bytes"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "given.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        load_config(file)


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing.toml: cannot be read: No such file"):
        load_config(tmp_path / "missing.toml")


def test_the_file_is_looked_for_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_config(None) is None
    system = written(tmp_path / "etc" / "alarmd.toml", "")
    assert find_config(None) == system
    user = written(tmp_path / "home" / ".config" / "alarmd" / "alarmd.toml", "")
    assert find_config(None) == user
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert find_config(None) == system
    user = written(tmp_path / "xdg" / "alarmd" / "alarmd.toml", "")
    assert find_config(None) == user
    written(tmp_path / "alarmd.toml", "")
    assert find_config(None) == Path("alarmd.toml")
    monkeypatch.setenv("ALARMD_CONFIG", "/named.toml")
    assert find_config(None) == Path("/named.toml")
    assert find_config(Path("/given.toml")) == Path("/given.toml")


def test_state_is_kept_where_systemd_or_the_user_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_config().state_directory == tmp_path / "home" / ".local" / "state" / "alarmd"
    assert default_state_directory({"XDG_STATE_HOME": "/x"}) == Path("/x/alarmd")
    assert default_state_directory({"XDG_STATE_HOME": "/x", "STATE_DIRECTORY": "/a:/b"}) == Path("/a")
    monkeypatch.setenv("ALARMD_SERVER_STATE_DIRECTORY", "here")
    config = load_config()
    assert config.state_directory == tmp_path / "here"
    assert config.control_socket == tmp_path / "here" / "control.sock"
    assert config.database_url == f"sqlite:///{tmp_path}/here/alarmd.sqlite"


def test_a_database_url_that_cannot_be_read_is_a_mistake_and_its_password_stays_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALARMD_STORAGE_URL", "postgresql://petr:hunter2@db:port/alarmd")
    with pytest.raises(ConfigError) as refused:
        load_config(None)
    (mistake,) = refused.value.mistakes
    assert mistake.startswith("storage.url: the database's URL cannot be read; use sqlite:")
    assert "hunter2" not in mistake
