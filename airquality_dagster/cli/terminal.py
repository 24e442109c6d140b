"""Output of commands to the terminal."""

from rich.console import Console

# Results go to stdout; progress, notes and errors to stderr.
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

SIMULATED_NOTE = "[bold yellow]Simulated readings[/] of the sandbox, not measured."
