"""Numbers that documents and vehicles carry: one module a number, the same verbs in each.

`compact(text)` writes a number as the standard does: NFKC, trimmed, upper case.
`validate(text)` returns the compact number or raises an `InvalidNumber` that says why.
`is_valid(text)` says whether `validate` would return.

A letter is never taken for a digit in silence: where a likely reading exists, the fault carries it as a suggestion.
"""
