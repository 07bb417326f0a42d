"""The guards of the notices: a sign-up is decided once, and confirmed once; each mail goes out once."""

from tests.mutation.guard import Edit, Guard

NOTICES, SIGNUPS = "src/digest/store/notices.py", "src/digest/store/signups.py"
STORE, SENDING = "tests/store/test_notices.py::", "tests/actions/test_notices.py::"
MINE = "and_(_table.c.id == notice.id, _table.c.owner == notice.owner, _table.c.fence == notice.fence)"
MARK = ".where(_mine(notice), _is(DeliveryState.CLAIMED), _is_wanted())"
HELD = '    held = {"state": DeliveryState.UNCERTAIN, '

GUARDS = (
    Guard(
        name="notice claim: queued",
        keeps="A notice is claimed only while it is queued.",
        edits=(
            Edit(file=NOTICES, before=".where(_table.c.id.in_(select(due.c.id)), _is(DeliveryState.QUEUED))",
                 after=".where(_table.c.id.in_(select(due.c.id)))"),
            Edit(file=NOTICES, before="return and_(_is(DeliveryState.QUEUED), or_(", after="return and_(or_("),
        ),
        tests=(f"{STORE}test_what_one_has_claimed_another_neither_gets_nor_marks[sqlite]",),
    ),
    Guard(
        name="notice claim: fence",
        keeps="Each claim has a fence of its own, so that two claims of one owner are told apart.",
        edits=(Edit(file=NOTICES, before="fence=_table.c.fence + 1", after="fence=_table.c.fence"),),
        tests=(f"{STORE}test_a_claim_is_taken_away_after_its_lease_alone_and_then_marks_nothing[sqlite]",),
    ),
    Guard(
        name="notice mark: claimed",
        keeps="A mark is given once.",
        edits=(Edit(file=NOTICES, before=MARK, after=".where(_mine(notice), _is_wanted())"),),
        tests=(f"{STORE}test_a_mark_is_given_once_and_what_is_in_flight_is_not_released[sqlite]",),
    ),
    Guard(
        name="notice mark: wanted",
        keeps="No dot for a notice that nobody waits for any more.",
        edits=(Edit(file=NOTICES, before=MARK, after=".where(_mine(notice), _is(DeliveryState.CLAIMED))"),),
        tests=(f"{SENDING}test_what_nobody_waits_for_any_more_is_not_sent[sqlite]",),
    ),
    Guard(
        name="notice mark: before the dot",
        keeps="The dot follows a mark that was given.",
        edits=(Edit(file="src/digest/actions/notices.py", before="        return marks[0]\n", after="        return True\n"),),
        tests=(f"{SENDING}test_what_nobody_waits_for_any_more_is_not_sent[sqlite]",),
    ),
    Guard(
        name="notice moves: owner",
        keeps="Only the claim's owner marks, settles and releases.",
        edits=(Edit(file=NOTICES, before=MINE, after=MINE.replace(" _table.c.owner == notice.owner,", "")),),
        tests=(f"{STORE}test_what_one_has_claimed_another_neither_gets_nor_marks[sqlite]",),
    ),
    Guard(
        name="notice moves: fence",
        keeps="A claim that was lost moves nothing, though its owner has claimed the notice anew.",
        edits=(Edit(file=NOTICES, before=MINE, after=MINE.replace(", _table.c.fence == notice.fence", "")),),
        tests=(f"{STORE}test_a_claim_is_taken_away_after_its_lease_alone_and_then_marks_nothing[sqlite]",),
    ),
    Guard(
        name="notice settle: state",
        keeps="A late deferral never moves what is accepted back to the queue.",
        edits=(Edit(file=NOTICES, before=".where(_mine(notice), _table.c.state.in_(_WAITS))", after=".where(_mine(notice))"),),
        tests=(f"{STORE}test_what_was_accepted_stays_so_whatever_is_said_later[sqlite]",),
    ),
    Guard(
        name="notice release: claimed",
        keeps="What is in flight does not go back to the queue when its sender stops.",
        edits=(Edit(file=NOTICES, before="update(_table).where(_mine(notice), _is(DeliveryState.CLAIMED)).values(free)",
                    after="update(_table).where(_mine(notice)).values(free)"),),
        tests=(f"{STORE}test_a_mark_is_given_once_and_what_is_in_flight_is_not_released[sqlite]",),
    ),
    Guard(
        name="notice reap: uncertain",
        keeps="What was in flight when its sender died is held, and never queued again by itself.",
        edits=(Edit(file=NOTICES, before=HELD, after=HELD.replace("UNCERTAIN", "QUEUED")),),
        tests=(f"{SENDING}test_a_killed_sender_holds_what_it_had_in_flight_and_gives_back_the_rest[sqlite]",),
    ),
    Guard(
        name="notice reap: lease",
        keeps="The reaper takes a notice from its owner only after the lease.",
        edits=(Edit(file=NOTICES, before="over = is_past(_table.c.lease_until, now)\n", after="over = _table.c.lease_until.is_not(None)\n"),),
        tests=(f"{STORE}test_a_claim_is_taken_away_after_its_lease_alone_and_then_marks_nothing[sqlite]",),
    ),
    Guard(
        name="sign-up: confirmed once",
        keeps="The button of a confirmation, pressed twice, brings one welcome; and it subscribes nobody who has left since.",
        edits=(
            Edit(
                file=SIGNUPS,
                before="        _subscription.c.id == subscription_id, _subscription.c.state == SubscriptionState.PENDING\n",
                after="        _subscription.c.id == subscription_id\n",
            ),
        ),
        tests=("tests/actions/test_signups.py::test_confirming_is_the_readers_own_word_once[sqlite]",),
    ),
)  # fmt: skip
