"""Write the table of docs/lint.md from the rules themselves: `python -m tests.make_lint`."""

from pathlib import Path

from digest.core.lint.linter import RULES

PAGE = Path(__file__).parents[1] / "docs" / "lint.md"
MARK = "<!-- written by python -m tests.make_lint -->\n"


def rules_page() -> str:
    """Everything below the mark."""
    parts = [
        f"### {rule.id}\n\n*{rule.severity}.* {rule.what}\n\n- **Why**: {rule.why}\n- **Mend it**: {rule.mend}\n"
        for rule in RULES.values()
    ]
    return MARK + "\n" + "\n".join(parts)


if __name__ == "__main__":
    kept = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(kept + rules_page(), encoding="utf-8")
