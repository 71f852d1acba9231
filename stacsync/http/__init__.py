"""HTTP, twice: `Session` for the control plane (small JSON), `stacsync.http.fetch` for the data plane (bytes)."""  # noqa: A005  # always imported by its full name

from stacsync.http.call import Auth
from stacsync.http.limits import RateLimit
from stacsync.http.pages import pages
from stacsync.http.response import HttpError, Response, SignInRefused
from stacsync.http.session import Session

__all__ = ["Auth", "HttpError", "RateLimit", "Response", "Session", "SignInRefused", "pages"]
