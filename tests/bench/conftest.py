"""Benches make the topics of a whole installation, so they have a Kafka of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import started_kafka


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a Kafka on which nobody else has made topics."""
    with started_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
        yield bootstrap
