"""The schema: what the readers' pages keep. Nothing here says who somebody is."""

from datetime import datetime

from sqlmodel import Field

from digest.store.base import Row


class TallyRow(Row, table=True):
    """How often something was taken of a limit, by everybody's processes; gone once its time is over."""

    __tablename__ = "tally"
    name: str = Field(primary_key=True)  # what is limited, and a keyed hash of whom; never an address or a network
    taken: int = 0
    since: datetime
    until: datetime = Field(index=True)
