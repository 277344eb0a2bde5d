from pathlib import Path
from typing import Any

import pytest

from alarmd.adapters.exit_codes import WRONG_CONFIGURATION, StartError
from alarmd.config import Config

MEMBER: dict[str, Any] = {
    "cluster": {"members": True},
    "storage": {"url": "postgresql://alarmd@db/alarmd"},
    "archive": {"directory": "/srv/alarmd"},
}


def refusal(directory: Path, **sections: Any) -> str:
    config = Config(**MEMBER | {"server": {"state_directory": str(directory)}} | sections)
    with pytest.raises(StartError) as refused:
        config.rules()
    assert refused.value.code == WRONG_CONFIGURATION
    return str(refused.value)


def test_servers_that_share_the_work_share_a_postgresql(tmp_path: Path) -> None:
    assert "set storage.url" in refusal(tmp_path, storage={"url": "sqlite:////tmp/alarmd.db"})


def test_servers_that_share_the_work_share_an_archive(tmp_path: Path) -> None:
    assert "archive.directory" in refusal(tmp_path, archive={"directory": ""})


def test_what_is_complete_is_taken(tmp_path: Path) -> None:
    config = Config(**MEMBER, server={"state_directory": str(tmp_path)})
    assert config.rules().member is None, "its place is given by the database"
