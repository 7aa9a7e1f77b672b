"""What every service stands on: settings, Kafka lanes, the SQL ledger, the outbox and the service face."""
