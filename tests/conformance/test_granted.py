"""An organisation that has granted us something to be known by is asked under that, in a test as in earnest."""

from __future__ import annotations

import json
from pathlib import Path

from adapters.registry import ADAPTERS
from services.stack import credentials
from services.stack.data import DataFolder
from tests.conformance.town import Town, told

SERIAL = "7A1D-granted-to-us-alone"


def test_the_police_know_us_by_the_serial_number_that_they_granted(tmp_path: Path) -> None:
    """Under any other they turn us away, as a step before another agency's case, too."""
    home = DataFolder(tmp_path)
    home.create()
    credentials.ensure(home)
    secrets = json.loads(home.secrets.read_bytes())
    home.secrets.write_text(json.dumps(secrets | {"granted": {"police": SERIAL}}), encoding="utf-8")
    assert told(Town(home).judge(ADAPTERS["police"], "police.plate-reserve")) == {}
    assert told(Town(home).judge(ADAPTERS["insurer"], "insurer.insurance-endorse")) == {}
