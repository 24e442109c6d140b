"""Tables in Markdown."""


def print_head(*columns: str) -> None:
    """Print the names of the columns."""
    print_row(*columns)
    print(f"|{' --- |' * len(columns)}")


def print_row(*cells: object) -> None:
    """Print one row."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def share(part: float, whole: float) -> str:
    """Return a share, or a dash if there is no whole."""
    return f"{part / whole:.3f}" if whole else "–"
