"""Lists as providers write them, and lists as people write them."""

from datetime import UTC, datetime
from io import StringIO

import pytest

from digest.core.list_columns import Standing
from digest.core.subscriber_list import Entry, Rejected, SubscriberList
from digest.errors import ListError, UsageError


def read(text: str, **options) -> tuple[SubscriberList, list[Entry | Rejected]]:
    people = SubscriberList(StringIO(text, newline=""), **options)
    return people, list(people)


def people_of(text: str, **options) -> list[tuple[str, str, str]]:
    return [(row.address, row.name, str(row.standing)) for row in read(text, **options)[1]]


MAILCHIMP = "Email Address,First Name,Last Name,Address,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"


def test_mailchimp_subscribed() -> None:
    head = MAILCHIMP + "TIMEZONE,LEID,EUID,NOTES,TAGS\n"
    row = 'anna@example.org,Anna,Berg,"1 Main St  Town",5,2016-01-02 03:04:05,192.0.2.1,2016-01-02 03:05:00,192.0.2.1,'
    people, rows = read(head + row + 'Europe/Berlin,1,e,,"""news"",""vip"""\n')
    assert people.columns.provider == "Mailchimp"
    assert rows == [
        Entry(
            line=2, address="anna@example.org", name="Anna Berg", zone="Europe/Berlin",
            agreed=datetime(2016, 1, 2, 3, 4, 5, tzinfo=UTC), confirmed=datetime(2016, 1, 2, 3, 5, tzinfo=UTC),
            origin="agreed from 192.0.2.1",
        )
    ]  # fmt: skip


def test_mailchimp_unsubscribed_and_cleaned() -> None:
    unsubscribed = MAILCHIMP + "UNSUB_TIME,UNSUB_REASON,LEID\nben@example.org,,,,1,,,,,2017-02-03 04:05:06,NORMAL,2\n"
    (row,) = read(unsubscribed)[1]
    assert (row.standing, row.why, row.left) == (
        Standing.ENDED,
        "unsubscribed",
        datetime(2017, 2, 3, 4, 5, 6, tzinfo=UTC),
    )
    cleaned = MAILCHIMP + "CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,LEID\ncarl@example.org,,,,1,,,,,2017-02-03 04:05:06,May,2\n"
    (row,) = read(cleaned)[1]
    assert (row.standing, row.why) == (Standing.SUPPRESSED, "hard bounce")


def test_listmonk() -> None:
    text = (
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        '9a,anna@example.org,Anna,"{""city"": ""Berlin, Mitte""}",enabled,2021-04-05T06:07:08.9Z,\n'
        "9b,ben@example.org,Ben,{},disabled,2021-04-05T06:07:08Z,\n"
        "9c,carl@example.org,Carl,{},blocklisted,2021-04-05T06:07:08Z,\n"
    )
    people, rows = read(text)
    assert people.columns.provider == "listmonk"
    assert [row.standing for row in rows] == [Standing.ACTIVE, Standing.ENDED, Standing.SUPPRESSED]
    assert rows[0].agreed == datetime(2021, 4, 5, 6, 7, 8, 900000, tzinfo=UTC)
    assert rows[2].why == "blocked"


def test_buttondown() -> None:
    head = "email,notes,metadata,tags,creation_date,subscriber_type,unsubscription_date\n"
    states = {
        "regular": "active", "premium": "active", "unactivated": "pending", "unsubscribed": "ended", "removed": "ended",
        "undeliverable": "suppressed", "complained": "suppressed", "spammy": "suppressed",
    }  # fmt: skip
    text = head + "".join(f"{word}@example.org,,{{}},,2020-08-29T17:11:08Z,{word},\n" for word in states)
    assert read(text)[0].columns.provider == "Buttondown"
    assert {address.partition("@")[0]: state for address, _, state in people_of(text)} == states
    newer = "email_address,type,metadata,tags\nanna@example.org,unsubscribed,,\n"
    assert people_of(newer) == [("anna@example.org", "", "ended")]


