"""`python -m services.console`."""

from services.console.service import build
from services.runtime.face import run

if __name__ == "__main__":
    run("console", build, lambda settings: settings.console_port)
