"""[pair] and [watch], and what becomes of them with the files of a pair."""

from pathlib import Path

import pytest

from alarmd.adapters.exit_codes import WRONG_CONFIGURATION, StartError
from alarmd.adapters.peer.authority import issue
from alarmd.adapters.peer.certificates import PAIR_KEY, Facts, Role, save_pair
from alarmd.config import Config, ConfigError, load_config
from alarmd.core.settings import Pair


def paired(directory: Path, label: str = "B", **pair: object) -> Config:
    """The configuration of server B of a pair of A and B."""
    save_pair(directory, Facts("id", "B", "A", Role.DIALS, ("192.0.2.1", 8446)), issue(("A", "B"))[1], bytes(PAIR_KEY))
    return Config(server={"label": label, "state_directory": str(directory)}, pair=pair)


def test_without_files_of_a_pair_the_server_is_alone_whatever_the_settings(tmp_path: Path) -> None:
    config = Config(server={"state_directory": str(tmp_path)}, pair={"preferred": "C"})
    assert config.pair_files() is None
    assert config.rules().pair is None


def test_the_label_that_sorts_first_is_preferred_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    assert paired(tmp_path).rules().pair == Pair(peer="A", preferred="A")
    assert paired(tmp_path, preferred="B").rules().pair == Pair(peer="A", preferred="B")


def test_the_settings_of_the_pair_reach_the_rules(tmp_path: Path) -> None:
    config = paired(tmp_path, voice_delay=2, lost_after=30, peer_lost_enables=True)
    assert config.rules().pair == Pair("A", "A", voice_delay=2, lost_after=30, peer_lost_enables=True)


def test_a_preferred_server_outside_of_the_pair_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"pair.preferred: the servers of this pair are B and A, not C") as refused:
        paired(tmp_path, preferred="C").rules()
    assert refused.value.code == WRONG_CONFIGURATION


def test_the_label_of_a_server_in_a_pair_is_not_to_be_changed(tmp_path: Path) -> None:
    with pytest.raises(StartError, match='in its pair this server is B: set label = "B"') as refused:
        paired(tmp_path, label="A").rules()
    assert refused.value.code == WRONG_CONFIGURATION


@pytest.mark.parametrize("url", ["https://hc-ping.com/1234", "http://192.0.2.1:8000/ping/key/slug", "http://[::1]:8"])
def test_a_url_to_be_pinged_is_taken_and_hidden(url: str) -> None:
    config = Config(watch={"ping_url": url})
    assert config.watch.ping_url.get_secret_value() == url
    assert url not in repr(config)


@pytest.mark.parametrize("url", ["hc-ping.com/1", "ftp://x.example/", "https://x.example/1?create=1", "https://a b/"])
def test_what_cannot_be_pinged_is_a_mistake_that_does_not_show_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_WATCH_PING_URL", url)
    with pytest.raises(ConfigError, match="write an http or https URL") as refused:
        load_config(None)
    assert url not in str(refused.value)


@pytest.mark.parametrize("time", ["24:00", "7:00", "07:60", "07:00:00", "noon"])
def test_the_time_of_the_daily_proof_is_hours_and_minutes(time: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_WATCH_DAILY_PROOF", time)
    with pytest.raises(ConfigError, match=r"watch\.daily_proof"):
        load_config(None)
