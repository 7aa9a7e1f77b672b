"""Who subscribes to what, and what each may see of it. Pure: models, masks and the plan of a view."""
