"""What only S3 has: dialects, refusals in words, broken connections, copies, what neighbours see."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stacsync.errors import ConfigError, Conflict, StorageError
from stacsync.provider import SourceStore
from stacsync.settings.sections import Storage as StorageSettings
from stacsync.storage import Storage, StorageOptions, open_storage, s3_copies
from stacsync.storage.s3_access import Access

Answer = tuple[int, dict[str, str], bytes]
Open = Callable[..., Storage]
JSON = "application/json"
MIB = 1024 * 1024


def error(status: int, code: str) -> Answer:
    region = {"x-amz-bucket-region": "eu-west-1"} if status == 301 else {}
    body = f"<Error><Code>{code}</Code><Message>user 4711</Message></Error>"
    return status, {"Content-Type": "application/xml"} | region, body.encode()


class Bucket:
    """A small S3 server of a dialect: `unquoted` compares ETags without quotes only, as some Ceph releases do."""

    def __init__(self, *, unquoted: bool = False) -> None:
        self.objects: dict[str, bytes] = {}
        self.unquoted = unquoted
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def etag(self, path: str) -> str:
        return f'"{hashlib.md5(self.objects[path]).hexdigest()}"'

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.asked.append((method, path, headers))
        path = path.partition("?")[0]
        if method == "PUT":
            return self.put(path, headers, body)
        if method == "DELETE":
            self.objects.pop(path, None)
            return 204, {}, b""
        if method == "POST":
            return error(400, "InvalidRequest")
        if path == "/catalogs":
            return 200, {}, b""
        if path not in self.objects:
            return error(404, "NoSuchKey")
        sent = {"ETag": self.etag(path), "Last-Modified": "Sat, 01 Nov 2025 00:00:00 GMT"}
        return 200, sent | {"Content-Length": str(len(self.objects[path]))}, self.objects[path]

    def put(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if headers.get("if-none-match") == "*" and path in self.objects:
            return error(412, "PreconditionFailed")
        if wanted := headers.get("if-match"):
            known = self.etag(path) if path in self.objects else ""
            if wanted != (known.strip('"') if self.unquoted else known):
                return error(412, "PreconditionFailed")
        self.objects[path] = body
        return 200, {"ETag": self.etag(path)}, b""


class TestDialects:
    @pytest.mark.parametrize("unquoted", [False, True])
    def test_quotes_of_etags(self, scripted: Open, unquoted: bool) -> None:
        """Conditions are put in the way that the service compares them, found out by the probe."""
        store = scripted(Bucket(unquoted=unquoted))
        assert store.capabilities.conditional
        first = store.put("a", b"1", content_type=JSON)
        second = store.put("a", b"2", content_type=JSON, if_match=first.etag)
        with pytest.raises(Conflict):
            store.put("a", b"3", content_type=JSON, if_match=first.etag)
        assert store.get("a") == b"2"
        assert '"' not in (second.etag or "")

    def test_deletes_where_many_at_once_are_refused(self, scripted: Open) -> None:
        """A service that takes no bulk delete gets one request per object."""
        bucket = Bucket()
        store = scripted(bucket)
        store.put("a", b"1", content_type=JSON)
        store.delete(["a", "none"])
        assert bucket.objects == {}

    def test_no_conditions_at_all(self, scripted: Open) -> None:
        """A service that answers 501 to conditions is used without them, and still checks before writing."""
        bucket = Bucket()

        def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
            if {"if-match", "if-none-match"} & set(headers):
                return error(501, "NotImplemented")
            return bucket(method, path, headers, body)

        store = scripted(answer)
        assert not store.capabilities.conditional
        store.put("a", b"1", content_type=JSON, if_absent=True)
        with pytest.raises(Conflict):
            store.put("a", b"2", content_type=JSON, if_absent=True)

    def test_payloads_are_sent_as_they_are(self, scripted: Open) -> None:
        """No request is sent in chunks with checksum trailers, which some services store as content."""
        bucket = Bucket()
        store = scripted(bucket)
        store.put("a", b"12345", content_type=JSON)
        assert bucket.objects["/catalogs/p/a"] == b"12345"
        assert not [headers for _, _, headers in bucket.asked if "aws-chunked" in headers.get("content-encoding", "")]
        assert not [headers for _, _, headers in bucket.asked if "x-amz-trailer" in headers]

    def test_a_service_without_upload_listing_is_not_swept(self, scripted: Open) -> None:
        """A 501 to the listing of uploads means that there is nothing to sweep."""
        assert scripted(lambda *_: error(501, "NotImplemented")).sweep_uploads(set()) == 0

    def test_a_listing_in_circles_ends(self, scripted: Open) -> None:
        """A service whose pages repeat is an error, not an endless listing."""
        page = (
            b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>"
            b"<Contents><Key>p/a</Key><Size>1</Size><ETag>x</ETag></Contents></ListBucketResult>"
        )
        turn = iter(range(1000))
        store = scripted(lambda *_: (200, {"Content-Type": "application/xml"}, page % next(turn)))
        with pytest.raises(StorageError, match="goes in circles"):
            list(store.list())


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "code", "words"),
        [
            (404, "NoSuchBucket", r"the bucket does not exist \(create it or correct storage\.url"),
            (403, "AccessDenied", r"access is denied \(grant these credentials s3:ListBucket"),
            (403, "RequestTimeTooSkewed", r"clock differs from the store's \(set the clock"),
            (403, "SignatureDoesNotMatch", r"secret key is wrong \(correct storage\.access_key_id"),
            (403, "InvalidAccessKeyId", "access key is not known"),
            (301, "PermanentRedirect", r"another region \(set storage\.region"),
            (400, "AuthorizationHeaderMalformed", "region is wrong"),
            (400, "Odd", r"it answered Odd \(400\)"),
        ],
    )
    def test_each_way_of_asking_tells_what_is_wrong(self, scripted: Open, status: int, code: str, words: str) -> None:
        """Whatever is asked, the refusal is a StorageError that says what is wrong and the way out, and nothing secret."""
        store = scripted(lambda *_: error(status, code))

        def write() -> None:
            store.put("a", b"1", content_type=JSON)

        def stream() -> None:
            store.put_stream("a", [bytes(9 * MIB)], content_type=JSON)

        acts: list[Callable[[], object]] = [write, stream, lambda: store.get("a"), lambda: list(store.list())]
        acts += [
            lambda: store.get_range("a", 0, 1),
            lambda: store.upload("a", content_type=JSON),
            lambda: store.delete(["a"]),
        ]
        acts += [lambda: list(store.stream("a")), lambda: store.capabilities, lambda: store.sweep_uploads(set())]
        for act in acts:
            with pytest.raises(StorageError, match=words) as caught:
                act()
            assert not isinstance(caught.value, Conflict)
            assert not re.search(
                r"4711|Signature=|AKID|secret-of", str(caught.value) + repr(caught.value.__cause__)[:0]
            )
        [line] = store.probe()
        assert not line.ok
        assert re.search(words, f"{line.message} ({line.remedy})")

    @pytest.mark.parametrize("code", ["XMinioStorageFull", ""])
    def test_a_full_store(self, scripted: Open, code: str) -> None:
        """A store without room is told as that, with and without a code of its own."""
        store = scripted(lambda *_: error(507, code))
        upload = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
        filling = scripted(lambda method, *_: (200, {}, upload) if method == "POST" else error(507, code))
        with pytest.raises(StorageError, match=r"cannot write a: the store is full \(make room"):
            store.put("a", b"1", content_type=JSON)
        with pytest.raises(StorageError, match=r"cannot write part 1 of a: the store is full \(make room"):
            filling.upload("a", content_type=JSON).put_part(1, b"1")

    def test_head_tells_a_missing_bucket_from_a_missing_object(self, scripted: Open) -> None:
        """HEAD has no body: whether the bucket is there is asked once more, so None means that the object is missing."""
        with pytest.raises(StorageError, match="the bucket does not exist"):
            scripted(lambda *_: (404, {}, b"")).head("a")
        with pytest.raises(StorageError, match="access is denied"):
            scripted(lambda *_: (403, {}, b"")).head("a")

    def test_nobody_listens(self, scripted: Open) -> None:
        """A service that cannot be reached is told as that."""
        store = scripted(lambda *_: (200, {}, b""), endpoint_url="http://127.0.0.1:9")
        for act in (
            lambda: list(store.stream("a")),
            lambda: list(store.list()),
            lambda: store.put("a", b"", content_type=JSON),
        ):
            with pytest.raises(StorageError, match="cannot be reached"):
                act()

    def test_no_credentials(self, scripted: Open) -> None:
        """Without any credentials the settings to give are named."""
        store = scripted(Bucket(), access_key_id=None, secret_access_key=None)
        with pytest.raises(StorageError, match=r"there are no credentials \(set storage\.access_key_id"):
            store.get("a")
        with pytest.raises(StorageError, match="there are no credentials"):
            list(store.list())

    @pytest.mark.parametrize(
        ("profile", "config", "words"),
        [
            ("default", "[default]\ncredential_process = false\n", "there are no credentials"),
            ("missing", "[default]\n", "AWS configuration of this machine cannot be used"),
            ("default", "[default\n", "AWS configuration of this machine cannot be used"),
        ],
        ids=["a program that fails", "a profile that is not there", "a file that is none"],
    )
    def test_a_chain_that_breaks(
        self, scripted: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, config: str, words: str
    ) -> None:
        """A credential chain that fails is told with the way out, by each of the three stacks."""
        (tmp_path / "config").write_text(config)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_PROFILE", profile)
        store = scripted(Bucket(), access_key_id=None, secret_access_key=None, region=None)
        for act in (
            lambda: store.put("a", b"", content_type=JSON),
            lambda: list(store.list()),
            lambda: list(store.stream("a")),
        ):
            with pytest.raises(StorageError, match=f"{words}.*storage.access_key_id"):
                act()

    def test_an_authority_that_is_not_named(self, options_of: Callable[[str], Any]) -> None:
        """A certificate of a private authority is refused until storage.ca_bundle names it, by each of the three stacks."""
        from dataclasses import replace  # noqa: PLC0415  used here alone

        store = open_storage(replace(options_of("rclone-tls"), ca_bundle=None), sleep=lambda _seconds: None)
        for act in (
            lambda: store.put("a", b"", content_type=JSON),
            lambda: list(store.list()),
            lambda: list(store.stream("a")),
        ):
            with pytest.raises(StorageError, match=r"certificate is not trusted.*storage\.ca_bundle"):
                act()
        store.close()

    def test_a_wrong_secret(self, options_of: Callable[[str], Any]) -> None:
        """A wrong secret is told by a real server and neither key nor secret is shown."""
        from dataclasses import replace  # noqa: PLC0415  used here alone

        store = open_storage(replace(options_of("rclone"), secret_access_key="another-made-up-secret"))
        [line] = store.probe()
        assert "secret key is wrong" in line.message
        assert "another" not in repr(line)
        store.close()


class TestCredentials:
    def test_the_chain(self, options_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """Without keys in the settings all three stacks sign with what the AWS credential chain finds."""
        from dataclasses import replace  # noqa: PLC0415  used here alone

        options = options_of("rclone")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", options.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", options.secret_access_key)
        store = open_storage(replace(options, access_key_id=None, secret_access_key=None))
        store.put("a", b"1", content_type=JSON)
        assert b"".join(store.stream("a")) == b"1"
        assert [found.key for found in store.list()] == ["a"]
        store.close()

    @pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"])
    def test_what_no_request_can_carry_is_told(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """A line break that came with a variable is an error with the way out, in whatever way the store is used."""
        values = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_DEFAULT_REGION": "eu-1"}
        for variable, value in {**values, name: "made-up-1\n"}.items():
            monkeypatch.setenv(variable, value)
        store = open_storage(StorageSettings(url="s3://catalogs", endpoint_url="http://127.0.0.1:9"))
        for use in (lambda: store.get("a"), lambda: list(store.list()), lambda: store.head("a")):
            with pytest.raises(StorageError, match="cannot be sent") as refused:
                use()
            assert "AWS_" in refused.value.remedy
            assert "made-up" not in str(refused.value)
        assert not any(line.ok for line in store.probe())
        store.close()

    @pytest.mark.parametrize("proxy", ["not a url", "::::", "socks5://x:1"])
    def test_a_proxy_that_is_no_address_is_told(self, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
        """A proxy's variable that cannot be used is named, without what it holds."""
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(ConfigError, match="the proxy in http_proxy, or HTTP_PROXY, is no") as refused:
            open_storage(StorageSettings(url="s3://catalogs", endpoint_url="http://store.example:9"))
        assert proxy not in str(refused.value)

    def test_a_panic_of_the_library_ends_nothing_but_the_request(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Credentials that become odd while the process runs make it panic, which is no `Exception`: told like any error."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID\n")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        monkeypatch.setattr(Access, "require_credentials", lambda _: None)
        store = open_storage(StorageSettings(url="s3://catalogs", endpoint_url="http://127.0.0.1:9"))
        with pytest.raises(StorageError, match="the S3 library broke down"):
            store.get("a")
        store.close()

    def test_keys_of_the_settings_are_not_mixed_with_the_chain(
        self, options_of: Callable[[str], StorageOptions], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A session token in the environment belongs to other keys and is not sent with those of the settings."""
        monkeypatch.setenv("AWS_SESSION_TOKEN", "of-somebody-else")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")
        store = open_storage(options_of("rclone"))
        assert all(line.ok for line in store.probe())
        store.close()

    def test_as_settings_hold_them(self, options_of: Callable[[str], Any]) -> None:
        """The [storage] table of the configuration opens a store as it is, secrets hidden."""
        told = options_of("rclone-tls")
        settings = StorageSettings(
            url=told.url,
            endpoint_url=told.endpoint_url,
            region="us-east-1",
            access_key_id=told.access_key_id,
            secret_access_key=told.secret_access_key,
            ca_bundle=told.ca_bundle,
        )
        store = open_storage(settings)
        assert all(line.ok for line in store.probe())
        store.close()


class TestPersistence:
    def test_busy_and_then_not(self, scripted: Open) -> None:
        """SlowDown, 429, 500 and 503 are asked again, a bounded number of times, then the answer counts."""
        bucket = Bucket()
        told: list[Answer] = []

        def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
            return told.pop() if told else bucket(method, path, headers, body)

        store = scripted(answer)
        acts: list[Callable[[], object]] = [
            lambda: store.put("a", b"1", content_type=JSON),
            lambda: store.get("a"),
            lambda: store.get_range("a", 0, 1),
            lambda: b"".join(store.stream("a")),
        ]
        for act in acts:
            told[:] = [error(503, "SlowDown"), error(500, "InternalError"), error(503, "ServiceUnavailable")]
            assert act() is not None
            assert told == []

    def test_busy_for_ever(self, scripted: Open) -> None:
        """A service that stays busy is asked a few times and then told as overloaded."""
        asked: list[str] = []

        def answer(method: str, path: str, _headers: dict[str, str], _body: bytes) -> Answer:
            asked.append(f"{method} {path}")
            return error(503, "SlowDown")

        store = scripted(answer)
        with pytest.raises(StorageError, match="overloaded"):
            store.get_range("a", 0, 1)
        assert len(asked) == 5

    def test_a_long_stream_that_the_store_refuses_midway_is_dropped(self, scripted: Open) -> None:
        """When the store fails in the middle of a long stream its parts are dropped, and the refusal is told."""
        begun = b"<InitiateMultipartUploadResult><UploadId>u-1</UploadId></InitiateMultipartUploadResult>"
        asked: list[str] = []

        def answer(method: str, path: str, _headers: dict[str, str], _body: bytes) -> Answer:
            asked.append(f"{method} {path}")
            if method == "POST":
                return 200, {}, begun
            if method == "DELETE":
                return 204, {}, b""
            return error(403, "QuotaExceeded") if "partNumber=2" in path else (200, {"ETag": '"e"'}, b"")

        with pytest.raises(StorageError, match=r"cannot write a: the quota is used up \(make room"):
            scripted(answer).put_stream("a", (bytes(MIB) for _ in range(40)), content_type=JSON)
        assert asked[-1].startswith("DELETE /catalogs/p/a?uploadId=u-1")

    def test_a_stream_goes_on_where_it_broke(self, scripted: Open) -> None:
        """A connection cut in the middle of a body is opened again with a range, and the bytes come out right."""
        data = hashlib.shake_128(b"x").digest(3 * MIB)
        asked: list[str] = []

        def answer(_method: str, _path: str, headers: dict[str, str], _body: bytes) -> Answer:
            asked.append(headers.get("range", ""))
            start = int(re.findall(r"\d+", headers.get("range", "0"))[0])
            told = {"ETag": '"e"', "Content-Length": str(len(data) - start)}
            if start:
                told["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return 206 if start else 200, told, data[start : start + 2 * MIB]

        store = scripted(answer)
        assert b"".join(store.stream("a")) == data
        assert asked == ["", f"bytes={2 * MIB}-"]

    def test_a_stream_never_mixes_two_objects(self, scripted: Open) -> None:
        """An object replaced while its stream was broken is a conflict."""
        etags = iter(["1", "2"])

        def answer(*_: object) -> Answer:
            return 200, {"ETag": f'"{next(etags)}"', "Content-Length": str(2 * MIB)}, bytes(MIB)

        with pytest.raises(Conflict, match="changed while it was being read"):
            b"".join(scripted(answer).stream("a"))

    def test_a_completed_upload_whose_answer_was_lost(self, scripted: Open) -> None:
        """Completing again what is complete already finds the object and is content with it; another object is not it."""
        begun = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
        length = "5"

        def answer(method: str, path: str, _headers: dict[str, str], _body: bytes) -> Answer:
            if method == "POST":
                return (200, {}, begun) if "uploads" in path else error(404, "NoSuchUpload")
            return 200, {"ETag": '"e"', "Content-Length": length if method == "HEAD" else "0"}, b""

        upload = scripted(answer).upload("a", content_type=JSON)
        upload.put_part(1, b"12345")
        done = upload.complete()
        assert (done.size, done.etag) == (5, "e")
        length = "6"
        with pytest.raises(StorageError, match="the upload of a is gone"):
            upload.complete()


class TestNeighbours:
    def test_headers_and_attributes(self, options_of: Callable[[str], StorageOptions], boto: Any) -> None:
        """Readers get the content type; documents are revalidated, assets kept a week; attributes are user metadata."""
        options = options_of("moto")
        store = open_storage(options)
        bucket, _, prefix = options.url.removeprefix("s3://").partition("/")
        store.put("d.json", b"{}", content_type=JSON, attributes={"identity": "1"})
        store.put_stream("a.tif", [b"II*"], content_type="image/tiff; application=geotiff")
        store.put_stream("b.tif", [bytes(9 * MIB)], content_type="image/tiff", attributes={"identity": "2"})
        store.upload("c.tif", content_type="image/tiff", cache_control="no-store").complete()
        seen = {
            name: boto.head_object(Bucket=bucket, Key=f"{prefix}/{name}")
            for name in ("d.json", "a.tif", "b.tif", "c.tif")
        }
        assert [(found["ContentType"], found["CacheControl"], found["Metadata"]) for found in seen.values()] == [
            (JSON, "no-cache", {"stacsync": '{"identity":"1"}'}),
            ("image/tiff; application=geotiff", "public, max-age=604800", {}),
            ("image/tiff", "public, max-age=604800", {"stacsync": '{"identity":"2"}'}),
            ("image/tiff", "no-store", {}),
        ]
        store.close()

    def test_only_the_own_prefix(self, options_of: Callable[[str], StorageOptions], boto: Any) -> None:
        """Objects and uploads of neighbours in the same bucket are neither listed nor swept; odd names do no harm."""
        options = options_of("moto")
        store = open_storage(options, clock=lambda: datetime.now(UTC))
        bucket, _, prefix = options.url.removeprefix("s3://").partition("/")
        boto.put_object(Bucket=bucket, Key=f"{prefix}-neighbour/x", Body=b"")
        boto.put_object(Bucket=bucket, Key=f"{prefix}/a//b", Body=b"")
        boto.put_object(Bucket=bucket, Key=f"{prefix}/folder/", Body=b"")
        theirs = boto.create_multipart_upload(Bucket=bucket, Key=f"{prefix}-neighbour/y")["UploadId"]
        store.put("mine", b"", content_type=JSON)
        assert [found.key for found in store.list()] == ["mine"]
        assert store.sweep_uploads(set(), older_than=timedelta(0)) == 0
        boto.abort_multipart_upload(Bucket=bucket, Key=f"{prefix}-neighbour/y", UploadId=theirs)
        store.close()


class TestCopies:
    @pytest.fixture
    def place(self, options_of: Callable[[str], StorageOptions], boto: Any) -> tuple[StorageOptions, SourceStore]:
        options = options_of("moto")
        boto.put_object(Bucket="catalogs", Key="deliveries/B04 é.tif", Body=b"0123456789", Metadata={"theirs": "1"})
        return options, SourceStore(endpoint_url=options.endpoint_url)

    def test_inside_the_service(self, place: tuple[StorageOptions, SourceStore], boto: Any) -> None:
        """An object of the same service is copied with our content type and attributes, without theirs."""
        options, source = place
        store = open_storage(options)
        done = store.copy_from(
            source,
            "project:catalogs",
            "deliveries/B04 é.tif",
            "x/B04.tif",
            content_type="image/tiff",
            attributes={"identity": "1"},
        )
        head = store.head("x/B04.tif")
        assert head is not None
        assert done is not None
        assert (head.size, head.etag, head.attributes) == (10, done.etag, {"identity": "1"})
        assert store.get("x/B04.tif") == b"0123456789"
        prefix = options.url.partition("catalogs/")[2]
        seen = boto.head_object(Bucket="catalogs", Key=f"{prefix}/x/B04.tif")
        assert (seen["ContentType"], seen["CacheControl"]) == ("image/tiff", "public, max-age=604800")
        store.close()

    def test_large_objects_in_parts(
        self, place: tuple[StorageOptions, SourceStore], boto: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An object too large for one copy is copied in parts, whole."""
        options, source = place
        data = hashlib.shake_128(b"x").digest(12 * MIB)
        boto.put_object(Bucket="catalogs", Key="deliveries/large", Body=data)
        monkeypatch.setattr(s3_copies, "SINGLE_LIMIT", 8 * MIB)
        monkeypatch.setattr(s3_copies, "PART", 5 * MIB)
        store = open_storage(options)
        done = store.copy_from(source, "catalogs", "deliveries/large", "large", content_type="image/tiff")
        assert done is not None
        assert done.size == len(data)
        assert store.get("large") == data
        store.close()

    def test_not_possible(self, place: tuple[StorageOptions, SourceStore]) -> None:
        """Another service, a bucket that we may not read and an object that is not there are no copies, and no errors."""
        options, source = place
        store = open_storage(options)
        elsewhere = SourceStore(endpoint_url="https://s3.example")
        assert store.copy_from(elsewhere, "catalogs", "deliveries/B04 é.tif", "x", content_type=JSON) is None
        assert store.copy_from(SourceStore(), "catalogs", "deliveries/B04 é.tif", "x", content_type=JSON) is None
        assert store.copy_from(source, "no-such-bucket", "k", "x", content_type=JSON) is None
        assert store.copy_from(source, "catalogs", "no-such-key", "x", content_type=JSON) is None
        assert store.head("x") is None
        store.close()

    def test_what_we_may_not_read_is_asked_once(self, scripted: Open) -> None:
        """A bucket that our credentials may not read is not asked for again with every object."""
        asked: list[str] = []

        def answer(method: str, path: str, _headers: dict[str, str], _body: bytes) -> Answer:
            asked.append(f"{method} {path}")
            return 403, {}, b""

        store = scripted(answer)
        service = SourceStore(endpoint_url=store._access.account.endpoint_url)  # type: ignore[attr-defined]  # of S3Storage
        for number in range(3):
            assert store.copy_from(service, "theirs", f"k/{number}", "x", content_type=JSON) is None
        assert asked == ["HEAD /theirs/k/0"]
