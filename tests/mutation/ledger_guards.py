"""The guards of the ledger's moves: claim, mark, settle, reap, start and finish."""

from tests.mutation.guard import Edit, Guard

CLAIMING = "src/digest/store/claiming.py"
DELIVERIES = "src/digest/store/deliveries.py"
CONDITIONS = "src/digest/store/conditions.py"
SENDING = "src/digest/store/sending.py"
RECIPIENTS = "src/digest/store/recipients.py"
READERS = "src/digest/store/readers.py"
BATCHES = "src/digest/store/batches.py"
TESTS = "tests/store/test_deliveries.py::"
HOLDER = '            _delivery.c.owner == bindparam("holder"),\n'
FENCE = "            _delivery.c.fence == fence,\n"
TO_MARK = "            or_(*map(is_in_by_key, to_mark)),\n"
TO_SETTLE = "            or_(is_in_by_key(DeliveryState.INFLIGHT), is_in_by_key(DeliveryState.UNCERTAIN)),\n"
MINE = "and_(_delivery.c.id == delivery.id, _delivery.c.owner == delivery.owner, _delivery.c.fence == delivery.fence)"

CLAIM = (
    Guard(
        name="claim: queued",
        keeps="A delivery is claimed only while it is queued.",
        edits=(
            Edit(
                file=CLAIMING,
                before="            wanted.c.state == literal_column(\"'queued'\"),  # see is_in\n",
                after="",
            ),
            Edit(file=CLAIMING, before="is_in(DeliveryState.QUEUED), ", after=""),
        ),
        tests=(
            f"{TESTS}test_what_one_has_claimed_another_does_not_get[sqlite]",
            f"{TESTS}test_a_message_in_flight_becomes_uncertain_and_nothing_sends_it_again[sqlite]",
        ),
    ),
    Guard(
        name="claim: issue sending",
        keeps="Nothing is claimed of an issue that is paused or cancelled.",
        edits=(Edit(file=CLAIMING, before=", issue_is(IssueState.SENDING))", after=")"),),
        tests=(f"{TESTS}test_a_paused_issue_is_not_claimed_from_and_goes_on_when_resumed[sqlite]",),
    ),
    Guard(
        name="claim: fence",
        keeps="Each claim has a fence of its own, so that two claims of one owner are told apart.",
        edits=(Edit(file=CLAIMING, before="fence=_delivery.c.fence + 1", after="fence=_delivery.c.fence"),),
        tests=(f"{TESTS}test_a_claim_whose_lease_is_over_goes_back_and_its_old_owner_cannot_send[sqlite]",),
    ),
    Guard(
        name="claim: Date",
        keeps="The Date of a message is that of its first claim, so that its bytes are the same on every attempt.",
        edits=(
            Edit(
                file=CLAIMING,
                before='func.coalesce(_delivery.c.dated, bindparam("now", type_=_delivery.c.dated.type))',
                after='bindparam("now", type_=_delivery.c.dated.type)',
            ),
        ),
        tests=(f"{TESTS}test_a_claim_whose_lease_is_over_goes_back_and_its_old_owner_cannot_send[sqlite]",),
    ),
)

