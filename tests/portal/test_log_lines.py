"""P20: a log line tells where something went wrong, never what an exception's text holds."""

import json
import logging
import sys

from portal.log_lines import LineFormatter, request_id


def line_of(record: logging.LogRecord) -> dict[str, object]:
    text = LineFormatter().format(record)
    assert len(text.splitlines()) == 1
    parsed: dict[str, object] = json.loads(text)
    return parsed


def test_P20_an_exceptions_text_stays_out_and_its_place_is_told() -> None:
    try:
        raise ValueError("https://signin.example/?SigninToken=a-secret")
    except ValueError:
        record = logging.LogRecord("portal", logging.ERROR, "", 0, "unforeseen", (), sys.exc_info())
    line = line_of(record)
    assert line["exception"] == "ValueError"
    assert "test_log_lines.py" in str(line["frames"])
    assert "a-secret" not in json.dumps(line)


def test_P29_a_message_is_one_line_and_carries_its_request_and_facts() -> None:
    token = request_id.set("K7Q2-F9MD-4RXH")
    try:
        record = logging.LogRecord("portal", logging.INFO, "", 0, "one\n%s", ("two\x1b",), None)
        record.facts = {"status": 200}
        line = line_of(record)
    finally:
        request_id.reset(token)
    assert (line["request_id"], line["status"]) == ("K7Q2-F9MD-4RXH", 200)
    assert line["message"] == "one\ntwo\x1b"
