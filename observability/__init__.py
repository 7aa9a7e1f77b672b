"""How Tongche is watched: traces, logs, metrics, and the redaction that all of them pass. Imports nothing of ours."""
