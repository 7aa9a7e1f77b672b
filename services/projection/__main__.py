"""`python -m services.projection`."""

from __future__ import annotations

from services.projection.service import build
from services.runtime import face

face.run("projection", build, lambda settings: settings.projection_port)
