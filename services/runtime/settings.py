"""What a process of ours is told from outside: `TONGCHE_*` variables, and the secrets file they point to.

The supervisor sets every variable, so a service never guesses. The defaults serve a person who starts one
service by hand.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .clock import Clock
from .leaps import LeapingClock

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 lets the system choose a free one."""
Network = IPv4Network | IPv6Network
Granted = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]


def default_data_folder() -> Path:
    """Where Tongche keeps everything of this user, unless told otherwise (XDG base directories)."""
    share = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(share) / "tongche"


def _bytes_of_hex(value: object) -> object:
    return bytes.fromhex(value) if isinstance(value, str) else value


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def _of_networks(text: str) -> str:
    _networks(text)
    return text


class Identity(BaseModel):
    """Somebody's private key and the certificate that goes with it, as PEM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(repr=False)
    certificate: str


class Secrets(BaseModel):
    """What only this installation knows. Other keys of the file (publishers' tokens) are not for services."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    key_secret: Annotated[bytes, BeforeValidator(_bytes_of_hex), Field(min_length=32, repr=False)]
    """Keys the hash that stands for a VIN on Kafka. Changing it breaks every vehicle's order."""
    operator_user: str
    operator_password: str = Field(repr=False)
    operator_token: str = Field(repr=False)
    """The bearer token of our internal HTTP interfaces."""
    identities: Mapping[str, Identity] = Field(default_factory=dict, repr=False)
    """Who seals messages here: we, as `tongche`, and the simulated organisations."""
    granted: Mapping[str, Granted] = Field(default_factory=dict, repr=False)
    """What organisations have granted us to be known by, by their ids: the police's serial number (接口序列号).

    Who grants nothing, or has not yet, stands not here.
    """


class Settings(BaseSettings):
    """One process's view of the installation. Frozen: what changes at run time is not a setting."""

    model_config = SettingsConfigDict(
        env_prefix="TONGCHE_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    data: Path = Field(default_factory=default_data_folder)
    kafka: str = "127.0.0.1:9092"
    database: str | None = Field(default=None, repr=False)
    """A PostgreSQL URL (with its password: never shown); without one, each service keeps `<data>/db/<service>.db`."""
    secrets: Path = Field(default_factory=lambda known: known["data"] / "secrets.json")
    publishers: Path = Field(default_factory=lambda known: known["data"] / "publishers.toml")
    subscribers: Path = Field(default_factory=lambda known: known["data"] / "subscribers.toml")
    notifiers: Path = Field(default_factory=lambda known: known["data"] / "notifiers.toml")
    live: Path = Field(default_factory=lambda known: known["data"] / "live.jsonl")
    otlp: str | None = None
    """Base URL of an OpenTelemetry collector (OTLP over HTTP); spans go to our own store with or without it."""
    log_format: Literal["json", "console"] = "json"
    bind: str = "127.0.0.1"
    business_date: date | None = None
    """Stands in for today in Asia/Shanghai, so that a test can live on a chosen day."""
    clock_offset_s: float = 0.0
    """Seconds by which this process's wall clock is wrong: a machine whose clock jumped, for fault runs."""
    clock_file: Path | None = None
    """A clock that leaps by this file, the agencies' and the broker's with ours: for rehearsals. See `leaps`."""
    door_port: Port = 7410
    console_port: Port = 7411
    journey_port: Port = 7412
    dispatch_port: Port = 7413
    simulator_port: Port = 7414
    projection_port: Port = 7415
    simulator_sftp_port: Port = 7416
    """Where simulated agencies take files."""
    session_s: Annotated[float, Field(ge=6)] = 30.0
    """So long may a process be silent before Kafka gives its partitions to others; brokers allow no less than 6."""
    stop_s: Annotated[float, Field(gt=0)] = 20.0
    """So long after SIGTERM the process has ended, whatever hangs; supervisors should wait a little longer."""
    blocked_s: Annotated[float, Field(gt=0)] = 30.0
    """An event loop that has not turned for so long ends the process."""
    wedged_s: Annotated[float, Field(gt=0)] = 120.0
    """Messages that wait so long for a broker that is there end the process."""
    acts_kept_days: Annotated[int, Field(gt=0)] = 3 * 365
    """So long dispatch keeps who decided what and why, and repairs that are over."""
    webhook_networks: Annotated[str, AfterValidator(_of_networks)] = ""
    """Networks of our own to which webhooks may go beside the open Internet: `10.20.0.0/16, fd00::/8`."""
    webhook_test: bool = False
    """This installation is a test: webhooks may go to this very machine, and there without TLS."""
    simulator_url: str = Field(default_factory=lambda known: f"http://127.0.0.1:{known['simulator_port']}")
    simulator_sftp_url: str = Field(default_factory=lambda known: f"sftp://127.0.0.1:{known['simulator_sftp_port']}")
    dispatch_url: str = Field(default_factory=lambda known: f"http://127.0.0.1:{known['dispatch_port']}")
    """Where the simulated agencies bring what they were not asked for: answers that come later, notices."""

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.clock_file is not None and (self.business_date is not None or self.clock_offset_s):
            raise ValueError("a clock that leaps has its own date and is wrong on purpose already")
        return self

    @property
    def webhook_own_networks(self) -> tuple[Network, ...]:
        """`webhook_networks`, read."""
        return _networks(self.webhook_networks)

    @property
    def clock(self) -> Clock:
        """The clock that this process lives by."""
        if self.clock_file is not None:
            return LeapingClock(file=self.clock_file)
        return Clock(self.business_date, timedelta(seconds=self.clock_offset_s))

    @property
    def clock_of_others(self) -> Clock:
        """The agencies' and the broker's: right when ours is wrong on purpose, but it leaps when all the world does."""
        return self.clock if self.clock_file is not None else Clock(self.business_date)

    def secret(self) -> Secrets:
        """Read the secrets file anew; a missing or broken file is an error, never a default."""
        return Secrets.model_validate_json(self.secrets.read_bytes())