MARK = (
    Guard(
        name="mark: claimed",
        keeps="A mark is given once: not to what is in flight already, or at rest.",
        edits=(Edit(file=DELIVERIES, before=HOLDER + TO_MARK, after=HOLDER),),
        tests=(f"{TESTS}test_a_mark_is_given_once[sqlite]",),
    ),
    Guard(
        name="mark: owner",
        keeps="Only the claim's owner marks.",
        edits=(Edit(file=DELIVERIES, before=HOLDER + TO_MARK, after=TO_MARK),),
        tests=(f"{TESTS}test_what_one_has_claimed_another_does_not_get[sqlite]",),
    ),
    Guard(
        name="mark: fence",
        keeps="A claim that was lost marks nothing, though its owner has claimed the delivery anew.",
        edits=(Edit(file=DELIVERIES, before=FENCE + HOLDER + TO_MARK, after=HOLDER + TO_MARK),),
        tests=(f"{TESTS}test_a_claim_whose_lease_is_over_goes_back_and_its_old_owner_cannot_send[sqlite]",),
    ),
    Guard(
        name="mark: read back",
        keeps="Where some of a batch were not marked, only the rows of this owner and fence count as marked.",
        edits=(
            Edit(
                file=DELIVERIES,
                before="if (one.id, one.fence, one.owner) in found)",
                after="if one.id in {row[0] for row in found})",
            ),
        ),
        tests=(
            "tests/store/test_batches.py::test_an_owner_that_lost_its_claim_gets_no_mark_though_the_row_is_in_flight[sqlite]",
        ),
    ),
    Guard(
        name="mark: every one",
        keeps="Where one of a batch was not marked, the usual way gives none of them a mark.",
        edits=(
            Edit(
                file=BATCHES,
                before="if batch.marks and self._run_mark(connection, batch, now) != len(batch.marks):",
                after="if batch.marks and self._run_mark(connection, batch, now) > len(batch.marks):",
            ),
        ),
        tests=(
            "tests/store/test_batches.py::test_an_owner_that_lost_its_claim_gets_no_mark_though_the_row_is_in_flight[sqlite]",
        ),
    ),
    Guard(
        name="mark: named",
        keeps="On Postgres only the rows that the statement itself names as marked get their dot.",
        edits=(
            Edit(
                file=BATCHES,
                before="return frozenset([number for (number,) in marked])",
                after="return frozenset([one.id for one, _ in batch.marks])",
            ),
        ),
        tests=(
            "tests/store/test_batches.py::test_an_owner_that_lost_its_claim_gets_no_mark_though_the_row_is_in_flight[postgres]",
        ),
    ),
    Guard(
        name="mark: again",
        keeps="What is in flight is marked anew only where the answer to the mark's commit was lost.",
        edits=(Edit(file=BATCHES, before="self._mark_again if again else self._mark\n", after="self._mark_again\n"),),
        tests=(
            "tests/store/test_batches.py::test_a_mark_is_renewed_only_where_the_answer_to_its_commit_was_lost[sqlite]",
        ),
    ),
    Guard(
        name="eligible: issue sending",
        keeps="No dot for an issue that was paused or cancelled meanwhile.",
        edits=(Edit(file=DELIVERIES, before="            issue_is(IssueState.SENDING),\n", after=""),),
        tests=(
            f"{TESTS}test_leaving_pausing_and_cancelling_act_up_to_the_final_dot[sqlite-pause]",
            "tests/actions/test_deliver.py::test_a_pause_stops_before_the_next_final_dot[sqlite]",
        ),
    ),
    Guard(
        name="eligible: subscribed",
        keeps="No dot for a reader who has left meanwhile.",
        edits=(
            Edit(
                file=CONDITIONS,
                before="return and_(is_subscribed(at), not_(is_suppressed()))",
                after="return not_(is_suppressed())",
            ),
        ),
        tests=(
            f"{TESTS}test_leaving_pausing_and_cancelling_act_up_to_the_final_dot[sqlite-unsubscribe]",
            "tests/actions/test_deliver.py::test_who_leaves_while_the_message_is_on_its_way_does_not_get_it[sqlite-unsubscribe]",
        ),
    ),
    Guard(
        name="eligible: not paused",
        keeps="No dot for a reader who has asked for a pause meanwhile.",
        edits=(
            Edit(
                file=CONDITIONS,
                before="return and_(is_subscribed(at), not_(is_suppressed()))",
                after="return and_(is_subscribed(), not_(is_suppressed()))",
            ),
        ),
        tests=(f"{TESTS}test_leaving_pausing_and_cancelling_act_up_to_the_final_dot[sqlite-rest]",),
    ),
    Guard(
        name="eligible: not suppressed",
        keeps="No dot for an address that was suppressed meanwhile.",
        edits=(
            Edit(
                file=CONDITIONS,
                before="return and_(is_subscribed(at), not_(is_suppressed()))",
                after="return is_subscribed(at)",
            ),
        ),
        tests=(
            f"{TESTS}test_leaving_pausing_and_cancelling_act_up_to_the_final_dot[sqlite-suppress]",
            f"{TESTS}test_who_left_before_the_claim_is_skipped_without_a_conversation[sqlite]",
        ),
    ),
)

SETTLE = (
    Guard(
        name="settle: in flight",
        keeps="Accepted is written only on what was in flight, or is uncertain.",
        edits=(Edit(file=DELIVERIES, before=HOLDER + TO_SETTLE, after=HOLDER),),
        tests=(
            f"{TESTS}test_acceptance_is_never_written_on_what_was_not_in_flight[sqlite]",
            "tests/store/test_spool.py::test_an_outcome_that_is_kept_twice_is_written_down_once[sqlite]",
        ),
    ),
    Guard(
        name="settle: owner",
        keeps="Accepted is written only by the claim's owner.",
        edits=(Edit(file=DELIVERIES, before=HOLDER + TO_SETTLE, after=TO_SETTLE),),
        tests=(f"{TESTS}test_an_answer_to_another_claim_is_not_written[sqlite-owner-accepted]",),
    ),
    Guard(
        name="settle: fence",
        keeps="Accepted is written only for the claim that sent the message.",
        edits=(Edit(file=DELIVERIES, before=FENCE + HOLDER + TO_SETTLE, after=HOLDER + TO_SETTLE),),
        tests=(f"{TESTS}test_an_answer_to_another_claim_is_not_written[sqlite-fence-accepted]",),
    ),
    Guard(
        name="settle: other answers, state",
        keeps="A deferral or a refusal never moves what is accepted back to the queue.",
        edits=(
            Edit(
                file=DELIVERIES,
                before=".where(_mine(settlement.delivery), _delivery.c.state.in_(_WAITS))",
                after=".where(_mine(settlement.delivery))",
            ),
        ),
        tests=(f"{TESTS}test_what_was_accepted_stays_accepted_whatever_is_said_later[sqlite]",),
    ),
    Guard(
        name="settle: other answers, owner",
        keeps="A deferral or a refusal is written only by the claim's owner.",
        edits=(Edit(file=DELIVERIES, before=MINE, after=MINE.replace(" _delivery.c.owner == delivery.owner,", "")),),
        tests=(f"{TESTS}test_an_answer_to_another_claim_is_not_written[sqlite-owner-deferred]",),
    ),
    Guard(
        name="settle: other answers, fence",
        keeps="A deferral or a refusal is written only for the claim that it answers.",
        edits=(Edit(file=DELIVERIES, before=MINE, after=MINE.replace(", _delivery.c.fence == delivery.fence", "")),),
        tests=(f"{TESTS}test_an_answer_to_another_claim_is_not_written[sqlite-fence-deferred]",),
    ),
)

