"""What the process says, to stderr, with nothing secret in it.

Use it like this::

    log = get_logger(__name__)
    with bound(provider="cdse", job="j-1"):
        log.info("job.published", items=12, seconds=3.1)

Events are stable dotted names, everything else is a field. `redact` is for any foreign text on its way into an error.
Bound fields do not cross into pool threads unless the call is run in a copied context (`contextvars.copy_context`).
"""

from __future__ import annotations

from stacsync.logs.output import bound, configure, get_logger
from stacsync.logs.redaction import conceal, conceal_passing, names_secret, redact, redact_url

__all__ = ["bound", "conceal", "conceal_passing", "configure", "get_logger", "names_secret", "redact", "redact_url"]
