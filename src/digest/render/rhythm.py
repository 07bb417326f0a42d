"""How often a cadence goes out, in a reader's words: "Every week". The rule itself says too much, and in English."""

from digest.core.cadence import parse
from digest.core.model import CadenceLine
from digest.core.rules import Daily, EveryWeeks, LastDay, MonthDay, NthWeekday, Weekly
from digest.render.words import Words


def rhythm(line: CadenceLine, words: Words) -> str:
    """A cadence's rhythm in the language; of a cron line its name, because nobody can say it shorter."""
    match parse(line.rule):
        case Daily(times=times):
            return words._("Every day") if len(times) == 1 else words._("Several times a day")
        case Weekly(weekdays=days):
            return words._("Every week") if len(days) == 1 else words._("Several times a week")
        case EveryWeeks(weeks=weeks, weekdays=days) if len(days) == 1:
            return words.n("Every {n} week", "Every {n} weeks", weeks) if weeks > 1 else words._("Every week")
        case MonthDay(days=days):
            return words._("Every month") if len(days) == 1 else words._("Several times a month")
        case LastDay() | NthWeekday():
            return words._("Every month")
        case _:
            return line.name.replace("-", " ").capitalize()


def rhythms(lines: tuple[CadenceLine, ...], words: Words) -> list[tuple[int, str]]:
    """Id and rhythm of each; where two have the same, their names stand beside it."""
    told = [(line, rhythm(line, words)) for line in lines]
    names = [name for _, name in told]
    return [(line.id, f"{name} ({line.name})" if names.count(name) > 1 else name) for line, name in told]
