"""Settings of the database."""

import re

from pydantic import DirectoryPath, Field, SecretStr, ValidationInfo, field_validator

from nodes.settings.group import SettingsGroup

# The URLs that both libpq and yoyo accept: user, password, host, port, name, parameters.
_WORD = r"(?:[^\s:@/?#%\[\]]|%[0-9A-Fa-f]{2})*"
_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|{_WORD})"
_POSTGRESQL_URL = re.compile(
    rf"postgres(?:ql)?://(?:{_WORD}(?::{_WORD})*@)?{_HOST}(?::\d+)?(?:/{_WORD})?(?:\?[^\s#]*)?"
)


class DatabaseSettings(SettingsGroup):
    """The PostgreSQL connection."""

    database_url: SecretStr = Field(description="PostgreSQL, as the application: postgresql://user:password@host/name")
    database_admin_url: SecretStr | None = Field(
        default=None, description="PostgreSQL, as the owner, for `migrate` and `seed`; default: DATABASE_URL"
    )
    data_deletion_plan: DirectoryPath | None = Field(
        default=None, description="a folder with deletion steps for your own tables, in addition to sql/data_deletion"
    )
    database_pool_size: int = Field(default=10, ge=1, description="maximum connections per process")

    @field_validator("database_url", "database_admin_url")
    @classmethod
    def _reads_as_postgresql(cls, url: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        # Checked here because the driver's own error would quote the URL with its password.
        if url is not None and not _POSTGRESQL_URL.fullmatch(url.get_secret_value()):
            raise ValueError(
                f"{(field.field_name or '').upper()} must read: postgresql://user:password@host:port/name, "
                "with special characters percent-encoded"
            )
        return url

    @property
    def admin_url(self) -> str:
        """The connection string of the role that may create tables."""
        return (self.database_admin_url or self.database_url).get_secret_value()
