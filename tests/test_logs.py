"""What is logged of a fault: where it was, and none of its words."""

import json
import logging
import sys

import pytest

from digest.logs import JsonFormatter, TextFormatter


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_a_fault_tells_its_kind_and_its_places_and_no_words_of_it(formatter: logging.Formatter) -> None:
    def look_up() -> None:
        raise LookupError("anna@example.org")

    try:
        look_up()
    except LookupError:
        record = logging.LogRecord("digest", logging.ERROR, __file__, 1, "a fault", None, sys.exc_info())
    line = formatter.format(record)
    assert ("LookupError" in line, "test_logs.py:" in line, "look_up" in line) == (True, True, True)
    assert ("anna" in line, "\n" in line) == (False, False)
    if isinstance(formatter, JsonFormatter):
        assert json.loads(line)["where"].startswith("test_logs.py:")


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_a_field_without_a_value_is_left_out(formatter: logging.Formatter) -> None:
    fields = {"issue": 1, "accepted": 0, "paused": None, "next_wave": None}
    line = formatter.format(logging.makeLogRecord({"msg": "delivered", "name": "digest", **fields}))
    assert ("accepted" in line, "paused" in line, "None" in line, "null" in line) == (True, False, False, False)
