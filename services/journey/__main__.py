"""`python -m services.journey`."""

from __future__ import annotations

from services.journey.service import build
from services.runtime import face

face.run("journey", build, lambda settings: settings.journey_port)
