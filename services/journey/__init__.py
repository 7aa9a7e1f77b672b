"""The process manager: what every vehicle's case has, lacks, waits for and asks next."""
