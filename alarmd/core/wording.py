"""An alarm in one sentence, wherever it is told."""

from alarmd.core.records import Alarm, AlarmKind

_HEADLINES = {
    AlarmKind.MOTION: "{}: motion",
    AlarmKind.CONTACT_LOST: "{}: contact lost",
    AlarmKind.SITE_LOST: "every device behind {} is silent",
    AlarmKind.UPLINK_LOST: "every device is silent, most likely this server's own uplink",
    AlarmKind.PATH_LOST: "server {}: path lost",
    AlarmKind.PEER_LOST: "server {} is lost",
    AlarmKind.PROOF_FAILED: "server {}: the daily proof failed",
    AlarmKind.TAMPER: "{}: tamper",
}


def sentence(alarm: Alarm) -> str:
    """What happened, and where; the identity ends with the name of the device, or the address of the site, or the label
    of the server."""
    headline = _HEADLINES[alarm.kind].format(alarm.identity.split(":", 3)[-1])
    return f"{headline}: {alarm.text}" if alarm.text else headline
