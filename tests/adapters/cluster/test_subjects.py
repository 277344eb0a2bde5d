"""Whom something is about, as far as a member of a cluster has to know before it decides."""

import pytest

from alarmd.adapters.cluster.subjects import subject_of
from alarmd.core.inputs import FrameReceived, Input
from alarmd.core.requests import KeyGiven, OperatorAdded, OperatorRemoved
from lfcp.tunnel import Kind
from tests.playbook import path


@pytest.mark.parametrize(
    "happened",
    [OperatorAdded("op", "laptop", bytes(32)), OperatorRemoved("op", "laptop"), KeyGiven("op", "laptop", bytes(32))],
)
def test_an_operators_machine_is_taken_as_a_device_is(happened: Input) -> None:
    assert subject_of(happened) == "laptop"


@pytest.mark.parametrize("kind", Kind)
def test_nobody_is_asked_whose_a_tunnel_datagram_is(kind: Kind) -> None:
    assert subject_of(FrameReceived(bytes((kind,)) + b"cam1," + bytes(40), path())) is None
