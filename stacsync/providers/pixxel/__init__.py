"""Pixxel: workflow jobs and their download packages, and delivered imagery.

A job says neither where nor when it looked, nor which files it made; its package has to be asked for and waited for.
What could not be learnt from public sources is tolerated in every plausible form (see `words`) and never guessed in
silence: an Item says where its geometry and times come from.
"""

from __future__ import annotations

from stacsync.provider import ProviderKind
from stacsync.providers.pixxel.provider import connect
from stacsync.providers.pixxel.settings import PixxelSettings

KIND = ProviderKind(
    name="pixxel",
    summary="Pixxel: workflow jobs and their packages, delivered imagery",
    settings=PixxelSettings,
    connect=connect,
)
