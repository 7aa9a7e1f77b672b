"""One process that plays every organisation: each with its own records and rules, and with faults on request."""
