"""What operators see of deliveries and do about them: one delivery, or many by a repair, and whole organisations."""
