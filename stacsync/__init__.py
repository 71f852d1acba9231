"""stacsync: finished Earth-observation jobs in, a static STAC catalog with mirrored files out.

The flow, one pass of one provider::

    schedule → sync: the provider lists its finished jobs → plan: what is new?
             → the provider describes a job → mirror its files → stac: records become Items and Collections
             → catalog: publish what changed, root last → ledger: remember

Where do I go to…?

- add a provider: `stacsync.provider` (the contract), then one module or folder in `stacsync.providers`
- change what an Item or Collection looks like: `stacsync.stac`
- change where something lies in the bucket: `stacsync.layout`
- change how bytes move: `stacsync.mirror`, below it `stacsync.http` (in) and `stacsync.storage` (out)
- change what is written when: `stacsync.catalog`
- see what is remembered: `stacsync.ledger.schema`
- add a command: `stacsync.cli`; a setting: `stacsync.settings`
"""

__version__ = "0.1.0"
