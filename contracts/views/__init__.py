"""Who subscribes to what, and what each may see of it. Pure: models, masks and the plan of a view.

`subscriber` is what an operator writes, `rows` says which messages concern a subscriber, `masks` what a field looks
like to who may see a part of it only, and `plan` puts them together into a view, or says why there is none (A403).
`reading` is the other side: how a subscriber reads what it gets.
"""
