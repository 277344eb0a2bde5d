"""The operator's API as an ASGI application; one for each listener, on the same house."""

from fastapi import APIRouter, FastAPI

from alarmd import __version__
from alarmd.web import (
    alarms,
    archive,
    cameras,
    commands,
    connections,
    devices,
    errors,
    events,
    health,
    keys,
    live,
    operators,
    outbox,
    peer,
    pictures,
    status,
    upload_secrets,
    zones,
)
from alarmd.web.dependencies import Access, Dependencies
from alarmd.web.errors import Problem
from alarmd.web.gate import Gate
from alarmd.web.metrics_page import metrics_route

PREFIX = "/api/v1"
DESCRIPTION = """
Devices, zones, alarms, events, commands and pictures of an alarmd server. The command line `alarmd` is a client of it.

Times are RFC 3339 in UTC. Text that devices sent is given as it came: escape it where you show it.
Every error is `{"reason", "field", "message", "errors"}`, and a refused request changed nothing.
"""


def build_app(house: Dependencies, access: Access) -> FastAPI:
    problem = {"model": Problem}
    app = FastAPI(
        title="alarmd",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.house = house
    app.state.access = access
    api = APIRouter(prefix=PREFIX, responses={404: problem, 409: problem, 422: problem, 503: problem})
    known = (devices, live, zones, alarms, events, commands, connections, cameras, pictures, archive, status, peer)
    for resource in known:
        api.include_router(resource.router)
    if not access.over_tcp:
        api.include_router(keys.router)
        api.include_router(operators.router)
        api.include_router(upload_secrets.router)
        api.include_router(outbox.router)
    app.include_router(api)
    for prefix in ("", PREFIX):
        app.include_router(health.router, prefix=prefix, include_in_schema=not prefix)
        app.router.routes.append(metrics_route(house.registry, prefix))
    errors.install(app)
    app.add_middleware(Gate, access=access)
    return app
