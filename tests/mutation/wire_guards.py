"""The guards around the final dot: durability, order, what an answer means, and the way back to the ledger."""

from tests.mutation.guard import Edit, Guard

CONVERSATION = "src/digest/mail/conversation.py"
LEDGER = "src/digest/actions/ledger.py"
SPOOL = "src/digest/store/spool.py"
TALK = "tests/mail/test_conversation.py::"
MARKED = """        go = await before_dot()
        if not go:
            self.abort()
            return self._outcome(OutcomeKind.UNSENT, "body", None, "withdrawn before the end")
"""
EARLY = """        if early := self._said_too_early():
            return early
"""
DOT = """        self._transport.write(b".\\r\\n" + self._announce(go))
"""

BEFORE_THE_DOT = (
    Guard(
        name="durable: FULL",
        keeps="SQLite syncs each commit to the disk, so that a mark outlives a power cut.",
        edits=(
            Edit(file="src/digest/store/database.py", before='"synchronous = FULL"', after='"synchronous = NORMAL"'),
        ),
        tests=(
            "tests/store/test_database.py::test_sqlite_keeps_a_write_ahead_log_that_survives_a_power_cut",
            "tests/store/test_database.py::test_the_connection_that_marks_and_settles_syncs_each_commit",
        ),
    ),
    Guard(
        name="dot: after the commit",
        keeps="A lane waits for the commit of its mark before it sends the dot.",
        edits=(
            Edit(
                file="src/digest/actions/lane.py",
                before="            marks.append(await answer)\n",
                after="            marks.append(True)\n",
            ),
        ),
        tests=("tests/actions/test_mark_before_dot.py::test_the_mark_is_committed_before_the_dot[sqlite]",),
    ),
    Guard(
        name="dot: after the mark",
        keeps="The dot is sent after the mark, not before it.",
        edits=(
            Edit(
                file=CONVERSATION, before=MARKED + EARLY + DOT, after=DOT.replace("self._announce(go)", 'b""') + MARKED
            ),
        ),
        tests=(f"{TALK}test_no_dot_goes_out_before_the_mark_stands[one by one]",),
    ),
    Guard(
        name="dot: not without the mark",
        keeps="Where the mark failed, the connection is dropped instead of the message being ended.",
        edits=(Edit(file=CONVERSATION, before=MARKED, after="        go = await before_dot()\n"),),
        tests=(f"{TALK}test_without_the_mark_the_message_is_never_finished[one by one]",),
    ),
    Guard(
        name="dot: not after a refusal",
        keeps="A server that refuses in the middle of the body gets no dot.",
        edits=(Edit(file=CONVERSATION, before=MARKED + EARLY, after=MARKED),),
        tests=(f"{TALK}test_a_refusal_in_the_middle_of_the_body_is_heard_before_the_mark[one by one]",),
    ),
)

ANSWERS = (
    Guard(
        name="answer: lost is uncertain",
        keeps="A connection that ends after the dot proves nothing: the message is uncertain, not unsent.",
        edits=(
            Edit(
                file=CONVERSATION,
                before='OutcomeKind.UNCERTAIN, "dot", None, str(lost)',
                after='OutcomeKind.UNSENT, "dot", None, str(lost)',
            ),
        ),
        tests=(f"{TALK}test_an_end_between_the_dot_and_its_reply_is_uncertain[one by one-close]",),
    ),
    Guard(
        name="answer: garbled is uncertain",
        keeps="An answer to the dot that is neither yes nor no proves nothing.",
        edits=(
            Edit(
                file=CONVERSATION,
                before='other = OutcomeKind.UNCERTAIN if phase == "dot" else OutcomeKind.UNSENT',
                after="other = OutcomeKind.UNSENT",
            ),
        ),
        tests=(f"{TALK}test_no_answer_to_the_dot_that_can_be_understood_is_uncertain",),
    ),
    Guard(
        name="answer: uncertain is held",
        keeps="What is uncertain is held for the operator, and not queued.",
        edits=(
            Edit(
                file="src/digest/core/policy.py",
                before="        return NextStep(state=DeliveryState.UNCERTAIN,",
                after="        return NextStep(state=DeliveryState.QUEUED,",
            ),
        ),
        tests=(
            "tests/core/test_policy.py::test_an_unknown_outcome_is_held",
            "tests/actions/test_deliver.py::test_an_unknown_outcome_is_held_and_the_issue_is_done[sqlite]",
        ),
    ),
    Guard(
        name="answer: RSET",
        keeps="After a refusal the connection is reset before the next message.",
        edits=(Edit(file=CONVERSATION, before="            await self._reset()\n", after="            pass\n"),),
        tests=(f"{TALK}test_a_refusal_says_where_it_happened_and_the_connection_goes_on",),
    ),
    Guard(
        name="answer: 421",
        keeps="A connection that the server ended with 421 gets no further command.",
        edits=(
            Edit(
                file=CONVERSATION,
                before="if reply.kind not in _REFUSALS or reply.code == 421:",
                after="if reply.kind not in _REFUSALS:",
            ),
        ),
        tests=(f"{TALK}test_a_refusal_says_where_it_happened_and_the_connection_goes_on",),
    ),
    Guard(
        name="answer: DATA after a refusal",
        keeps="A server that lets DATA through although it refused the reader gets no message.",
        edits=(
            Edit(
                file=CONVERSATION,
                before="        if reply.kind == 3:  # DATA was let",
                after="        if False:  # DATA was let",
            ),
        ),
        tests=(f"{TALK}test_a_server_that_lets_data_through_after_a_refusal_gets_nothing",),
    ),
)

