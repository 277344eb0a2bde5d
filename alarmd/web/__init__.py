"""The operator's API: HTTP and JSON on control.sock (mode 0600), and on loopback TCP without secrets.

All paths are under /api/v1; shapes are in bodies.py (requests), place_schemas.py and history_schemas.py (answers).

    GET    /devices ?after=NAME &limit=            {unknown_devices, devices: [Device], next}
    GET    /devices/{name}                         Device
    PATCH  /devices/{name}                         DeviceChange → Device
    POST   /devices/{name}/adopt                   Adoption → Device
    POST   /devices/{name}/key                     KeyBody → 201 MadeKey; on control.sock only
    DELETE /devices/{name}                         204
    GET    /devices/{name}/stream.mjpeg            what its camera sees now, multipart/x-mixed-replace
    GET    /sites ?after= &limit=                  {sites: [Site], next}
    GET    /sites/{name}                           Site
    PUT    /sites/{name}                           SiteBody → Site
    GET    /zones ?after= &limit=                  {zones: [Zone], next}
    PUT    /zones/{name}                           ZoneBody → Zone
    POST   /zones/{name}/arming                    ArmingBody → {zones: [Zone], next: null}; name * is every zone
    GET    /events ?device= &kind= &since= &until= &after_row= &limit=      {events: [Event]}
    GET    /events/stream ?device= &kind= &after_row=                       server-sent events, id = row
    GET    /alarms ?all= &device= &limit=          {alarms: [Alarm]}
    POST   /alarms/{id}/acknowledge, /clear        Alarm
    GET    /commands ?device= &limit=              {commands: [Command]}
    POST   /commands                               CommandBody → 202 {commands: [Command]}
    GET    /commands/{id} ?wait=SECONDS &seen=STATE   Command, when it has its outcome, or another state than the one
                                                   seen, or the time is over
    GET    /status                                 Status

Without the prefix: /healthz (200 or 503), /metrics, /openapi.json; the first two also with it.
Times in answers are RFC 3339 in UTC with microseconds; `since` and `until` may also be microseconds since 1970.
The header X-Operator says who asks (default "api"). Errors: {reason, field, message, errors: [{field, message}]}.
"""
