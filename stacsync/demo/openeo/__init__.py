"""A stand-in of an openEO back-end on this machine: no account, no network, real sockets."""

from __future__ import annotations

from stacsync.demo.openeo.jobs import StandInFile, StandInJob, demo_jobs
from stacsync.demo.openeo.server import OpenEOStandIn

__all__ = ["OpenEOStandIn", "StandInFile", "StandInJob", "demo_jobs"]