def test_substack_a_free_reader_is_subscribed_too() -> None:
    text = (
        "email,active_subscription,expiry,plan,email_disabled,created_at\n"
        "anna@example.org,false,,other,false,2021-05-02T13:14:15.000Z\n"
        "ben@example.org,true,2030-01-01T00:00:00.000Z,yearly,true,2021-05-02T13:14:15.000Z\n"
    )
    assert read(text)[0].columns.provider == "Substack"
    assert people_of(text) == [("anna@example.org", "", "active"), ("ben@example.org", "", "ended")]


def test_ghost() -> None:
    text = (
        "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels\n"
        "1,anna@example.org,Anna,,true,false,,2022-01-01T00:00:00.000Z,,\n"
        "2,ben@example.org,Ben,,false,false,,2022-01-01T00:00:00.000Z,,\n"
        "3,carl@example.org,Carl,,true,false,,2022-01-01T00:00:00.000Z,2023-01-01T00:00:00.000Z,\n"
    )
    assert read(text)[0].columns.provider == "Ghost"
    assert [state for *_, state in people_of(text)] == ["active", "ended", "ended"]


@pytest.mark.parametrize(
    "text",
    [
        "anna@example.org\nben@example.org\n",
        "# my friends\n\n anna@example.org \r\nben@example.org",
        "\ufeffanna@example.org\nben@example.org\n",
        "email\nanna@example.org\nben@example.org\n",
        "E-Mail;Ort\nanna@example.org;Köln\nben@example.org;\n",
        "sep=;\nE-Mail;Ort\nanna@example.org;Köln\nben@example.org;Ulm\n",
        'Ort\tE-Mail-Adresse\n"Köln, Nord"\tanna@example.org\n\tben@example.org\n',
        "email|city\nanna@example.org|x\nben@example.org|y\n",
        '"email"\n"anna@example.org"\n"ben@example.org"\n',
    ],
)
def test_plain_lists_with_any_delimiter(text):
    assert people_of(text) == [("anna@example.org", "", "active"), ("ben@example.org", "", "active")]


@pytest.mark.parametrize(
    "text",
    [
        "Anna Berg <anna@example.org>\n",
        '"Anna Berg" <anna@example.org>,\n',
        "anna@example.org,Anna Berg\n",
        "Anna Berg;anna@example.org\n",
        'email\n"Anna Berg <anna@example.org>"\n',
        "name,email\n  Anna\u2028Berg ,anna@example.org\n",
    ],
)  # fmt: skip
def test_a_name_beside_the_address(text):
    assert people_of(text) == [("anna@example.org", "Anna Berg", "active")]


def test_a_name_with_a_comma_in_front_of_an_address() -> None:
    text = 'ben@example.org\n"Berg, Anna" <anna@example.org>\nBerg, Carl <carl@example.org>\n'
    assert [name for _, name, _ in people_of(text)] == ["", "Berg, Anna", "Berg, Carl"]


def test_what_cannot_be_used_is_rejected_with_line_and_reason() -> None:
    text = (
        "email,name,status\n"
        "anna@example.org,Anna,subscribed\n"
        "not an address,X,subscribed\n"
        ",Y,subscribed\n"
        "ben@example.org,Berg, Ben,subscribed\n"
        "carl@example.org,Carl\n"
        "dora@example.org,Dora,vip\n"
        "emil@example.org,Emil,\n"
        '"fritz@example.org","Fr"itz",subscribed\n'
        f"gina@example.org,{'G' * 201},subscribed\n"
        "hugo@example.org,Hugo,subscribed,,\n"
    )
    rows = read(text)[1]
    assert [row.address for row in rows if isinstance(row, Entry)] == ["anna@example.org", "hugo@example.org"]
    reasons = {row.line: row.reason for row in rows if isinstance(row, Rejected)}
    assert list(reasons) == [3, 4, 5, 6, 7, 8, 9, 10]
    assert reasons[4] == "there is no address"
    assert "needs quotation marks" in reasons[5]
    assert "status is missing" in reasons[6]
    assert reasons[7] == "unknown status 'vip'"
    assert reasons[8] == "it has no status"
    assert "quotation marks" in reasons[9]
    assert "201 characters" in reasons[10]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    text = 'email,notes\n\nanna@example.org,"two\nlines"\nbroken,"x\n\ny"\nben@example.org,\n'
    assert [(row.line, type(row).__name__) for row in read(text)[1]] == [(3, "Entry"), (5, "Rejected"), (8, "Entry")]


