"""`stacsync demo`: everything at once without an account or a network.

Local stand-ins of all four kinds of providers run on this machine's loopback interface; the real program reads them
through a real configuration and fills a catalog in a folder.

run        the demonstration
stage      the folder and its configuration
cast       the stand-ins
belgium, pixxel/content, …    what they hold
pictures   GeoTIFFs and pictures of fields that never were
"""

from __future__ import annotations

from stacsync.demo.run import run

__all__ = ["run"]
