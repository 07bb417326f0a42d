"""The guards in the schema: each UNIQUE, taken out of the table and out of the migration at once."""

from tests.mutation.guard import Edit, Guard

PEOPLE, TABLES = "src/digest/store/people_tables.py", "src/digest/store/tables.py"
POST = '    __tablename__ = "post"\n    __table_args__ = (Unique("source_id", "key"),)\n'
MIGRATION = "alembic/versions/0001_the_first_tables.py"


def _unique(table: str, columns: str, keeps: str, declared: Edit) -> Guard:
    names = columns.split()
    listed = ", ".join(f'"{name}"' for name in names)
    migrated = f'        sa.UniqueConstraint({listed}, name=op.f("uq_{table}_{"_".join(names)}")),\n'
    return Guard(
        name=f"unique: {table} {'+'.join(names)}",
        keeps=keeps,
        edits=(declared, Edit(file=MIGRATION, before=migrated, after="")),
        tests=(
            f"tests/store/test_uniques.py::test_a_second_row_of_the_same_key_is_refused[sqlite-{table}-{'-'.join(names)}]",
        ),
    )


def _field(file: str, words: str, nearby: str = "") -> Edit:
    """A column that is unique by itself; `nearby` are the words before it that tell it from others of its name."""
    return Edit(
        file=file, before=f"{nearby}{words} = Field(unique=True)", after=f"{nearby}{words}"
    )  # fmt: skip


GUARDS = (
    _unique("delivery", "subscriber_id issue_id", "One delivery for a reader of an issue.",
            Edit(file=PEOPLE, before='        Unique("subscriber_id", "issue_id"),  # in this order it also finds what somebody got\n', after="")),
    _unique("delivery", "issue_id address_key", "One delivery for an address in an issue, however it is written.",
            Edit(file=PEOPLE, before='        Unique("issue_id", "address_key"),\n', after="")),
    _unique("issue", "newsletter_id cadence_id slot_key", "One issue a period.",
            Edit(file=TABLES, before='        Unique("newsletter_id", "cadence_id", "slot_key"),\n', after="")),
    _unique("issue", "newsletter_id number", "One issue of a number.",
            Edit(file=TABLES, before='        Unique("newsletter_id", "number"),\n', after="")),
    _unique("claim", "cadence_id post_id", "A post has one place in a cadence, so one issue of it.",
            Edit(file=TABLES, before='        Unique("cadence_id", "post_id"),\n', after="")),
    _unique("variant", "issue_id key", "An issue is rendered once for a language.",
            Edit(file=TABLES, before='    __table_args__ = (Unique("issue_id", "key"),)\n', after="")),
    _unique("subscriber", "address_key", "One person an address, however it is written.",
            _field(PEOPLE, "    address_key: str")),
    _unique("subscriber", "address_hash", "One person a keyed hash, which suppressions are found by.",
            _field(PEOPLE, "    address_hash: str", "    address_key: str = Field(unique=True)\n")),
    _unique("subscription", "newsletter_id subscriber_id", "One subscription of a person to a newsletter.",
            Edit(file=PEOPLE, before='        Unique("newsletter_id", "subscriber_id"),\n', after="")),
    _unique("suppression", "address_hash", "One suppression an address.",
            _field(PEOPLE, "    address_hash: str", "    id: int | None = Field(default=None, primary_key=True)\n")),
    _unique("newsletter", "slug", "One newsletter of a name.", _field(TABLES, "    slug: str")),
    _unique("cadence", "newsletter_id name", "One cadence of a name in a newsletter.",
            Edit(file=TABLES, before='Unique("newsletter_id", "name"), one_of("state", UseState))\n', after='one_of("state", UseState),)\n')),
    _unique("newsletter_source", "newsletter_id source_id", "A newsletter reads a source once.",
            Edit(file=TABLES, before='    __table_args__ = (Unique("newsletter_id", "source_id"),)\n', after="")),
    _unique("post", "source_id key", "A post enters the store once.",
            Edit(file=TABLES, before=POST, after='    __tablename__ = "post"\n')),
    _unique("post_key", "source_id key", "A key belongs to one post of its source.",
            Edit(file=TABLES, before=POST.replace('"post"', '"post_key"'), after='    __tablename__ = "post_key"\n')),
    _unique("source", "url", "One source an address.", _field(TABLES, "    url: str")),
    _unique("move", "subscriber_id", "One change of address a person: the links of an earlier one are over.",
            Edit(file="src/digest/store/web_tables.py", before='ondelete="CASCADE")], unique=True)\n', after='ondelete="CASCADE")])\n')),
)  # fmt: skip
