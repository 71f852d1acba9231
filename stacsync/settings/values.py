"""The kinds of values that settings hold, each checked as it is read.

An error message says what is allowed and never repeats the value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[smhdw]))+")
_STEP = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhdw])")
_PLAIN = re.compile(r"[0-9]+")
_LONGEST = 10 * 366 * 86400
_SCALE = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([kmgt]i?)?b?", re.IGNORECASE)
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "[0-7]|sun|mon|tue|wed|thu|fri|sat"
_DAY_RANGE = re.compile(rf"(?:(\*)|({_DAY})(?:-({_DAY}))?)(?:/([1-7]))?")
_KEY = re.compile(r"[!-~]+")
_SCHEDULER = re.compile(r"[a-z]{2,8}://[^\s@]+|(?:\[[0-9A-Fa-f:.]+\]|[^\s@:/]+):\d{1,5}")
_HOST_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):(\d{1,5})")


def duration(value: Any) -> Any:
    """Return "5m", "30s" or "1h30m" as a timedelta; a bare number counts seconds."""
    if isinstance(value, timedelta):
        return value
    text = value.strip().lower().replace(" ", "") if isinstance(value, str) else ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif _PLAIN.fullmatch(text):
        seconds = float(text)
    elif _DURATION.fullmatch(text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _STEP.findall(text))
    else:
        raise ValueError('a duration such as "30s", "5m" or "1h30m" is expected')
    if not abs(seconds) <= _LONGEST:
        raise ValueError("at most ten years are expected")
    return timedelta(seconds=seconds)


def show_duration(value: timedelta) -> str:
    """Return a timedelta as the text that `duration` reads."""
    rest = round(value.total_seconds() * 1000)
    parts = []
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def size(value: Any) -> Any:
    """Return "50GiB" or "500MB" in bytes; a bare number counts bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError('a size such as "50GiB", "500MB" or a number of bytes is expected')
    return int(Decimal(match[1]) * _SCALE[(match[2] or "").lower()])


def show_size(value: int) -> str:
    """Return a number of bytes as the shortest exact text that `size` reads."""
    for unit in ("Ti", "Gi", "Mi", "Ki"):
        if value and value % _SCALE[unit.lower()] == 0:
            return f"{value // _SCALE[unit.lower()]}{unit}B"
    return str(value)


def url(value: str) -> str:
    """Return an http or https URL without a slash at its end; credentials in it are refused."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError("an http or https URL is expected") from error
    if parts.scheme not in {"http", "https"} or not host or port == 0 or re.search(r"\s", value):
        raise ValueError("an http or https URL with a host is expected")
    if "@" in parts.netloc:
        raise ValueError("a URL must not hold a user or a password; they have keys of their own")
    if parts.query or parts.fragment:
        raise ValueError("a URL without query and fragment is expected")
    return value.rstrip("/")


def storage_url(value: str) -> str:
    """Return `s3://bucket[/prefix]` or `file:///folder`, without a slash at its end."""
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise ValueError("s3://bucket/prefix or file:///folder is expected") from error
    bucket = parts.scheme == "s3" and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", parts.netloc)
    folder = parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/")
    if not (bucket or folder) or parts.query or parts.fragment:
        raise ValueError("s3://bucket/prefix or file:///folder (three slashes: an absolute path) is expected")
    return value.rstrip("/") if value.rstrip("/") != "file:" else "file:///"


def ledger_url(value: str) -> str:
    """Return the SQLAlchemy URL of a SQLite file or a PostgreSQL database."""
    if re.fullmatch(r"sqlite:///[^?#]*[^?#/]", value):
        return value
    if re.fullmatch(r"postgresql(\+psycopg)?://\S+", value):
        return value.replace("postgresql://", "postgresql+psycopg://", 1)
    raise ValueError(
        "sqlite:///file (four slashes: an absolute path) or postgresql+psycopg://host/database is expected"
    )


def cron(value: str) -> str:
    """Return a five-field crontab expression, with days of the week by name.

    In a crontab 0 and 7 are Sunday, in APScheduler 0 is Monday: names mean the same to both. A day of the month together
    with a day of the week is refused: a crontab means either, APScheduler both.
    """
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - costs 40 ms, and few configurations use it

    fields = value.split()
    if len(fields) != 5:
        raise ValueError('a crontab expression of five fields such as "*/10 * * * *" is expected')
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError("a day of the month or a day of the week is expected, not both")
    try:
        fields[4] = _weekdays(fields[4].lower())
        trigger = CronTrigger.from_crontab(" ".join(fields), timezone=UTC)
    except (ValueError, IndexError) as error:
        raise ValueError(
            'a crontab expression such as "*/10 * * * *" is expected; one of its fields is wrong'
        ) from error
    if trigger.get_next_fire_time(None, datetime(2024, 1, 1, tzinfo=UTC)) is None:
        raise ValueError("a day that exists is expected: this expression is never due")
    return " ".join(fields)


def _weekdays(field: str) -> str:
    """Return the days of a crontab's fifth field by name, each once."""
    if field == "*":
        return field
    days: dict[str, None] = {}
    for part in field.split(","):
        match = _DAY_RANGE.fullmatch(part)
        if not match or (match[4] and not (match[3] or match[1])):
            raise ValueError("a day of the week, or a range of them, is expected")
        first, last = (0, 6) if match[1] else (_day(match[2]), _day(match[3] or match[2]))
        if last < first and match[3] in {"sun", "0"}:
            last = 7
        days |= dict.fromkeys(_DAYS[day] for day in range(first, last + 1, int(match[4] or 1)))
        if last < first:
            raise ValueError("a range runs from the earlier to the later day")
    return ",".join(days)


