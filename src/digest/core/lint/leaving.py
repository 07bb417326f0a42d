"""The link by which a reader leaves a list: what says that a mail goes to one, where no header does."""

import re

from digest.core.lint.document import Document

# Words of the mails of many senders, in the languages that digest speaks; a link's own address counts, too.
LEAVE = re.compile(
    r"unsub|opt.?out|abmeld|abbestell|austrag|désabonn|desabonn|désinscri|\bbaja\b|cancelar (?:la |mi |su |tu )?suscripci|"
    r"لغو اشتراک|إلغاء|الغاء|配信停止|購読解除|登録解除|afmeld|cancella(?:ti|re)? .{0,6}iscri|disiscri|odhlás|отписа",
    re.IGNORECASE,
)
"""What a link says that leads away from a list."""


def has_way_out(document: Document) -> bool:
    """Whether a link leads away from the list, by its words or its address."""
    return any(LEAVE.search(f"{link.text} {link.get('href')}") for link in document.all("a") if link.get("href"))