REST = (
    Guard(
        name="reap: uncertain",
        keeps="What was in flight when its sender died is uncertain, and never queued again by itself.",
        edits=(
            Edit(
                file=DELIVERIES,
                before="state=str(DeliveryState.UNCERTAIN),\n            lease_until=None,",
                after="state=str(DeliveryState.QUEUED),\n            lease_until=None,",
            ),
        ),
        tests=(f"{TESTS}test_a_message_in_flight_becomes_uncertain_and_nothing_sends_it_again[sqlite]",),
    ),
    Guard(
        name="reap: lease",
        keeps="The reaper takes a delivery from its owner only after the lease.",
        edits=(
            Edit(
                file=DELIVERIES,
                before="over = and_(is_held(), is_past(_delivery.c.lease_until, now))",
                after="over = is_held()",
            ),
        ),
        tests=(f"{TESTS}test_a_claim_whose_lease_is_over_goes_back_and_its_old_owner_cannot_send[sqlite]",),
    ),
    Guard(
        name="resend: fence",
        keeps="What the operator decides voids the claim before it, behind the states that a late answer may be written on.",
        edits=(
            Edit(
                file="src/digest/store/held.py",
                before="            owner=None,\n            fence=_delivery.c.fence + 1,\n",
                after="",
            ),
        ),
        tests=(
            f"{TESTS}test_only_the_operator_sends_an_uncertain_one_again_and_the_old_owner_is_then_fenced_off[sqlite]",
            "tests/store/test_spool.py::test_what_the_reaper_called_uncertain_takes_its_outcome_and_what_an_admin_decided_does_not[sqlite]",
        ),
    ),
    Guard(
        name="start: once",
        keeps="An issue's deliveries are made once.",
        edits=(Edit(file=SENDING, before=", _issue.c.expected.is_(None))\n", after=")\n"),),
        tests=(f"{TESTS}test_an_issue_starts_once[sqlite]",),
    ),
    Guard(
        name="start: suppressed",
        keeps="No delivery is made for a suppressed address.",
        edits=(
            Edit(
                file=READERS,
                before="        ~exists().where(_suppression.c.address_hash == _subscriber.c.address_hash),\n",
                after="",
            ),
        ),
        tests=(f"{TESTS}test_only_the_active_and_unsuppressed_get_a_delivery_and_their_number_is_kept[sqlite]",),
    ),
    Guard(
        name="start: active",
        keeps="A delivery is made only for an active subscription.",
        edits=(
            Edit(
                file=READERS,
                before="        _subscription.c.state == str(SubscriptionState.ACTIVE),\n        or_(",
                after="        or_(",
            ),
        ),
        tests=(f"{TESTS}test_only_the_active_and_unsuppressed_get_a_delivery_and_their_number_is_kept[sqlite]",),
    ),
    Guard(
        name="start: not paused",
        keeps="No delivery is made for a reader who pauses, so that nothing floods them when they are back.",
        edits=(
            Edit(file=RECIPIENTS, before="query.where(gets_it)))", after="query))"),
            Edit(file=RECIPIENTS, before=", unpaused_at=now + LAST_WAVE)", after=")"),
        ),
        tests=(f"{TESTS}test_who_pauses_gets_no_delivery_until_the_pause_is_over[sqlite]",),
    ),
    Guard(
        name="finish: at rest",
        keeps="An issue is done only when no delivery is queued, claimed or in flight.",
        edits=(Edit(file=SENDING, before="            ~unfinished,\n", after=""),),
        tests=("tests/actions/test_deliver.py::test_a_deferred_message_goes_out_later_with_the_same_bytes[sqlite]",),
    ),
)

GUARDS = CLAIM + MARK + SETTLE + REST
