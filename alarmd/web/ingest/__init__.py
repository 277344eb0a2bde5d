"""How cameras upload pictures over HTTP: a listener of its own, with nothing of the operator's API behind it.

    PUT  /c/snapshot          as PrusaConnect takes them (OpenAPI 0.22): headers Token and Fingerprint → 204
    PUT  /c/info              the same for what a camera says of itself → 200
    POST /S3StoreImage        the Arduino camera, known by the address it uploads from → 204
    POST /u/{secret}          a URL for one device → 204
    POST /ingest/{device}     for scripts, with the secret in Authorization (Bearer, or Basic's password) or Token → 204
    GET  /                    what this is

A picture is the body itself, or the one file of a multipart/form-data body. X-Captured-At (RFC 3339), X-Trigger and
X-Upload-Id say more of it, where a device can say it. 2xx leaves once the picture is stored and committed. Errors are
{"reason", "field", "message", "errors"} as on the operator's side, under /c/ {"code", "message"} as at PrusaConnect.
"""
