"""/metrics, in one piece on the reactor's thread: the live state must not change while it is read."""

from prometheus_client import CollectorRegistry, make_asgi_app
from starlette.routing import Route
from starlette.types import Receive, Scope, Send


class MetricsPage:
    """An ASGI application; prometheus_client's, at a path without a slash behind it. Not compressed: the scraper is
    on this machine, and the time would be the listeners'."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._page = make_asgi_app(registry, disable_compression=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._page(scope, receive, send)


def metrics_route(registry: CollectorRegistry, prefix: str) -> Route:
    return Route(f"{prefix}/metrics", MetricsPage(registry), methods=["GET"], include_in_schema=False)
