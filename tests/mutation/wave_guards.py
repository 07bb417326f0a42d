"""The guards of each reader's hour: docs/semantics.md S18."""

from tests.mutation.guard import Edit, Guard

WAVES = "src/digest/core/waves.py"
RECIPIENTS = "src/digest/store/recipients.py"
LANES = "src/digest/actions/lanes.py"
CORE = "tests/core/test_waves.py::"
TESTS = "tests/actions/test_waves.py::"

GUARDS = (
    Guard(
        name="waves: own time",
        keeps="A delivery waits for its reader's own time.",
        edits=(
            Edit(
                file=RECIPIENTS,
                before='            query = waves.join(query.add_columns(waves.at), readers)\n            columns.append("not_before")\n',
                after="            query = waves.join(query, readers)\n",
            ),
        ),
        tests=(f"{TESTS}test_everybody_gets_it_once_at_their_own_time[sqlite]",),
    ),
    Guard(
        name="waves: after the freeze",
        keeps="No hour that a reader chose is before the content is frozen.",
        edits=(Edit(file=WAVES, before="max(ready, first_instant(wall, find_zone(place)))",
                    after="first_instant(wall, find_zone(place))"),),
        tests=(f"{CORE}test_an_hour_is_that_of_the_slots_day_or_else_at_once_and_counts_only_for_one_slot_a_day",),
    ),
    Guard(
        name="waves: quiet while late",
        keeps="What goes out late does not go out in its reader's quiet hours.",
        edits=(Edit(file=LANES, before="    await asyncio.to_thread(keep_quiet, sender, run)\n", after=""),),
        tests=(f"{TESTS}test_quiet_hours_are_kept_by_who_is_late_too_and_windows_by_the_newsletter",),
    ),
)  # fmt: skip
