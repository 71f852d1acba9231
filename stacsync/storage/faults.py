"""What went wrong at a store, in words, with the way out.

Stores answer in three dialects (obstore's messages, botocore's responses, plain HTTP); all become a `Fault` first, and
one table turns a fault into a `StorageError`. No text of a server is passed on but its error code, so no signed address
or account name can slip through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from stacsync.errors import StorageError

MISSING = frozenset({"NoSuchKey", "NotFound", "404"})
BUSY = frozenset(
    {"SlowDown", "TooManyRequests", "RequestLimitExceeded", "ServiceUnavailable", "InternalError", "RequestTimeout"}
)
UNSUPPORTED = frozenset({"NotImplemented", "MethodNotAllowed", "501", "405"})
_GRANT = (
    "grant these credentials s3:ListBucket on the bucket and s3:GetObject, for writing also s3:PutObject,"
    " s3:DeleteObject and s3:AbortMultipartUpload, on its objects"
)
_KEYS = "correct {settings}.access_key_id and {settings}.secret_access_key, or what the AWS credential chain finds"
_OWN = "set {settings}.access_key_id and {settings}.secret_access_key"
_REGION = "set {settings}.region to the bucket's region"
_ROOM = "make room or raise the quota; the next pass goes on where this one stopped"
_LATER = "the next pass tries again; lower mirror.concurrency if this recurs"
_WORDS: dict[str, tuple[str, str]] = {
    "NoSuchBucket": ("the bucket does not exist", "create it or correct {settings}.url; stacsync never creates one"),
    "InvalidBucketName": ("the bucket's name is not valid", "correct {settings}.url"),
    "AccessDenied": ("access is denied", _GRANT),
    "AllAccessDisabled": ("access is denied", _GRANT),
    "AccountProblem": ("the account is locked", "ask the operator of the store"),
    "InvalidAccessKeyId": ("the access key is not known", _KEYS),
    "SignatureDoesNotMatch": ("the secret key is wrong", _KEYS),
    "ExpiredToken": ("the session token has expired", "sign in again or use keys that last"),
    "InvalidToken": ("the session token is not valid", _KEYS),
    "RequestTimeTooSkewed": ("this machine's clock differs from the store's", "set the clock (NTP)"),
    "PermanentRedirect": ("the bucket lies in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the region is wrong", _REGION),
    "EntityTooLarge": ("the object is larger than the store takes", "lower mirror.max_asset_size"),
    "QuotaExceeded": ("the quota is used up", _ROOM),
    "InsufficientStorage": ("the store is full", _ROOM),
    "XMinioStorageFull": ("the store is full", _ROOM),
    "InvalidObjectState": ("the object is archived", "restore it where it lies; the next pass tries again"),
    "NoSuchUpload": ("the upload is no longer known", "the next pass begins it anew"),
    "NoCredentials": (
        "there are no credentials",
        f"{_OWN}, or AWS_… in the environment",
    ),
    "AwsConfiguration": (
        "the AWS configuration of this machine cannot be used",
        f"correct what AWS_PROFILE and AWS_CONFIG_FILE name, or {_OWN}",
    ),
    "OddCredentials": (
        "a key, a token or the region holds a line break or another character that cannot be sent",
        "take it out of {settings}.access_key_id and {settings}.region, or AWS_… in the environment: often it is at the end",
    ),
    "Panic": ("the S3 library broke down", "look for odd values in {settings} and AWS_… in the environment"),
    "Unreachable": ("it cannot be reached", "check {settings}.endpoint_url and the network; the next pass tries again"),
    "RepeatedPage": ("its listing goes in circles", "use another S3 server"),
    "Certificate": ("its certificate is not trusted", "name the authority's certificate as {settings}.ca_bundle"),
} | dict.fromkeys(BUSY, ("it is overloaded and kept refusing", _LATER))
_BY_STATUS = {
    401: "AccessDenied",
    403: "AccessDenied",
    301: "PermanentRedirect",
    307: "PermanentRedirect",
    413: "EntityTooLarge",
} | {
    429: "SlowDown",
    500: "InternalError",
    502: "ServiceUnavailable",
    503: "SlowDown",
    504: "ServiceUnavailable",
    507: "InsufficientStorage",
}
_BY_EXCEPTION = {
    "NoCredentialsError": "NoCredentials",
    "PartialCredentialsError": "NoCredentials",
    "CredentialRetrievalError": "NoCredentials",
    "ProfileNotFound": "AwsConfiguration",
    "ConfigNotFound": "AwsConfiguration",
    "ConfigParseError": "AwsConfiguration",
    "InvalidConfigError": "AwsConfiguration",
    "ParamValidationError": "InvalidRequest",
    "PaginationError": "RepeatedPage",
    "UnauthenticatedError": "NoCredentials",
}
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_IN_REGION = re.compile(r"<Region>([a-z0-9-]{1,64})</Region>")
_REGION_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
BUCKET_REGION = "x-amz-bucket-region"
"""The header in which a store says where a bucket lies, whatever else it answers."""
_ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_CERTIFICATE = re.compile(r"certificate|UnknownIssuer", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a store answered: its error code (ours where it gave none) and the HTTP status, 0 when there was no answer."""

    code: str
    status: int = 0
    region: str = ""
    """Where the bucket lies, as far as the store told."""

    @property
    def elsewhere(self) -> bool:
        """Return whether the bucket lies in another region; a HEAD request is told no more than a bare 400."""
        return self.code in _ELSEWHERE or self.status in {301, 307} or (self.code, self.status) == ("400", 400)

    @property
    def missing(self) -> bool:
        """Return whether the object, not the bucket, is missing."""
        return self.code in MISSING

    @property
    def busy(self) -> bool:
        """Return whether asking again soon may help."""
        return self.code in BUSY or self.status in {429, 500, 502, 503, 504} or self.code == "Unreachable"

    @property
    def unsupported(self) -> bool:
        """Return whether the store does not know this request at all."""
        return self.code in UNSUPPORTED or self.status in {405, 501}

    def error(self, url: str, doing: str, settings: str = "storage") -> Refusal:
        """Return the error that tells what could not be done at the store `url`, and which of the `settings` to look at."""
        words, remedy = _WORDS.get(self.code) or _WORDS.get(_BY_STATUS.get(self.status, ""), ("", ""))
        told = words or f"it answered {self.code}" + (f" ({self.status})" if str(self.status) != self.code else "")
        remedy = (remedy or "look into the store's own log").format(settings=settings)
        return Refusal(f"{url}: cannot {doing}: {told}", remedy, fault=self)


