"""The naive sender: what a page of tutorial code does, and what most systems of this field come down to.

Jinja and MJML for each reader, an EmailMessage, a connection a message, an ORM commit a row.
`python -m tests.bench.naive PORT MESSAGES DATABASE-URL` prints its figures.
"""

import json
import smtplib
import sys
import time
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

from sqlalchemy import String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.bench.issue import NAMES, render
from tests.bench.outcome import Run
from tests.bench.processes import run_to_end
from tests.bench.sink import sink


class Base(DeclarativeBase):
    """The naive sender's own tables."""


class Mail(Base):
    """One reader's copy."""

    __tablename__ = "mail"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String)
    name: Mapped[str] = mapped_column(String)
    state: Mapped[str] = mapped_column(String, default="queued")


def run_naive(folder: Path, *, messages: int) -> Run:
    """So many messages, in a process of its own, into a sink of its own."""
    file = folder / "naive.db"
    file.unlink(missing_ok=True)
    with sink(folder) as server:
        command = [sys.executable, "-m", "tests.bench.naive", str(server.port), str(messages), f"sqlite:///{file}"]
        (spent,) = run_to_end(command)
        return Run(messages=messages, received=server.received(), **json.loads(spent.output))


def send_all(port: int, messages: int, url: str) -> dict[str, float]:
    """Seconds and CPU seconds from the first message to the last."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            Mail(address=f"reader{number}@mail.example", name=NAMES[number % len(NAMES)]) for number in range(messages)
        )
        session.commit()
        start, cpu = time.perf_counter(), time.process_time()
        for mail in session.query(Mail).filter_by(state="queued").order_by(Mail.id).all():
            send_one(port, mail)
            mail.state = "sent"
            session.commit()
        return {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}


def send_one(port: int, mail: Mail) -> None:
    leave = f"https://news.example/unsubscribe/{mail.id:032}"
    html, text = render(
        {"name": mail.name, "address": mail.address, "unsubscribe_url": leave, "preferences_url": leave + "/choose"}
    )
    message = EmailMessage()
    message["From"], message["To"] = "The Weekly <weekly@example.org>", mail.address
    message["Subject"], message["Message-ID"] = "The Weekly: twenty posts", make_msgid(domain="example.org")
    message["List-Unsubscribe"] = f"<{leave}>"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(message)


if __name__ == "__main__":
    print(json.dumps(send_all(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
