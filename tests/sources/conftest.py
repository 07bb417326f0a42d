from collections.abc import Iterator

import pytest
from tests.sources.scripted_server import ScriptedServer, serving


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A scripted web server on loopback."""
    with serving() as server:
        yield server