class Refusal(StorageError):
    """A `StorageError` that still knows what the store answered."""

    def __init__(self, message: str, remedy: str = "", *, fault: Fault) -> None:
        super().__init__(message, remedy)
        self.fault = fault


def from_answer(status: int, body: bytes | str, region: str | None = None) -> Fault:
    """Return the fault in an HTTP answer that is no success; `region` is what its header says of the bucket."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    found, within = _CODE.search(text), _IN_REGION.search(text)
    place = region_name(region) or (within.group(1) if within else "")
    if found:
        return Fault(found.group(1), status, place)
    return Fault("NotFound" if status == 404 else _BY_STATUS.get(status, str(status)), status, place)


def region_name(told: object) -> str:
    """Return the name of a region that a store told, empty when it is none."""
    return told if isinstance(told, str) and _REGION_NAME.fullmatch(told) else ""


def from_network(error: BaseException) -> Fault:
    """Return the fault behind a connection that failed."""
    return Fault("Certificate" if _CERTIFICATE.search(str(error)) else "Unreachable")


def from_obstore(error: BaseException) -> Fault:
    """Return the fault in an error of obstore, which tells it in its text only."""
    text = str(error)
    status = _STATUS.search(text)
    if status:
        return from_answer(int(status.group(1)), text)
    if isinstance(error, FileNotFoundError):
        return Fault("NotFound", 404)
    if isinstance(error, NotImplementedError) or "NotSupported" in type(error).__name__ or "NotImplemented" in text:
        return Fault("NotImplemented", 501)
    if "redirect without LOCATION" in text:
        return Fault("PermanentRedirect", 301)
    code = _BY_EXCEPTION.get(type(error).__name__)
    return Fault(code) if code else from_network(error)


def from_botocore(error: Exception) -> Fault:
    """Return the fault in an error of botocore (or boto3)."""
    response: Any = getattr(error, "response", None)
    if not isinstance(response, dict):
        code = _BY_EXCEPTION.get(type(error).__name__)
        return Fault(code) if code else from_network(error)
    about: Any = response.get("ResponseMetadata", {})
    status = int(about.get("HTTPStatusCode", 0))
    told: Any = response.get("Error", {})
    region = region_name(about.get("HTTPHeaders", {}).get(BUCKET_REGION)) or region_name(told.get("Region"))
    code = str(told.get("Code", ""))
    return from_answer(status, "", region) if not code or code.isdigit() else Fault(code[:64], status, region)
