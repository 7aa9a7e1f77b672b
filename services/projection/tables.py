"""What the projection keeps: how grants stand, and every disclosure. Never a value of a field."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, Table, Text

from services.runtime.tables import BIG

metadata = MetaData()

grants = Table(
    "grants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subscriber", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("topics", Text, nullable=False, comment="those of its subscriber that it has run on, with blanks between"),
    Column("opened_at", Float, comment="when its stream began; none where it never has"),
    Column("revoked_at", Float),
    Column("who", Text, comment="who revoked it"),
    Column("reason", Text, comment="and why"),
    Column("ended_at", Float, comment="since when nothing of it is sent, and its subscriber has been told"),
    Column("why", Text, comment="lapsed, revoked, removed or refused"),
)
"""Grants that have begun or were revoked; one that has ended never comes back. Moments are seconds since 1970."""

terms = Table(
    "terms",
    metadata,
    Column("id", Text, primary_key=True, comment="digest of all the rest but the moment"),
    Column("subscriber", Text, nullable=False),
    Column("grant_id", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("fields", Text, nullable=False, comment="what was really shown and how, as JSON: {name: sight}"),
    Column("purpose", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("first_at", Float, nullable=False),
    Column("withheld", Integer, nullable=False, server_default="0", comment="1: only told that there is a message"),
    Index("terms_by_grant", "grant_id"),
)
"""On what terms things were disclosed, once each: what many disclosures have in common stands here."""

disclosures = Table(
    "disclosures",
    metadata,
    Column("message", Text, primary_key=True, comment="the ce_id"),
    Column("terms", Text, primary_key=True),
    Column("subscriber", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("vehicle", Text, nullable=False, comment="the Kafka key: a keyed hash of the VIN"),
    Column("at", Float, nullable=False),
    Index("disclosures_by_moment", "at"),
    Index("disclosures_by_vehicle", "vehicle", "at"),
    Index("disclosures_by_subscriber", "subscriber", "at"),
)
"""Who was shown which message when: one row each, however often it was sent. Kept for three years (NDR 12)."""

webhooks = Table(
    "webhooks",
    metadata,
    Column("subscriber", Text, primary_key=True),
    Column("secret", Integer, nullable=False, server_default="0", comment="the number of the secret in use"),
    Column("old_until", Float, comment="until when the one before it signs as well"),
    Column("failing_since", Float, comment="since when nothing that was posted has been taken; none while it is"),
    Column("failure", Text, comment="why, in a word"),
    Column("paused_at", Float, comment="since when nothing is posted"),
    Column("who", Text, comment="who paused it"),
    Column("reason", Text, comment="and why"),
    Column("address", Text, comment="SHA-256 of the address at which anything was taken last"),
    Column("resumed_at", Float, comment="when somebody had it posted again; none once that came to anything"),
)
"""How it stands with those to whom we post; a row each, once anything is to be said of one."""

webhook_losses = Table(
    "webhook_losses",
    metadata,
    Column("subscriber", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("first", BIG, primary_key=True, comment="offset of the first that is gone"),
    Column("last", BIG, nullable=False, comment="and of the last"),
    Column("message", Text, comment="the ce_id, where one alone is gone and had been read"),
    Column("since", Float, comment="since when it waited; none where it was never read"),
    Column("noted_at", Float, nullable=False),
    Column("seen_at", Float, comment="when a person acknowledged it"),
    Column("who", Text, comment="who did"),
    Column("reason", Text, comment="and what was done about it"),
)
"""What Kafka kept no more before it could be posted. Nothing of it is deleted: it is what a subscriber never got."""

webhook_reached = Table(
    "webhook_reached",
    metadata,
    Column("subscriber", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BIG, nullable=False, comment="all before it was taken, or waits, or is noted as lost"),
)
"""Up to where subscribers' topics have been read for them."""
