"""A name server of this machine: answers TXT questions from a table, over UDP."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Table = dict[str, list[str]]
"""Name → its TXT records, each as it stands in a zone file: one or more quoted strings."""


@contextmanager
def name_server(table: Table, *, rcode: dns.rcode.Rcode | None = None) -> Iterator[str]:
    """Where it listens, as ADDRESS:PORT. With `rcode` it answers everything so."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.2)
        stopped = threading.Event()
        thread = threading.Thread(target=_serve, args=(sock, table, rcode, stopped))
        thread.start()
        try:
            yield f"127.0.0.1:{sock.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join()


def _serve(sock: socket.socket, table: Table, rcode: dns.rcode.Rcode | None, stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            octets, address = sock.recvfrom(4096)
        except TimeoutError:
            continue
        sock.sendto(_answer(dns.message.from_wire(octets), table, rcode).to_wire(), address)


def _answer(question: dns.message.Message, table: Table, rcode: dns.rcode.Rcode | None) -> dns.message.Message:
    answer = dns.message.make_response(question, recursion_available=True)
    asked = question.question[0]
    records = table.get(asked.name.to_text(omit_final_dot=True).lower())
    if rcode is not None or records is None:
        answer.set_rcode(rcode if rcode is not None else dns.rcode.NXDOMAIN)
    elif asked.rdtype == dns.rdatatype.TXT and records:
        answer.answer.append(dns.rrset.from_text_list(asked.name, 60, "IN", "TXT", records))
    return answer
