"""What every `[providers.NAME]` table takes, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from stacsync.settings.globs import Globs
from stacsync.settings.sections import Schedule, Section
from stacsync.settings.values import Cron, Duration, HostPort, Interval, Since, Text, origin


class CommonProvider(Section):
    """The common keys of a provider; a kind's settings extend it.

    Secrets are `pydantic.SecretStr`, a line each; nested tables extend `stacsync.settings.Section`. Each field's `description` is
    what `stacsync providers` and the reference show.
    """

    lasting_hrefs: ClassVar[bool] = False
    """True: the hrefs of this kind do not expire, so that `transfer = "reference"` makes sense."""

    kind: str = Field(description="The provider's driver")
    enabled: bool = Field(default=True, description="False: left alone, what it published stays")
    title: Text | None = Field(default=None, description="Title of its catalog; default: its name")
    license: Text | None = Field(default=None, description="Overrides the license that the source states")
    include: Globs = Field(default=(), description="Take only jobs whose title or id matches one of these globs")
    exclude: Globs = Field(default=(), description="Leave jobs whose title or id matches one of these globs")
    since: Since | None = Field(default=None, description="Leave jobs that are older (date or time, UTC)")
    assets_include: Globs = Field(
        default=(),
        description="Take only assets, of Items and of Collections, whose key, file name or media type matches one of "
        "these globs; process graphs and requests are taken all the same",
    )
    assets_exclude: Globs = Field(
        default=(),
        description="Leave assets, of Items and of Collections, whose key, file name or media type matches one of these "
        "globs",
    )
    transfer: Literal["copy", "reference"] = Field(
        default="copy", description="`reference`: publish the source's href and copy nothing; kind `sentinelhub` only"
    )
    trusted_hosts: tuple[HostPort, ...] = Field(
        default=(),
        description="`host:port` of asset hosts that are allowed although they are private, loopback or plain http; "
        "those of the provider's own configured URLs always are",
    )
    every: Interval | None = Field(default=None, description="Overrides `[schedule]`: time between two passes")
    cron: Cron | None = Field(default=None, description="Overrides `[schedule]`: crontab expression (UTC)")
    jitter: Duration | None = Field(default=None, description="Overrides `[schedule]`: random delay")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.every is not None and self.cron is not None:
            raise ValueError("`every` and `cron` exclude each other: give one")
        return self

    @field_validator("transfer")
    @classmethod
    def _lasts(cls, told: str) -> str:
        if told == "reference" and not cls.lasting_hrefs:
            raise ValueError("only hrefs of kind sentinelhub last, those of this kind expire: 'copy' is expected")
        return told

    def schedule(self, default: Schedule) -> Schedule:
        """Return when this provider is asked: its own `every`, `cron` and `jitter` where set, else the default's."""
        own = self.every is not None or self.cron is not None
        return Schedule(
            every=self.every if own else default.every,
            cron=self.cron if own else default.cron,
            jitter=default.jitter if self.jitter is None else self.jitter,
        )

    def trusted(self) -> frozenset[str]:
        """Return every "host:port" that assets may come from although it is private, loopback or plain http."""
        own = (origin(text) for text in _texts(self))
        return frozenset({*self.trusted_hosts, *(place for place in own if place is not None)})


def _texts(value: Any) -> Iterator[str]:
    """Yield every plain text in a model, however deep; secrets are no plain text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _texts(getattr(value, name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
