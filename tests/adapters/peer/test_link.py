"""Two whole servers that watch together: what one knows the other knows."""

from alarmd.core.inputs import AlarmAcknowledged
from alarmd.core.records import AlarmState
from tests.adapters.peer.two_servers import Pair
from tests.waiting import until

MOTION = "cam1,MOAL,garden_gate,0,0,0,0,0"


async def test_an_event_made_at_one_server_is_at_the_other(pair: Pair) -> None:
    for here, there, name in ((pair.a, pair.b, "cam1"), (pair.b, pair.a, "cam2")):
        await here.frame(f"{name},LOG,{name} sees no light,0,0,0,0,0")
        await there.has_event(f"{name} sees no light")
        assert name in there.state.sessions


async def test_an_alarm_acknowledged_at_one_server_is_acknowledged_at_the_other(pair: Pair) -> None:
    await pair.a.frame(MOTION)
    await until(lambda: pair.b.state.alarms, "the alarm")
    (number,) = pair.b.state.alarms
    await pair.b.request(AlarmAcknowledged("eve", number))
    await until(lambda: pair.a.state.alarms[number].state is AlarmState.ACKNOWLEDGED, "the acknowledgement")
    assert pair.a.state.alarms[number].acknowledged_by == "eve"
