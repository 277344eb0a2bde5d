"""Every type of NAT is what its row of the table says: by our own probes, and by a client that we did not write."""

from pathlib import Path

import pytest

from tests.natlab.coturn import Discovery, stun_server
from tests.natlab.laboratory import laboratory
from tests.natlab.nat_types import NAT_TYPES, Dependence
from tests.natlab.probes import Behaviour, behaviour_of


@pytest.mark.parametrize("kind", NAT_TYPES)
def test_a_nat_does_what_its_row_of_the_table_says(kind: str) -> None:
    row = NAT_TYPES[kind]
    promised = Behaviour(row.mapping, row.filtering, row.keeps_port, row.hairpin, row.clashes)
    with laboratory(kind) as lab:
        assert behaviour_of(lab) == promised


def test_a_device_behind_two_nats_sees_the_stricter_of_both() -> None:
    with laboratory("ar", "fc", carrier1="adm", carrier2="ar") as lab:
        assert behaviour_of(lab, "dev1") == Behaviour(Dependence.ADDRESS, Dependence.PORT, False, False, False)
        assert behaviour_of(lab, "dev2") == Behaviour(Dependence.NONE, Dependence.ADDRESS, True, False, False)


def test_coturns_client_finds_the_mapping_and_the_filter_of_every_row(tmp_path: Path) -> None:
    with laboratory() as lab, stun_server(lab, tmp_path):
        devices = {kind: f"dev{lab.add_home(kind)}" for kind in NAT_TYPES}
        underway = {kind: [Discovery(lab, device, what) for what in "mf"] for kind, device in devices.items()}
        found = {kind: tuple(discovery.result() for discovery in both) for kind, both in underway.items()}
    assert found == {kind: (row.mapping, row.filtering) for kind, row in NAT_TYPES.items()}
