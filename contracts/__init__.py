"""What is said: versioned messages, their numbers, topics and policy packs."""
