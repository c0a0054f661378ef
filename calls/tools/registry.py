def load() -> None:
    """Replaced in a moment by the lead."""
