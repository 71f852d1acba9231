"""A local Pixxel, for `stacsync demo` and for tests: packages that take their time behind addresses that soon lapse.

server    requests and answers on 127.0.0.1
account   what one account holds: projects, workflows, jobs, delivered imagery
packing   archives, the same bytes each time
content   the jobs of the demo
"""

from __future__ import annotations

from stacsync.demo.pixxel.account import KEY, ORGANISATION, USER, StandInImage, StandInJob, StandInWorkflow
from stacsync.demo.pixxel.content import demo_account
from stacsync.demo.pixxel.server import PixxelStandIn

__all__ = [
    "KEY",
    "ORGANISATION",
    "USER",
    "PixxelStandIn",
    "StandInImage",
    "StandInJob",
    "StandInWorkflow",
    "demo_account",
]
