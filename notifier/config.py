"""Settings, from the environment or a `.env` file. `.env.example` lists every one with its default."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from notifier.errors import Misconfigured

DEVELOPMENT_SECRET = "development-only-not-secret"  # noqa: S105  a value everybody may know, refused outside loopback
PROJECT = Path(__file__).resolve().parents[1]
_MAILBOX = re.compile(r"[^<>\r\n]+ <[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """Everything that differs between one installation and the next.

    Durations are in seconds. The names of the environment variables are the aliases.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", populate_by_name=True, frozen=True)

    database_url: str = Field("sqlite:///notifier.db", alias="NOTIFIER_DATABASE_URL")
    provider: Literal["outbox", "smtp", "sendgrid", "klaviyo"] = Field("outbox", alias="NOTIFIER_PROVIDER")
    outbox_dir: Path = Field(Path("outbox"), alias="NOTIFIER_OUTBOX_DIR")
    sender: str = Field("Notifier <notifier@localhost.localdomain>", alias="NOTIFIER_SENDER")
    sendgrid_api_key: SecretStr = Field(SecretStr(""), alias="SENDGRID_API_KEY")
    sendgrid_base_url: str = Field("https://api.sendgrid.com", alias="SENDGRID_BASE_URL")
    sendgrid_webhook_public_key: str = Field("", alias="SENDGRID_WEBHOOK_PUBLIC_KEY")
    sendgrid_sandbox: bool = Field(False, alias="SENDGRID_SANDBOX")
    sendgrid_unsubscribe_group: Annotated[int, Field(ge=1)] | None = Field(
        None, alias="SENDGRID_UNSUBSCRIBE_GROUP"
    )
    sendgrid_templates: str = Field("", alias="SENDGRID_TEMPLATES")
    klaviyo_api_key: SecretStr = Field(SecretStr(""), alias="KLAVIYO_API_KEY")
    klaviyo_base_url: str = Field("https://a.klaviyo.com", alias="KLAVIYO_BASE_URL")
    klaviyo_webhook_secret: SecretStr = Field(SecretStr(""), alias="KLAVIYO_WEBHOOK_SECRET")
    bigcommerce_base_url: str = Field("https://api.bigcommerce.com", alias="BIGCOMMERCE_BASE_URL")
    smtp_url: SecretStr = Field(SecretStr(""), alias="NOTIFIER_SMTP_URL")
    bounce_address: str = Field("", alias="NOTIFIER_BOUNCE_ADDRESS")
    public_url: str = Field("http://127.0.0.1:8000", alias="NOTIFIER_PUBLIC_URL")
    secret_key: SecretStr = Field(SecretStr(DEVELOPMENT_SECRET), alias="NOTIFIER_SECRET_KEY")
    templates_dir: Path = Field(Path("templates"), alias="NOTIFIER_TEMPLATES_DIR")
    tick_seconds: Annotated[float, Field(gt=0, le=60)] = Field(0.5, alias="NOTIFIER_TICK_SECONDS")
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = Field(60.0, alias="NOTIFIER_LEASE_SECONDS")
    send_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        20.0, alias="NOTIFIER_SEND_TIMEOUT_SECONDS"
    )
    send_threads: Annotated[int, Field(ge=1, le=64)] = Field(8, alias="NOTIFIER_SEND_THREADS")
    send_rate: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = Field(
        None, alias="NOTIFIER_SEND_RATE"
    )
    max_attempts: Annotated[int, Field(ge=1, le=100)] = Field(8, alias="NOTIFIER_MAX_ATTEMPTS")

    keep_words_days: Annotated[int, Field(ge=30, le=36_500)] | None = Field(
        540, alias="NOTIFIER_KEEP_WORDS_DAYS"
    )
    keep_orders_years: Annotated[int, Field(ge=1, le=100)] | None = Field(
        6, alias="NOTIFIER_KEEP_ORDERS_YEARS"
    )

    webhook_private_targets: bool = Field(False, alias="NOTIFIER_WEBHOOK_PRIVATE_TARGETS")

    @field_validator(
        "send_rate", "sendgrid_unsubscribe_group", "keep_words_days", "keep_orders_years", mode="before"
    )
    @classmethod
    def _unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("sender")
    @classmethod
    def _mailbox(cls, value: str) -> str:
        if not _MAILBOX.fullmatch(value):
            raise ValueError(f"{value!r} must be like 'Fern & Oak <orders@fernandoak.example>'")
        return value

    @field_validator("templates_dir")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        """From where the command runs, else from the project's own folder, so that it runs anywhere."""
        for folder in (value, PROJECT / value):
            if folder.is_dir():
                return folder
        raise ValueError(f"there is no folder {value}")

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if re.match(r"^(sqlite:///|postgresql(\+psycopg)?://)", value):
            return value
        raise ValueError("must start with sqlite:/// or postgresql://")

    @field_validator("public_url", "sendgrid_base_url", "klaviyo_base_url", "bigcommerce_base_url")
    @classmethod
    def _base(cls, value: str) -> str:
        parts = urlsplit(value)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.path.strip("/")
            or parts.query
        ):
            raise ValueError("must be scheme and host with no path, like https://shop.example")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.lease_seconds <= 2 * self.send_timeout_seconds:
            raise ValueError(
                f"NOTIFIER_LEASE_SECONDS ({self.lease_seconds:g}) must be more than twice"
                f" NOTIFIER_SEND_TIMEOUT_SECONDS ({self.send_timeout_seconds:g}), or a slow send passes for a dead one"
            )
        if self.secret_key.get_secret_value() == DEVELOPMENT_SECRET and not self.on_laptop:
            raise ValueError(
                "NOTIFIER_SECRET_KEY must be set (32 random characters or more) unless the database is SQLite and"
                " NOTIFIER_PUBLIC_URL is a loopback address"
            )
        return self

    @property
    def webhooks_to_private(self) -> bool:
        """Whether webhooks may go to plain http and private addresses."""
        return self.webhook_private_targets or self.on_laptop

    @property
    def on_laptop(self) -> bool:
        """SQLite and a loopback address: the only place where development values are good enough."""
        return self.database_url.startswith("sqlite") and urlsplit(self.public_url).hostname in _LOOPBACK


def load() -> Settings:
    """The settings; raises Misconfigured naming each bad variable, never showing a secret's value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'settings'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise Misconfigured(wrong) from None
