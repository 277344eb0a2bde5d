"""Every metric of the server: the table that code, documents, alert rules and dashboard follow."""

from typing import Literal, NamedTuple

MAX_DEVICE_SERIES = 1000  # adopted devices with a series of their own; the first ones adopted

LATENCY = (0.00001, 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
WAIT = (0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600, 14400)


class Definition(NamedTuple):
    """name: as written in a query; a histogram's series have _bucket, _count and _sum behind it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


FRAMES = Definition(
    "alarmd_frames_received_total",
    "counter",
    ("transport", "verb", "outcome", "reason"),
    "Datagrams and TCP lines: answered, cached (answered without the rules), unanswered, rejected.",
)
EVENTS = Definition("alarmd_events_total", "counter", ("kind",), "Events that the rules recorded.")
TURN_SECONDS = Definition(
    "alarmd_turn_seconds", "histogram", ("input",), "Time that the rules took for one input.", LATENCY
)
DEVICES = Definition("alarmd_devices", "gauge", ("presence",), "Devices known, by presence.")
DEVICES_ADOPTED = Definition("alarmd_devices_adopted", "gauge", (), "Devices that the operator adopted.")
LAST_CONTACT_AGE = Definition(
    "alarmd_device_last_contact_age_seconds",
    "gauge",
    ("device",),
    f"Time since an adopted device was last seen; only the first {MAX_DEVICE_SERIES:,} adopted have it.",
)
MAPPINGS = Definition(
    "alarmd_device_mappings",
    "gauge",
    ("mapping",),
    "Adopted devices by what they report of their NAT's mapping: independent, sequential, hard or unknown.",
)
BEAT_TOO_SELDOM = Definition(
    "alarmd_devices_beating_too_seldom",
    "gauge",
    (),
    "Adopted devices whose heartbeats come too seldom for their NAT's mapping or for report_within.",
)
ROUND_TRIP = Definition(
    "alarmd_device_round_trip_seconds",
    "gauge",
    ("device",),
    f"Time to an adopted device with a key and back; only the first {MAX_DEVICE_SERIES:,} adopted have it.",
)
SESSIONS = Definition(
    "alarmd_rendezvous_sessions",
    "gauge",
    ("state",),
    "Sessions between operators' machines and devices: invited, half_taken or met, which both sides have taken.",
)
REFUSALS = Definition(
    "alarmd_rendezvous_refusals_total",
    "counter",
    ("reason",),
    "Requests to connect to a device that came to nothing, by reason.",
)
RELAYED_DATAGRAMS = Definition(
    "alarmd_relayed_datagrams_total",
    "counter",
    (),
    "Datagrams passed on between two sides that do not reach each other.",
)
RELAYED_BYTES = Definition("alarmd_relayed_bytes_total", "counter", (), "Bytes of them.")
PICTURES = Definition("alarmd_pictures_total", "counter", ("trigger",), "Pictures stored, by why they were taken.")
PICTURE_AGE = Definition(
    "alarmd_picture_age_seconds",
    "gauge",
    ("device",),
    f"Time since an adopted device's newest picture was taken; only the first {MAX_DEVICE_SERIES:,} adopted have it.",
)
PICTURE_INTERVAL = Definition(
    "alarmd_picture_interval_seconds",
    "gauge",
    ("device",),
    "How often the server asks an adopted device for a picture; those with a schedule only.",
)
CONTACT_LOSSES = Definition(
    "alarmd_contact_losses_total",
    "counter",
    ("kind",),
    "Devices lost, by the kind of alarm that tells it; unclassified when no alarm does.",
)
LOSS_REPORT_SECONDS = Definition(
    "alarmd_contact_loss_report_seconds",
    "histogram",
    (),
    "Time from a lost device's last contact to the event that says so.",
    (5, 10, 15, 30, 45, 60, 75, 90, 91, 95, 100, 120, 180, 300, 600, 1800, 3600),
)
LOSS_OVERDUE_SECONDS = Definition(
    "alarmd_contact_loss_overdue_seconds",
    "histogram",
    (),
    "How much later than the device's report_within its loss was recorded; 0 when in time.",
    (0, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900),
)
ALARMS_RAISED = Definition("alarmd_alarms_raised_total", "counter", ("kind",), "Alarms raised.")
ALARMS_OPEN = Definition("alarmd_alarms_open", "gauge", ("kind", "state"), "Alarms not yet cleared.")
COMMAND_SECONDS = Definition(
    "alarmd_command_seconds",
    "histogram",
    ("outcome",),
    "Time from an operator's command to its outcome: acked, failed or expired.",
    WAIT,
)
COMMIT_SECONDS = Definition(
    "alarmd_commit_seconds", "histogram", (), "Time that one transaction took, with its fsync.", LATENCY
)
COMMIT_TURNS = Definition(
    "alarmd_commit_turns",
    "histogram",
    (),
    "Turns stored by one transaction.",
    (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
)
DATABASE_ERRORS = Definition(
    "alarmd_database_errors_total",
    "counter",
    ("reason",),
    "Failed commits and reads; failed commits are retried.",
)
QUEUE_LENGTH = Definition("alarmd_queue_length", "gauge", ("queue",), "Entries that wait in a bounded queue.")
QUEUE_LIMIT = Definition(
    "alarmd_queue_limit", "gauge", ("queue",), "The bound of a queue; what comes beyond is refused."
)
DROPPED = Definition(
    "alarmd_dropped_total",
    "counter",
    ("where", "reason"),
    "Datagrams, connections and turns given up, by the listener or the part that had no room for them.",
)
CONNECTIONS = Definition("alarmd_connections", "gauge", ("listener",), "Open TCP connections.")
CONNECTIONS_OPENED = Definition(
    "alarmd_connections_opened_total", "counter", ("listener",), "TCP connections accepted."
)
UPLOADS = Definition(
    "alarmd_uploads_total",
    "counter",
    ("way", "result"),
    "Uploads over HTTP by the way they came: accepted, or why they were refused.",
)
UPLOAD_BYTES = Definition("alarmd_upload_bytes_total", "counter", (), "Bytes of uploads that were accepted over HTTP.")
DELIVERY_SECONDS = Definition(
    "alarmd_delivery_seconds",
    "histogram",
    ("destination", "outcome"),
    "Age of a message when an attempt to deliver it ended, by destination and outcome.",
    WAIT,
)
DESTINATION_TAKES = Definition(
    "alarmd_destination_takes_messages",
    "gauge",
    ("destination",),
    "1 while a destination takes messages; 0 after failures in a row, while it is only tried now and then.",
)
OUTBOX_DELIVERIES = Definition(
    "alarmd_outbox_deliveries",
    "gauge",
    ("state",),
    "Messages in the outbox: pending, leased (being tried) and dead (given up).",
)
OUTBOX_OLDEST_AGE = Definition(
    "alarmd_outbox_oldest_age_seconds",
    "gauge",
    (),
    "Age of the oldest pending message; 0 when there is none.",
)
ARCHIVE_PICTURES = Definition(
    "alarmd_archive_pictures", "gauge", (), "Pictures in the archive, as far as the database knows."
)
ARCHIVE_BYTES = Definition("alarmd_archive_bytes", "gauge", (), "Their size; without thumbnails, films and manifests.")
ARCHIVE_OLDEST_AGE = Definition(
    "alarmd_archive_oldest_age_seconds", "gauge", (), "Age of the oldest of them; 0 when there is none."
)
ARCHIVE_FREE_BYTES = Definition("alarmd_archive_free_bytes", "gauge", (), "Free bytes on the archive's disk.")
ARCHIVE_RESERVE_BYTES = Definition(
    "alarmd_archive_reserve_bytes", "gauge", (), "archive.reserve: with less free than this, pictures are refused."
)
ARCHIVE_SEALED_AGE = Definition(
    "alarmd_archive_sealed_age_seconds",
    "gauge",
    (),
    "Time since every day that was over had its manifests, of all cameras; usually up to a day.",
)
ARCHIVE_DELETED = Definition(
    "alarmd_archive_deleted_pictures_total",
    "counter",
    ("reason",),
    "Pictures deleted: for their age, for room, or for room while a destination still waited for them.",
)
ARCHIVE_GAUGES = (
    ARCHIVE_PICTURES,
    ARCHIVE_BYTES,
    ARCHIVE_OLDEST_AGE,
    ARCHIVE_FREE_BYTES,
    ARCHIVE_RESERVE_BYTES,
    ARCHIVE_SEALED_AGE,
)
AGE, ROOM, AWAITED = WHY_DELETED = "age", "room", "awaited"
PEER_UP = Definition("alarmd_peer_up", "gauge", (), "1 while the link to the other server of the pair is up.")
PEER_CATCHING_UP = Definition(
    "alarmd_peer_catching_up", "gauge", (), "1 while the peer is told from the database what it missed."
)
PEER_CLOCK_OFFSET = Definition(
    "alarmd_peer_clock_offset_seconds", "gauge", (), "How far the peer's clock is ahead, as far as the link can tell."
)
PEER_LAG = Definition(
    "alarmd_peer_lag_seconds",
    "gauge",
    (),
    "Age of the oldest thing stored here that the peer has not stored; 0: it has everything, or there is no link.",
)
PEER_STORED_SECONDS = Definition(
    "alarmd_peer_stored_seconds",
    "histogram",
    (),
    "Time from a transaction here until the peer has stored the same.",
    LATENCY,
)
REPLICATED = Definition(
    "alarmd_replicated_records_total",
    "counter",
    ("direction",),
    "Records exchanged with the peer: sent, received, and skipped because they cannot be stored here.",
)
BLIND_SECONDS = Definition(
    "alarmd_server_blind_seconds_total",
    "counter",
    (),
    "Time in which the server did not run (stall, suspend, SIGSTOP) and could judge no device.",
)
BUILD_INFO = Definition("alarmd_build_info", "gauge", ("version", "python"), "Always 1; the labels say what runs.")

CATALOGUE: tuple[Definition, ...] = (
    FRAMES,
    EVENTS,
    TURN_SECONDS,
    DEVICES,
    DEVICES_ADOPTED,
    LAST_CONTACT_AGE,
    MAPPINGS,
    BEAT_TOO_SELDOM,
    ROUND_TRIP,
    SESSIONS,
    REFUSALS,
    RELAYED_DATAGRAMS,
    RELAYED_BYTES,
    PICTURES,
    PICTURE_AGE,
    PICTURE_INTERVAL,
    CONTACT_LOSSES,
    LOSS_REPORT_SECONDS,
    LOSS_OVERDUE_SECONDS,
    ALARMS_RAISED,
    ALARMS_OPEN,
    COMMAND_SECONDS,
    COMMIT_SECONDS,
    COMMIT_TURNS,
    DATABASE_ERRORS,
    QUEUE_LENGTH,
    QUEUE_LIMIT,
    DROPPED,
    CONNECTIONS,
    CONNECTIONS_OPENED,
    UPLOADS,
    UPLOAD_BYTES,
    DELIVERY_SECONDS,
    DESTINATION_TAKES,
    OUTBOX_DELIVERIES,
    OUTBOX_OLDEST_AGE,
    *ARCHIVE_GAUGES,
    ARCHIVE_DELETED,
    PEER_UP,
    PEER_CATCHING_UP,
    PEER_CLOCK_OFFSET,
    PEER_LAG,
    PEER_STORED_SECONDS,
    REPLICATED,
    BLIND_SECONDS,
    BUILD_INFO,
)
