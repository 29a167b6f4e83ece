"""The blueprints in the database: the current version, and the one that a session began with."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from nodes.clients.blueprints.loader import BlueprintSet, files_in, read_blueprints
from nodes.clients.database.client import Database
from nodes.errors import CancelflowError


class VersionUnknown(CancelflowError):
    """No blueprints were published as this version."""


@dataclass(frozen=True)
class _Newest:
    version: int


@dataclass(frozen=True)
class _Version:
    files: dict[str, str]
    published_at: datetime


class PublishedBlueprints:
    """Every version of the blueprints, each read and parsed once per process.

    Raises `DatabaseUnavailable`, and `BlueprintsInvalid` for a version that this release can't use.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: dict[int, BlueprintSet] = {}
        self._reading = asyncio.Lock()

    async def current(self) -> BlueprintSet:
        """Return the newest version; the default set, as version 0, if none was published."""
        newest = await self._database.call("newest_blueprints", _Newest)
        return await self.of_version(newest.version)

    async def of_version(self, version: int) -> BlueprintSet:
        """Return a version, for a session that began with it. Raises `VersionUnknown`."""
        if version not in self._read:
            async with self._reading:  # parsed once, however many sessions begin
                self._read[version] = self._read.get(version) or await self._parsed(version)
        return self._read[version]

    async def _parsed(self, version: int) -> BlueprintSet:
        files = files_in() if version == 0 else await self._files(version)
        return await asyncio.to_thread(read_blueprints, files, version)  # which takes a tenth of a second

    async def _files(self, version: int) -> dict[str, str]:
        found = await self._database.call_all("blueprints_of_version", _Version, version=version)
        if not found:
            raise VersionUnknown(f"there is no version {version} of the blueprints")
        return found[0].files
