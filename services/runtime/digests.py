"""What is said, to the byte: two that say the same have the same digest, however each of them was written."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(said: Any) -> str:
    """SHA-256 of its canonical JSON: keys sorted, no blanks, UTF-8.

    It is stored and compared, and told to others: it stays as it is.
    """
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
