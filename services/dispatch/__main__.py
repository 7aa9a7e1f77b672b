"""`python -m services.dispatch`."""

from __future__ import annotations

from services.dispatch.service import build
from services.runtime import face

face.run("dispatch", build, lambda settings: settings.dispatch_port)
