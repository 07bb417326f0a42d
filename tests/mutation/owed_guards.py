"""The guards of what readers are owed between two issues: docs/semantics.md S17."""

from tests.mutation.guard import Edit, Guard

OWED = "src/digest/store/owed.py"
OWING = "src/digest/actions/owing.py"
RECIPIENTS = "src/digest/store/recipients.py"
TESTS = "tests/actions/test_owing.py::"

GUARDS = (
    Guard(
        name="owed: pause takes back",
        keeps="What waits for a reader who pauses is skipped at once, so that an early return does not send it twice.",
        edits=(Edit(file=OWING, before="taken = take_back(session, **ids, now=now)", after="taken = ()"),),
        tests=(f"{TESTS}test_a_pause_takes_back_what_waits_also_out_of_a_senders_hands[sqlite]",),
    ),
    Guard(
        name="owed: nothing else",
        keeps="Who is owed something for which nothing was rendered gets no delivery, and keeps it.",
        edits=(Edit(file=RECIPIENTS, before=".join(_choice, chosen)", after=".outerjoin(_choice, chosen)"),),
        tests=(f"{TESTS}test_who_changes_after_it_was_rendered_keeps_what_they_are_owed_for_the_next_issue[sqlite]",),
    ),
    Guard(
        name="owed: told once",
        keeps="With the deliveries that tell it, what somebody was owed is taken off.",
        edits=(Edit(file=RECIPIENTS, before="    told_owed(session, issue_id, now=now)\n", after=""),),
        tests=(f"{TESTS}test_who_changes_after_it_was_rendered_keeps_what_they_are_owed_for_the_next_issue[sqlite]",),
    ),
    Guard(
        name="owed: one story",
        keeps="A story that another cadence told by another post is not told again to who comes from there.",
        edits=(
            Edit(file=OWED, before="told=told, places=places, stories=stories)", after="told=told, places=places)"),
        ),
        tests=("tests/actions/test_owing.py::test_a_story_merged_the_other_way_round_is_told_once[sqlite]",),
    ),
    Guard(
        name="owed: one at a time",
        keeps="No issue begins to go out while a reader's change is decided.",
        edits=(Edit(file=OWED, before=".with_for_update(read=True)", after=""),),
        tests=(f"{TESTS}test_an_issue_waits_for_a_change_and_no_reader_for_another[postgres]",),
    ),
)
