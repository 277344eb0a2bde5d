"""/sites and /zones: where devices are, and whether motion there is told."""

from fastapi import APIRouter

from alarmd.core import records, views
from alarmd.core.records import Record
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import ArmingRequested, SiteRequested, ZoneRequested
from alarmd.web.bodies import ArmingBody, SiteBody, ZoneBody
from alarmd.web.dependencies import Dependencies, House, Operator
from alarmd.web.paging import MAX_NAMES, After, Names, page
from alarmd.web.place_schemas import Site, Sites, Zone, Zones

router = APIRouter(tags=["sites and zones"])


@router.get("/sites", summary="List sites")
async def list_sites(house: House, after: After = "", limit: Names = MAX_NAMES) -> Sites:
    by_name = {site.name: site for site in house.state.sites.values()}
    names, following = page(by_name, after, limit)
    return Sites(sites=[Site.copied(by_name[name]) for name in names], next=following)


@router.get("/sites/{name}", summary="Show a site")
async def show_site(house: House, name: str) -> Site:
    site = house.state.site_named(name)
    if site is None:
        raise RequestRefusedError("unknown_site", "site", f"no site {name!r}; GET /api/v1/sites lists them")
    return Site.copied(site)


@router.put("/sites/{name}", summary="Make or change a site")
async def set_site(house: House, operator: Operator, name: str, body: SiteBody) -> Site:
    (made,) = await house.submit(SiteRequested(operator, name, body.time_zone))
    return Site.copied(made)


@router.get("/zones", summary="List zones")
async def list_zones(house: House, after: After = "", limit: Names = MAX_NAMES) -> Zones:
    by_name = {zone.name: zone for zone in house.state.zones.values()}
    names, following = page(by_name, after, limit)
    return Zones(zones=_shown(house, [by_name[name] for name in names]), next=following)


@router.put("/zones/{name}", summary="Make or move a zone")
async def set_zone(house: House, operator: Operator, name: str, body: ZoneBody) -> Zone:
    """A new zone is armed."""
    made = await house.submit(ZoneRequested(operator, name, body.site))
    return _shown(house, made)[0]


@router.post("/zones/{name}/arming", summary="Arm or disarm a zone")
async def arm_zone(house: House, operator: Operator, name: str, body: ArmingBody) -> Zones:
    """`*` is every zone."""
    changed = await house.submit(ArmingRequested(operator, name, body.arming, body.schedule))
    return Zones(zones=_shown(house, changed), next=None)


def _shown(house: Dependencies, zones: list[records.Zone] | tuple[Record, ...]) -> list[Zone]:
    now = house.now()
    return [Zone.of_view(views.zone(house.state, zone, now)) for zone in zones if isinstance(zone, records.Zone)]
