"""Dispatch keeps nothing beside the runtime's own tables."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()
