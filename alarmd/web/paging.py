"""Parameters that several lists share. Long ones come in pages by name: the reactor's thread must not be busy with
100,000 devices at a time."""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Annotated

from fastapi import Query

MAX_NAMES = 500  # on one page of what is read from the live state; 500 devices take some 5 ms of the reactor

MAX_NUMBER = 2**63 - 1  # of an id or a row; a database knows no larger ones

OfDevice = Annotated[
    str | None, Query(max_length=256, pattern="^[ -~]*$", description="Only this device's; no name has other signs.")
]
After = Annotated[str, Query(max_length=256, description="The `next` of the page before.")]
Names = Annotated[int, Query(ge=1, le=MAX_NAMES, description="Entries on the page.")]


def page(names: Iterable[str], after: str, limit: int) -> tuple[list[str], str | None]:
    """The names of the page, and where the next one begins, if there is one."""
    found = nsmallest(limit + 1, (name for name in names if name > after))
    return found[:limit], found[limit - 1] if len(found) > limit else None
