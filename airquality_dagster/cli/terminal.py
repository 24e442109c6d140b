"""Output of commands to the terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

# Results go to stdout; progress, notes and errors to stderr.
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

SIMULATED_NOTE = "[bold yellow]Simulated readings[/] of the sandbox, not measured."


def print_simulations(simulations: Iterable[object]) -> None:
    """Print what the sandbox simulates on purpose."""
    for simulation in simulations:
        out.print(f"[bold red]Simulated:[/] {escape(str(simulation))}")
