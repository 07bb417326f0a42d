from collections.abc import Iterator

import pytest
from tests.actions import polling


@pytest.fixture(scope="session", autouse=True)
def _one_parsing_process() -> Iterator[None]:
    """The process that parses for all polls ends with the session."""
    yield
    polling.close_shared()
