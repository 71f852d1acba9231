"""The API of UP42 today: password token, processing jobs, a STAC storage that is searched by POST, signed assets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stacsync.demo.up42.server import Asked, Reply, Server

STAC = "/v2/assets/stac"
USERNAME = "stand-in@example.com"
PASSWORD = "stand-in-password"  # noqa: S105  # opens nothing but the stand-in
_CONFORMS = (
    "https://api.stacspec.org/v1.0.0-rc.1/core",
    "https://api.stacspec.org/v1.0.0-rc.1/collections",
    "https://api.stacspec.org/v1.0.0-rc.1/item-search",
    "https://api.stacspec.org/v1.0.0-rc.1/item-search#filter",
    "https://api.stacspec.org/v1.0.0-rc.1/item-search#sort",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
)


@dataclass(slots=True, kw_only=True)
class TodayJob:
    """A processing job with its Items (as dicts) and the bytes behind their assets (by asset id)."""

    payload: dict[str, Any]
    items: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    collection: dict[str, Any] | None = None
    late: int = 0
    """How many searches find the collection empty before its Items are there."""


class TodayApi:
    """One account. Attributes may be changed while it serves."""

    def __init__(self, server: Server, *, username: str = USERNAME, password: str = PASSWORD) -> None:
        self.username = username
        self.password = password
        self.jobs: list[TodayJob] = []
        self.page_size = 2
        self.next_over_http = False
        """Write the links of searches as UP42 does: to its own host, with scheme http."""
        self._server = server
        server.apis.append(self.answer)

    def answer(self, asked: Asked) -> Reply | None:
        """Answer a request of this API, None to any other."""
        if asked.path == "/realms/public/protocol/openid-connect/token":
            return self._token(asked)
        if not asked.path.startswith("/v2/"):
            return None
        if not self._server.gate.admits(asked.headers.get("authorization")):
            return Reply({"status": 401, "title": "Unauthorized"}, 401)
        if asked.path.startswith("/v2/processing/jobs"):
            return self._listing(asked)
        if asked.path == STAC or asked.path.startswith(f"{STAC}/"):
            return self._stac(asked)
        return self._asset(asked)

    def _token(self, asked: Asked) -> Reply:
        form = asked.form()
        signed_in = (form.get("username"), form.get("password")) == (self.username, self.password)
        if form.get("grant_type") != "password" or not form.get("client_id") or not signed_in:
            return Reply({"error": "invalid_grant", "error_description": "Invalid user credentials"}, 401)
        return Reply({"access_token": self._server.gate.token(), "expires_in": 300, "token_type": "Bearer"})

    def _listing(self, asked: Asked) -> Reply:
        wanted = asked.query.get("status", "").split(",")
        found = [
            job.payload for job in self.jobs if not asked.query.get("status") or job.payload.get("status") in wanted
        ]
        first = int(asked.query.get("page", "0"))
        rest = "&".join(f"{name}={value}" for name, value in asked.query.items() if name != "page")
        more = first + self.page_size < len(found)
        following = {"rel": "next", "href": f"{asked.path}?{rest}&page={first + self.page_size}"}
        return Reply({"jobs": found[first : first + self.page_size], "links": [following] if more else []})

    def _stac(self, asked: Asked) -> Reply:
        if asked.path.rstrip("/") == STAC:
            return Reply(self._landing())
        if asked.path == f"{STAC}/search" and asked.method == "POST":
            return self._search(asked.json())
        wanted = asked.path.removeprefix(f"{STAC}/collections/")
        found = (job.collection for job in self.jobs if job.collection and job.collection.get("id") == wanted)
        collection = next(found, None)
        return Reply(collection) if collection else Reply({"code": "NotFoundError"}, 404)

    def _landing(self) -> dict[str, Any]:
        base = f"{self._server.url}{STAC}"
        return {
            "type": "Catalog",
            "id": "up42-storage",
            "stac_version": "1.0.0",
            "title": "UP42 Storage",
            "description": "UP42 Storage STAC API",
            "conformsTo": list(_CONFORMS),
            "links": [
                {"rel": "self", "href": f"{base}/", "type": "application/json"},
                {"rel": "root", "href": f"{base}/", "type": "application/json"},
                {"rel": "data", "href": f"{base}/collections", "type": "application/json"},
                {"rel": "search", "href": f"{base}/search", "type": "application/json", "method": "POST"},
            ],
        }

    def _search(self, body: dict[str, Any]) -> Reply:
        wanted = body.get("filter", {}).get("args", [None, None])
        if wanted[0] != {"property": "job_id"}:
            return Reply({"code": "BadRequest", "description": "only job_id can be filtered by here"}, 400)
        job = next((job for job in self.jobs if job.payload.get("jobID") == wanted[1]), None)
        items = job.items if job else []
        if job and job.late > 0:
            job.late -= 1
            items = []
        first = int(str(body.get("token", "next:0")).partition(":")[2])
        page = items[first : first + self.page_size]
        links = []
        if first + self.page_size < len(items):
            base = "http://api.up42.com" if self.next_over_http else self._server.url
            token = {**body, "token": f"next:{first + self.page_size}"}
            links = [{"rel": "next", "href": f"{base}{STAC}/search", "method": "POST", "body": token}]
        return Reply({"type": "FeatureCollection", "features": page, "links": links})

    def _asset(self, asked: Asked) -> Reply:
        asset_id = asked.path.removeprefix("/v2/assets/").removesuffix("/download-url")
        found = next((job.files[asset_id] for job in self.jobs if asset_id in job.files), None)
        if asked.method != "POST" or not asked.path.endswith("/download-url") or found is None:
            return Reply({"status": 404, "title": "Not Found"}, 404)
        return Reply({"url": self._server.url + self._server.gate.sign(found)})
