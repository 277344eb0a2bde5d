"""Who may ask: against web pages that make a browser talk to the operator's port, and against bodies without end."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from alarmd.web.dependencies import Access
from alarmd.web.errors import answer

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
MAX_BODY = 64 * 1024  # bytes


class Gate:
    """A page may not read our answers, but it could send requests, and a name that suddenly points to 127.0.0.1
    would make it read them too. So over TCP the Host must be one of ours, and the Origin, if any, the same."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._over_tcp = access.over_tcp
        self._hosts = LOOPBACK | {host.lower() for host in access.allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = self._why_not_from(headers) if self._over_tcp else None
        if refusal is not None:
            await answer(403, "forbidden", "", refusal)(scope, receive, send)
            return
        if _too_long(headers):
            await answer(413, "too_long", "", f"the body may have at most {MAX_BODY} bytes, and says how many")(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)

    def _why_not_from(self, headers: Headers) -> str | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _without_port(hosts[0]) not in self._hosts:
            return "this Host is not served here; add it to the allowed hosts of the operator's HTTP port"
        for origin in headers.getlist("origin"):
            if origin.lower() not in (f"http://{hosts[0].lower()}", f"https://{hosts[0].lower()}"):
                return "requests from pages of another origin are refused"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "requests from pages of another site are refused"
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdecimal() else host.lower()


def _too_long(headers: Headers) -> bool:
    if "transfer-encoding" in headers:
        return True
    length = headers.get("content-length", "0")
    return not length.isdecimal() or int(length) > MAX_BODY
