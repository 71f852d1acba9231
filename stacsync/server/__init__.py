"""What `run` shows to the outside: a status page for people, health and readiness for platforms, metrics for Prometheus.

service      the state of the process, told by the daemon and by the observer of passes
transfers    which files are on their way
counters     what this process did so far
snapshot     all of it, with what the ledger knows, as one JSON object
readiness    whether the work goes on as it should
metrics      the same for Prometheus
page         the status page
application  which path answers what
guards       the security headers, and the names that are answered to
connections  those that bring no request are ended
running      a server in a thread of its own

Nothing here writes anywhere. Nobody signs in: the server listens on the loopback interface unless told otherwise.
"""

from __future__ import annotations

from stacsync.server.running import Handle, start
from stacsync.server.service import Phase, Service

__all__ = ["Handle", "Phase", "Service", "start"]
