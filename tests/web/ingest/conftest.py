from collections.abc import Iterator

import pytest

from tests.web.ingest.post import Post, post


@pytest.fixture
def office() -> Iterator[Post]:
    with post() as running:
        yield running
