"""Scenarios: one situation of the rulebook each, as data, played against the whole stack on a clock that leaps."""
