"""How fast it goes, beside a progress bar. Loads rich: only where a bar is drawn."""

from rich.progress import ProgressColumn, Task
from rich.text import Text


class SpeedColumn(ProgressColumn):
    """Messages, sources, rows a second; nothing before that is known."""

    def render(self, task: Task) -> Text:
        """As it stands in the line."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f}/s" if speed else "")