ONCE = (
    Guard(
        name="pool: not after the body",
        keeps="A message whose body has begun is offered to no other server.",
        edits=(
            Edit(
                file="src/digest/mail/pool.py",
                before="    if outcome.phase not in _BEFORE_BODY:\n        return False\n    if outcome.kind is OutcomeKind.UNSENT or",
                after="    if outcome.kind in {OutcomeKind.UNSENT, OutcomeKind.UNCERTAIN} or",
            ),
        ),
        tests=(
            "tests/mail/test_pool.py::test_a_message_whose_mark_failed_is_offered_to_no_other_server[one by one]",
            "tests/mail/test_pool.py::test_what_became_uncertain_stays_so_and_no_other_server_gets_it",
        ),
    ),
    Guard(
        name="connection: anew at MAIL only",
        keeps="A message is begun again on a new connection only where the old one ended at MAIL.",
        edits=(
            Edit(
                file="src/digest/mail/smtp.py",
                before='reused and outcome.phase == "mail" and not',
                after="reused and not",
            ),
        ),
        tests=(
            "tests/actions/test_deliver.py::test_a_server_that_hangs_up_after_the_dot_leaves_exactly_that_message_held",
        ),
    ),
    Guard(
        name="bytes: Message-ID",
        keeps="The Message-ID is the same on every attempt.",
        edits=(
            Edit(
                file="src/digest/core/message.py",
                before='f"{self._issue_id}:{subscriber_id}:{self._copy}", size=15)',
                after="f\"{self._issue_id}:{subscriber_id}:{__import__('os').urandom(9)!r}\", size=15)",
            ),
        ),
        tests=(
            "tests/core/test_message.py::test_a_delivery_has_the_same_bytes_on_every_attempt",
            "tests/actions/test_deliver.py::test_a_deferred_message_goes_out_later_with_the_same_bytes[sqlite]",
        ),
    ),
    Guard(
        name="spool: after the commit",
        keeps="A spooled outcome leaves the disk only when the database has it.",
        edits=(
            Edit(
                file=SPOOL,
                before="            kept = tuple(_read(file))\n",
                after="            kept = tuple(_read(file))\n            file.unlink(missing_ok=True)\n",
            ),
        ),
        tests=("tests/store/test_spool.py::test_what_cannot_be_written_down_stays_on_the_disk",),
    ),
    Guard(
        name="spool: before the reaper",
        keeps="A row that the reaper called uncertain still takes the outcome that its owner knew.",
        edits=(
            Edit(
                file="src/digest/store/deliveries.py",
                before="or_(is_in_by_key(DeliveryState.INFLIGHT), is_in_by_key(DeliveryState.UNCERTAIN)),",
                after="is_in(DeliveryState.INFLIGHT),",
            ),
        ),
        tests=(
            "tests/store/test_deliveries.py::test_a_late_answer_is_still_the_truth[sqlite]",
            "tests/store/test_spool.py::test_what_the_reaper_called_uncertain_takes_its_outcome_and_what_an_admin_decided_does_not[sqlite]",
        ),
    ),
    Guard(
        name="drafts: each their own",
        keeps="Of the messages that are made together, each goes to its own reader.",
        edits=(
            Edit(
                file="src/digest/actions/drafts.py",
                before="made = self._made.pop(delivery.id)\n",
                after="made = self._made.popitem()[1]\n",
            ),
        ),
        tests=(
            "tests/actions/test_drafts.py::test_an_address_that_no_header_can_hold_costs_no_other_reader_the_message",
        ),
    ),
    Guard(
        name="monitor: accepted twice",
        keeps="A delivery that was accepted and is queued again stops its issue.",
        edits=(
            Edit(
                file="src/digest/actions/lane.py",
                before="            if delivery.id in run.seen:\n",
                after="            if False:\n",
            ),
        ),
        tests=(
            "tests/actions/test_monitors.py::test_a_delivery_that_is_queued_again_after_its_acceptance_is_not_sent_again[sqlite]",
        ),
    ),
    Guard(
        name="monitor: more than expected",
        keeps="More acceptances than readers stop an issue.",
        edits=(
            Edit(
                file="src/digest/actions/lane.py",
                before="        if run.accepted_before + run.report.accepted > run.report.expected:\n",
                after="        if False:\n",
            ),
        ),
        tests=("tests/actions/test_monitors.py::test_more_acceptances_than_readers_stop_the_issue[sqlite]",),
    ),
)

GUARDS = BEFORE_THE_DOT + ANSWERS + ONCE
