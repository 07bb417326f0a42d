"""A mail without a fault, and for each rule the smallest change that breaks it."""

from email.message import EmailMessage
from email.policy import SMTP

HTML = """\
<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8"><title>Four posts</title>
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<style>h1{margin:0}
@media only screen and (max-width:480px){.pad{padding:8px!important}}
@media (prefers-color-scheme:dark){.pad{color:#eee!important}}</style></head>
<body><div style="display:none">Beans, compost and a seed swap on Saturday afternoon</div>
<div lang="en" dir="ltr"><table role="presentation"><tr><td class="pad"><h1>Four posts</h1><h2>Friday</h2>
<p><a href="https://blog.example/beans">The beans have climbed</a></p>
<img src="https://blog.example/beans.jpg" alt="Beans" width="536" height="300">
<p>You get this email because you subscribed to Weekly. <a href="https://news.example/leave/1">Unsubscribe</a>,
<a href="https://news.example/1">view in browser</a></p><p>Weekly, Plot 14, Lower Mill Lane, Millbrook</p>
</td></tr></table></div></body></html>
"""
TEXT = """\
Four posts

https://blog.example/beans

Unsubscribe:
https://news.example/leave/1
View in browser:
https://news.example/1
"""


def message(html: str = HTML, text: str | None = TEXT, **headers: str | None) -> bytes:
    """A message to a list."""
    mail = EmailMessage(policy=SMTP)
    given = {
        "From": "Weekly <news@news.example>", "To": "anna@example.org", "Subject": "Four posts of the week",
        "Date": "Mon, 14 Aug 2017 15:05:00 +0000", "Message-ID": "<1@news.example>",
        "List-Unsubscribe": "<https://news.example/leave/1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Precedence": "bulk",
    } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip
    for name, value in given.items():
        if value is not None:
            mail[name] = value
    if text is not None:
        mail.set_content(text, cte="quoted-printable")
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
    else:
        mail.set_content(html, subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def changed(old: str, new: str) -> str:
    """The HTML with one thing changed."""
    assert old in HTML, old
    return HTML.replace(old, new, 1)


def styled(css: str) -> str:
    """The HTML with another style in front."""
    return changed("<style>h1{margin:0}", f"<style>{css}\nh1{{margin:0}}")


LINK = '<a href="https://blog.example/beans">The beans have climbed</a>'
IMAGE = '<img src="https://blog.example/beans.jpg" alt="Beans" width="536" height="300">'

BROKEN_HTML = {
    "html-size": changed("<h2>Friday</h2>", "<h2>Friday</h2>" + "<p>Beans and compost.</p>" * 5000),
    "html-heavy": changed("<h2>Friday</h2>", "<h2>Friday</h2>" + "<p>Beans and compost.</p>" * 3500),
    "style-size": styled("h2{margin:0}" * 1500),
    "style-order": changed("@media only", "@media (prefers-color-scheme:dark){.x{color:#fff}}\n@media only"),
    "style-nested": styled("@media screen{@media (max-width:480px){.x{margin:0}}}"),
    "style-import": styled("@import 'https://fonts.example/x.css';"),
    "style-font": styled("@font-face{font-family:x}"),
    "style-url": styled(".x{background:url(https://x.example/a.png)}"),
    "style-range": styled("@media (width <= 480px){.x{margin:0}}"),
    "style-layout": styled(".pad{width:300px}"),
    "script": changed("<h2>Friday</h2>", "<h2>Friday</h2><script>1</script>"),
    "form": changed("<h2>Friday</h2>", "<h2>Friday</h2><form></form>"),
    "lang": changed('<html lang="en"', "<html"),
    "dir": changed('<html lang="en" dir="ltr">', '<html lang="en">'),
    "wrapper": changed('<div lang="en" dir="ltr">', "<div>"),
    "title": changed("<title>Four posts</title>", "<title> </title>"),
    "meta-charset": changed('<meta charset="utf-8">', ""),
    "color-scheme": changed('<meta name="supported-color-schemes" content="light dark">', ""),
    "table-role": changed(' role="presentation"', ""),
    "one-h1": changed("<h2>Friday</h2>", "<h1>Friday</h1>"),
    "heading-order": changed("<h2>Friday</h2>", "<h3>Friday</h3>"),
    "duplicate-id": changed("<h2>Friday</h2>", '<h2 id="a">Friday</h2><p id="a">x</p>'),
    "leftover": changed("Friday", "Friday {{ name }}"),
    "img-alt": changed(' alt="Beans"', ""),
    "img-size": changed('width="536"', 'width="536px"'),
    "img-https": changed('src="https://blog.example/beans.jpg"', 'src="http://blog.example/beans.jpg"'),
    "img-format": changed("beans.jpg", "beans.svg"),
    "img-webp": changed("beans.jpg", "beans.webp"),
    "link-address": changed('href="https://blog.example/beans"', 'href="/beans"'),
    "link-host": changed('href="https://blog.example/beans"', 'href="https://blog example/beans"'),
    "link-anchor": changed('href="https://blog.example/beans"', 'href="#beans"'),
    "link-words": changed("The beans have climbed", "Click here"),
    "link-empty": changed("The beans have climbed", ""),
    "list-unknown": changed('<a href="https://news.example/leave/1">Unsubscribe</a>', "Good-bye"),
    "why-you-get-this": changed("You get this email because you subscribed to Weekly.", "Good-bye."),
    "postal-address": changed("Weekly, Plot 14, Lower Mill Lane, Millbrook", "Weekly"),
    "view-in-browser": changed("view in browser", "the archive"),
    "preheader": changed("Beans, compost and a seed swap on Saturday afternoon", "Beans"),
    "css-layout": changed("<h2>Friday</h2>", '<h2 style="display:grid">Friday</h2>'),
    "css-look": changed("<h2>Friday</h2>", '<h2 style="transition:all 1s">Friday</h2>'),
    "html-element": changed("<h2>Friday</h2>", "<h2>Friday</h2><video></video>"),
}
BROKEN_MESSAGES = {
    "unsubscribe": message(changed('<a href="https://news.example/leave/1">Unsubscribe</a>', "Good-bye")),
    "charset": message().replace(b'charset="utf-8"', b'charset="iso-8859-1"'),
    "transfer-encoding": message().replace(b"quoted-printable", b"8bit", 1),
    "line-length": message() + b"x" * 1200 + b"\r\n",
    "alternative": message(text=None),
    "links-in-text": message(text="Four posts\n\nhttps://news.example/leave/1\nhttps://news.example/1\n"),
    "from-line": message().replace(b"Four posts\r\n\r\nhttps://blog", b"From me\r\n\r\nhttps://blog", 1),
    "headers": message(Date=None),
    "one-click": message(List_Unsubscribe_Post=None),
}
