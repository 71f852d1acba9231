"""The logs: where lines go, what form they have, and that nothing secret is in them."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from stacsync import logs

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyLTEyMyJ9.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _defaults_afterwards() -> Iterator[None]:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    logging.getLogger().handlers[:], _ = before
    logging.getLogger().setLevel(before[1])


def written(level: str = "info", form: str = "json") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, form, stream)
    return stream


def only(stream: io.StringIO) -> dict[str, object]:
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    found: dict[str, object] = json.loads(lines[0])
    return found


@pytest.mark.parametrize(
    "text",
    [
        "GET https://bucket.example/a.tif?X-Amz-Credential=SECRET&X-Amz-Signature=SECRET failed",
        "https://b.example/a?X-Goog-Signature=SECRET&x=1",
        "https://b.example/a?sv=2024&sig=SECRET%3D&se=2026",
        "https://b.example/a?expires=1700000000&token=SECRET",
        "https://b.example/a?AWSAccessKeyId=SECRET&Signature=SECRET&Expires=17",
        "https://user:SECRET@b.example/a",
        "postgresql+psycopg://user:SECRET@db/stacsync",
        "https://SECRET@b.example/a",
        "Authorization: Bearer SECRET",
        "{'Authorization': 'Basic SECRET'}",
        '"authorization": "raw-SECRET"',
        "Authorization: Bearer oidc/egi/SECRET",
        "sent header bearer SECRET-with.1234",
        '{"access_token": "SECRET", "expires_in": 300}',
        "{'refresh_token': 'SECRET', 'scope': 'openid'}",
        '{"client_secret":"SECRET"}',
        "grant_type=password&username=u&password=SECRET",
        "client_id=a&client_secret=SECRET&grant_type=client_credentials",
        "x-api-key: SECRET",
        "api_key=SECRET",
        "Set-Cookie: SECRET",
        "<AWSAccessKeyId>SECRET</AWSAccessKeyId><StringToSign>AWS4\nSECRET</StringToSign>",
        "https://idp.example/cb?code=SECRET&state=x",
        "path?X-Amz-Security-Token=SECRET",
    ],
)
def test_secrets_are_taken_out_of_text(text: str) -> None:
    """Whatever signs a request or signs somebody in is hidden, in URLs, headers, forms, JSON and XML."""
    assert "SECRET" not in logs.redact(text)


def test_tokens_are_known_by_their_looks() -> None:
    """A JSON web token and an AWS access key id are hidden wherever they stand."""
    assert TOKEN not in logs.redact(f"the token {TOKEN} was refused")
    assert "AKIAIOSFODNN7EXAMPLE" not in logs.redact("key AKIAIOSFODNN7EXAMPLE")


@pytest.mark.parametrize(
    "text",
    [
        "https://api.example/jobs?page=2&limit=100 answered 503",
        "job j-1 failed: the bearer token expired 5 minutes ago",
        "401 Unauthorized: basic authentication is off",
        "s3://bucket/prefix/a.tif has 12 bytes instead of 13",
        "keys a, b and c; monkey=1; turkey=2",
        "providers.cdse.auth.password: required (password of that user)",
        "the signature of item.json is missing",
        "C:\\data\\a.tif at 12:30:01",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """Text that holds nothing secret is left alone, words about tokens included."""
    assert logs.redact(text) == text


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    """`redact` takes any text and is idempotent."""
    once = logs.redact(text)
    assert logs.redact(once) == once


@given(st.text(max_size=200))
def test_any_text_is_shown_as_a_bare_url(text: str) -> None:
    """`redact_url` never raises, and shows neither user, query nor fragment."""
    assert "?" not in logs.redact_url(f"https://user:pw@host.example/path?{text.replace('#', '')}")
    logs.redact_url(text)


def test_urls_keep_place_and_path() -> None:
    """Scheme, host, port and path of a URL are shown, nothing else."""
    assert logs.redact_url("https://u:p@h.example:8443/a/b.tif?sig=x#y") == "https://h.example:8443/a/b.tif"
    assert logs.redact_url("http://[::1]:80/a") == "http://[::1]:80/a"
    assert logs.redact_url("http://[::1") == "***"


def test_known_secrets_are_hidden_by_value() -> None:
    """A configured secret is hidden even where nothing about the text tells that it is one."""
    logs.conceal(["plain-words-as-password", "abc"])
    assert logs.redact("no user plain-words-as-password here, abc") == "no user *** here, abc"


def test_one_json_object_per_line() -> None:
    """JSON lines hold time, level, event, module, bound and own fields."""
    stream = written()
    with logs.bound(provider="cdse", job="j-1"):
        logs.get_logger("stacsync.x").info("job.published", items=3)
    line = only(stream)
    assert line.pop("time")
    assert line == {
        "level": "info",
        "event": "job.published",
        "logger": "stacsync.x",
        "provider": "cdse",
        "job": "j-1",
        "items": 3,
    }


def test_fields_are_redacted_however_deep() -> None:
    """Secrets are hidden in every field: by their name, by their form, and in lists and tables."""
    stream = written()
    fields = {
        "token": "abc",
        "deep": [{"password": "hunter2"}, "https://h.example/a?sig=SECRET"],
        "text": f"got {TOKEN}",
    }
    logs.get_logger("x").warning("http.refused", **fields)
    text = stream.getvalue()
    assert all(secret not in text for secret in ("abc", "hunter2", "SECRET", TOKEN))


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_show_no_local_variables(form: str) -> None:
    """An exception is logged with where it came from, without local variables, its message redacted."""
    stream = written(form=form)
    local = "only-in-a-variable"
    try:
        raise ValueError(f"cannot read https://h.example/a?X-Amz-Signature={len(local)}SECRET")
    except ValueError:
        logs.get_logger("x").exception("pass.bug")
    text = stream.getvalue()
    assert "ValueError" in text
    assert "test_logs" in text
    assert "only-in-a-variable" not in text
    assert "SECRET" not in text


def test_libraries_are_heard_from_warning_on() -> None:
    """Chatter of libraries, signed addresses included, is never logged below WARNING; warnings are, in our form."""
    stream = written("debug")
    for name in ("botocore.auth", "urllib3.connectionpool", "httpx", "apscheduler.scheduler", "some.library"):
        logging.getLogger(name).debug("GET /a?X-Amz-Signature=SECRET")
        logging.getLogger(name).info("GET /a?X-Amz-Signature=SECRET")
    assert stream.getvalue() == ""
    logging.getLogger("urllib3.connectionpool").warning("retrying %s", "/a?X-Amz-Signature=SECRET")
    line = only(stream)
    assert (line["level"], line["logger"]) == ("warning", "urllib3.connectionpool")
    assert "SECRET" not in str(line["event"])


def test_level_is_obeyed() -> None:
    """Lines below the level are not written."""
    stream = written("warning")
    log = logs.get_logger("x")
    log.info("quiet")
    log.warning("loud")
    assert only(stream)["event"] == "loud"


def test_foreign_text_starts_no_line_of_its_own() -> None:
    """Line breaks and escape sequences in an event are shown, not obeyed, where people read."""
    stream = written(form="console")
    logs.get_logger("x").info("first\nsecond\x1b[31m")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b[31m" not in stream.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_foreign_text_in_a_field_is_shown_and_not_obeyed(form: str) -> None:
    """The same for every field, bound ones and inner ones included, for a library's words and for a traceback's."""
    stream = written(form=form)
    evil = "oops\x1b]0;t\x07\x1b[2J\r\u202e\n2026-01-31T12:00:00Z [info     ] job.published"
    with logs.bound(job=evil):
        logs.get_logger("x").info("job.failed", error=evil, inner={"a": [evil]})
        logging.getLogger("some.library").warning("%s", evil)
    try:
        raise ValueError(evil)
    except ValueError:
        logs.get_logger("x").exception("pass.bug")
    text = stream.getvalue()
    assert text.isascii() or form == "json"
    assert not set(text) & set("\x1b\x07\r")
    assert not re.search(r"^2026-01-31", text, re.MULTILINE)
    assert "oops" in text


@pytest.mark.parametrize(("level", "form"), [("verbose", "json"), ("info", "xml")])
def test_unknown_words_are_refused(level: str, form: str) -> None:
    """A level or format that does not exist is no silent default."""
    with pytest.raises(ValueError, match="level must be one of"):
        logs.configure(level, form)


def test_a_logger_alone_never_writes_to_stdout() -> None:
    """Before anything is configured, lines go to stderr as JSON when that is no terminal: stdout is for results."""
    code = "from stacsync.logs import get_logger; get_logger('x').warning('hello.world')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert json.loads(done.stderr)["event"] == "hello.world"


def test_importing_changes_nobodys_logging() -> None:
    """Asking for a logger leaves the handlers of whoever embeds us alone."""
    code = (
        "import logging; logging.basicConfig(level='DEBUG'); before = logging.getLogger().handlers[:]\n"
        "from stacsync.logs import get_logger; get_logger('x'); assert logging.getLogger().handlers == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_closed_stream_stops_nobody() -> None:
    """A log line that nobody can read any more is dropped; the work goes on."""
    stream = written()
    stream.close()
    logs.get_logger("x").info("into.the.void")
    logging.getLogger("some.library").warning("into the void")