def _day(word: str) -> int:
    return int(word) if word.isdigit() else _DAYS.index(word)


def since(value: Any) -> Any:
    """Return a date (midnight UTC) or a time as a timezone-aware UTC time; a time without a zone is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise ValueError("a date such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z is expected") from error
    if isinstance(value, datetime):
        if not 1900 <= value.year <= 2200:
            raise ValueError("a year from 1900 to 2200 is expected")
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return since(datetime(value.year, value.month, value.day, tzinfo=UTC))
    raise ValueError("a date such as 2026-01-31 is expected")


def host_port(value: str) -> str:
    """Return "host:port" in lower case; the port must be there."""
    match = _HOST_PORT.fullmatch(value.strip())
    if not match or not 0 < int(match[1]) < 65536:
        raise ValueError('"host:port" is expected, such as "minio.internal:9000" or "[::1]:9000"')
    if value.startswith("["):
        ip_address(value[1 : value.index("]")])
    return value.strip().lower()


def key(value: str) -> str:
    """Return an access key, or the name of a region, without spaces and line breaks around it; inside they are refused."""
    found = value.strip()
    if not _KEY.fullmatch(found):
        raise ValueError("letters, digits and signs alone are expected, without spaces and line breaks")
    return found


def scheduler(value: str) -> str:
    """Return the address of a Dask scheduler, which has neither user nor password."""
    if not _SCHEDULER.fullmatch(value):
        raise ValueError('an address such as "tcp://scheduler:8786", without user and password, is expected')
    return value


def origin(address: str) -> str | None:
    """Return "host:port" of an http or https URL (the scheme's port when none is named), None of anything else."""
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}".lower()


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("at least 1s is expected")
    return value


def _not_negative(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError("0s or more is expected")
    return value


def _existing_file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("an existing file is expected")
    return value


_Span = Annotated[timedelta, BeforeValidator(duration), PlainSerializer(show_duration, return_type=str)]
Interval = Annotated[_Span, AfterValidator(_positive)]
Duration = Annotated[_Span, AfterValidator(_not_negative)]
Size = Annotated[int, BeforeValidator(size), Field(gt=0, lt=2**63)]
Url = Annotated[str, AfterValidator(url)]
StorageUrl = Annotated[str, AfterValidator(storage_url)]
LedgerUrl = Annotated[str, AfterValidator(ledger_url)]
Cron = Annotated[str, AfterValidator(cron)]
Since = Annotated[datetime, BeforeValidator(since)]
Scheduler = Annotated[str, AfterValidator(scheduler)]
HostPort = Annotated[str, AfterValidator(host_port)]
File = Annotated[Path, AfterValidator(_existing_file)]
Text = Annotated[str, Field(min_length=1)]
Key = Annotated[Text, AfterValidator(key)]