def test_a_quotation_mark_that_swallows_rows_says_which() -> None:
    text = 'email,name\nanna@example.org,"Anna\nben@example.org,Ben\ncarl@example.org,"Carl"\ndora@example.org,Dora\n'
    first, second = read(text)[1]
    assert (first.line, "lines 2 to 4" in first.reason) == (2, True)
    assert second.address == "dora@example.org"


def test_a_quotation_mark_that_never_closes_stops_everything() -> None:
    with pytest.raises(ListError, match="line 3: a quotation mark opens there and never closes"):
        read('email,name\nanna@example.org,Anna\nben@example.org,"Ben\n' + "x@example.org,X\n" * 10)
    with pytest.raises(ListError, match="line 2: a quotation mark"):
        read('email,name\nben@example.org,"Ben\n' + "x@example.org,X\n" * 20_000)


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_list_says_so(text):
    with pytest.raises(ListError, match="empty"):
        read(text)


def test_a_list_without_addresses_names_its_columns() -> None:
    with pytest.raises(ListError, match="no column holds addresses; the columns are: Vorname, Kontakt") as caught:
        read("Vorname,Kontakt\nAnna,anna@example.org\n")
    assert "--map address=" in caught.value.next_step


def test_a_mapping_wins_by_name_or_number() -> None:
    text = "email,kontakt,spitzname\nold@example.org,anna@example.org,Anni\n"
    assert people_of(text, mapping={"address": "Kontakt", "name": "3"}) == [("anna@example.org", "Anni", "active")]
    with_status = "email,status\nanna@example.org,married\n"
    assert people_of(with_status, mapping={"status": ""}) == [("anna@example.org", "", "active")]
    assert people_of("x;anna@example.org;Anna\n", mapping={"name": "3"}) == [("anna@example.org", "Anna", "active")]
    with pytest.raises(UsageError, match="no column 'mail'"):
        read(text, mapping={"address": "mail"})
    with pytest.raises(UsageError, match="no role 'adress'"):
        read(text, mapping={"adress": "email"})


def test_a_list_without_status_takes_the_one_that_is_given() -> None:
    assert people_of("anna@example.org\n", standing=Standing.ENDED) == [("anna@example.org", "", "ended")]
    listed = "email,status\nanna@example.org,bounced\n"
    assert people_of(listed, standing=Standing.ACTIVE) == [("anna@example.org", "", "suppressed")]


def test_two_addresses_on_a_line_are_not_one_person() -> None:
    (row,) = read("anna@example.org, ben@example.org\n")[1]
    assert row.reason == "2 addresses on one line: give each a line of its own"


def test_a_name_cannot_smuggle_a_header() -> None:
    text = 'email,name\nanna@example.org,"Anna\r\nBcc: all@example.org\x00"\n'
    assert people_of(text) == [("anna@example.org", "Anna Bcc: all@example.org", "active")]


def test_a_time_that_could_be_read_in_two_ways_is_kept_word_by_word() -> None:
    (row,) = read("email,created_at,ip\nanna@example.org,08/09/2017,2001:db8::1\n")[1]
    assert (row.agreed, row.origin) == (None, "agreed from 2001:db8::1, agreed 08/09/2017")
