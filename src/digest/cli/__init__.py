"""The admin's commands, one module per noun; thin."""
