"""A local stand-in of Sentinel Hub Batch Processing: `service` answers the API, `bucket` serves the results over S3.

`scenario` fills both with a small account: two UTM zones, a Zarr store, a stopped task, two tasks that feed one batch
collection, and some odd ones. Everything listens on 127.0.0.1 and a free port.
"""

from stacsync.demo.sentinelhub.bucket import Bucket
from stacsync.demo.sentinelhub.scenario import Account, account
from stacsync.demo.sentinelhub.service import Service

__all__ = ["Account", "Bucket", "Service", "account"]
