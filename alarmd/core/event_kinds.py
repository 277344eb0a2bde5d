"""Every kind of event that is ever recorded. The names are what `alarmd events --kind` filters by."""

from enum import StrEnum


class EventKind(StrEnum):
    # from devices
    LOG = "log"
    ERROR = "error"
    MOTION = "motion"
    # about devices
    DEVICE_NEW = "device_new"
    DEVICE_ADOPTED = "device_adopted"
    DEVICE_CHANGED = "device_changed"
    DEVICE_FORGOTTEN = "device_forgotten"
    DEVICE_EVICTED = "device_evicted"
    DEVICE_REBOOTED = "device_rebooted"
    DEVICE_ADDRESS = "device_address"
    ADDRESS_CONTESTED = "address_contested"
    KEY_GIVEN = "key_given"
    KEY_RETIRED = "key_retired"
    COUNTER_STALE = "counter_stale"
    UNSIGNED_FRAMES = "unsigned_frames"
    CLONED = "cloned"
    DIALECT_SUGGESTED = "dialect_suggested"
    CONTACT_LOST = "contact_lost"
    CONTACT_FOUND = "contact_found"
    DEVICE_ASLEEP = "device_asleep"
    WANTED_REASSERTED = "wanted_reasserted"
    MODE_CHANGED = "mode_changed"
    # commands and alarms
    COMMAND_QUEUED = "command_queued"
    COMMAND_FINISHED = "command_finished"
    ALARM_RAISED = "alarm_raised"
    ALARM_ACKNOWLEDGED = "alarm_acknowledged"
    ALARM_CLEARED = "alarm_cleared"
    DELIVERY_ABANDONED = "delivery_abandoned"
    DELIVERY_RETRIED = "delivery_retried"
    DELIVERY_DROPPED = "delivery_dropped"
    # pictures
    CAMERA_CHANGED = "camera_changed"
    CAMERA_INTRODUCED = "camera_introduced"
    PICTURE_FAILED = "picture_failed"
    FILM_MADE = "film_made"
    # the operator and the server
    SITE_CHANGED = "site_changed"
    ZONE_CHANGED = "zone_changed"
    SERVER_STARTED = "server_started"
    SERVER_STOPPING = "server_stopping"
    SERVER_BLIND = "server_blind"
    CLOCK_STEPPED = "clock_stepped"
    STORAGE_FAILED = "storage_failed"
    STORAGE_RECOVERED = "storage_recovered"
    TURN_QUARANTINED = "turn_quarantined"
    # the pair
    PEER_MET = "peer_met"
    PEER_LEFT = "peer_left"
    PEER_LOST = "peer_lost"
    CLOCKS_APART = "clocks_apart"
