"""The settings of an openEO account."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from stacsync.settings import CommonProvider, Section, Text, Url


class Basic(Section):
    """Sign in with a user name and a password."""

    method: Literal["basic"] = Field(description="User name and password")
    username: Text = Field(description="User name at the back-end")
    password: SecretStr = Field(description="Password of that user")


class ClientCredentials(Section):
    """Sign in as a service account; it sees its own jobs only, never those of a person."""

    method: Literal["client_credentials"] = Field(description="A service account of an OpenID Connect provider")
    client_id: Text = Field(description="The service account's client id")
    client_secret: SecretStr = Field(description="The service account's secret")
    provider_id: Text | None = Field(
        default=None, description="Which of the back-end's OpenID Connect providers; default: its first"
    )


class RefreshToken(Section):
    """Sign in as a person, by a refresh token that `stacsync login` got."""

    method: Literal["refresh_token"] = Field(description="A person, by a refresh token from `stacsync login`")
    client_id: Text | None = Field(
        default=None, description="Client id to sign in with; default: the one that the back-end offers to clients"
    )
    client_secret: SecretStr | None = Field(default=None, description="Secret of that client, if it has one")
    refresh_token: SecretStr | None = Field(
        default=None, description="A refresh token to begin with; default: the one that `stacsync login` stored"
    )
    provider_id: Text | None = Field(
        default=None, description="Which of the back-end's OpenID Connect providers; default: its first"
    )
    token_file: Text | None = Field(
        default=None, description="Where the newest refresh token is kept (mode 0600); default: beside the ledger"
    )


class Bearer(Section):
    """Sign in with a fixed access token, as the back-end wants it after the word Bearer."""

    method: Literal["bearer"] = Field(description="A fixed access token")
    token: SecretStr = Field(description="The token, such as `basic//…`, `oidc/egi/…` or a plain JWT")


AuthSettings = Annotated[Basic | ClientCredentials | RefreshToken | Bearer, Field(discriminator="method")]


class OpenEOSettings(CommonProvider):
    """An account at an openEO back-end."""

    kind: Literal["openeo"] = Field(default="openeo", description="The provider's driver")
    url: Url = Field(description="The back-end's address; its newest production version of API 1.x is taken")
    auth: AuthSettings = Field(description="How to sign in")
    collection_by: Literal["job", "title"] = Field(
        default="job", description="A Collection for each job, or one for all jobs that share a title"
    )
    collection: Text | None = Field(
        default=None, description="One Collection of exactly this id for all jobs, instead of `collection_by`"
    )
    process: Literal["omit", "asset"] = Field(
        default="omit", description="`asset`: publish each job's process graph as an asset; it may hold private code"
    )
    requests_per_minute: float | None = Field(
        default=None, gt=0, description="At most so many requests a minute; default: as fast as the back-end lets us"
    )
