"""The door keeps what its OpenAPI says, whatever a generator of requests makes of it."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok


@pytest.mark.parametrize("media_type", ["application/cloudevents+json", "application/cloudevents-batch+json"])
def test_generated_requests_get_documented_answers(old_house: Any, media_type: str) -> None:
    """Right and wrong by the schema: answered below 500, and every refusal is a problem document."""
    url = f"http://127.0.0.1:{old_house.port}"
    schema = schemathesis.openapi.from_dict(requests.get(f"{url}/openapi.json", timeout=60).json())
    (operation,) = (
        each.ok()
        for each in schema.get_all_operations()
        if isinstance(each, Ok) and each.ok().method == "post" and each.ok().path == "/v1/sales"
    )
    statuses: list[int] = []
    bodies = operation.as_strategy().filter(lambda case: case.media_type == media_type)

    @given(case=bodies)
    @settings(
        max_examples=40, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
    )
    def answered(case: Any) -> None:
        token = {"Authorization": f"Bearer {old_house.tokens['platform']}"}
        response = case.call(base_url=url, headers=token)
        statuses.append(response.status_code)
        assert response.status_code < 500
        if response.status_code >= 400:
            assert response.headers["content-type"][0] == "application/problem+json"

    answered()
    assert len(statuses) >= 20
