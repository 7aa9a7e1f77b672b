"""What runs: one folder a service, and the runtime they share."""
