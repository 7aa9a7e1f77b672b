"""`python -m services.intake`."""

from services.intake.service import build
from services.runtime.face import run

if __name__ == "__main__":
    run("intake", build, lambda settings: settings.door_port)
