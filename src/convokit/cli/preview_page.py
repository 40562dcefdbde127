"""The page of `convokit preview`: one file, no script, nothing loaded but the pictures that messages name."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from convokit import Link, Message
from convokit.cli.previewing import Look, label_of, place
from convokit.messages import Action, Attachment, Card

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --page: #f3f4f6; --card: #fff; --line: #d1d9e0;
  --says: #e7f0ff; --go: #0b57d0; --bad: #c62828 }
@media (prefers-color-scheme: dark) { :root { --ink: #f0f3f6; --dim: #9aa4ae; --page: #0d1117; --card: #161b22;
  --line: #30363d; --says: #1f2d44; --go: #8ab4ff; --bad: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0; padding: 1.5rem; background: var(--page); color: var(--ink); font: 1rem/1.45 system-ui, sans-serif }
h1 { font-size: 1.25rem; margin: 0 0 1rem }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)) }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; min-width: 0 }
h2 { font-size: 1rem; margin: 0 0 .75rem }
h2 small, p.dim { color: var(--dim); font-weight: 400; font-size: .85rem }
p.bad { color: var(--bad) }
.says { background: var(--says); border-radius: 1rem; padding: .6rem .85rem; margin: 0 0 .5rem; max-width: 24rem;
  overflow-wrap: anywhere }
.says > * { margin: .25rem 0 }
.text { white-space: pre-wrap }
img { max-width: 100%; border-radius: .5rem; display: block }
.deal { display: flex; gap: .5rem; overflow-x: auto }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem; flex: 0 0 13rem }
ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem }
li { border: 1px solid var(--go); color: var(--go); border-radius: 1rem; padding: .15rem .7rem; font-size: .9rem }
"""


def written(bot: str, looks: Sequence[Look]) -> str:
    """The page, whole."""
    sections = "\n".join(_section(one) for one in looks)
    title = f"Preview of {bot}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src https: http: data:">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1><main>\n{sections}\n</main></body></html>\n"
    )


def _section(one: Look) -> str:
    head = f"<h2>{escape(one.channel)} <small>{escape(one.kind)}</small></h2>"
    if one.problem:
        return f'<section>{head}<p class="bad">Cannot be sent: {escape(one.problem)}</p></section>'
    said = "".join(
        f'<div class="says">{_message(message)}</div>{"".join(_dim(remark) for remark in one.remarks[number])}'
        for number, message in enumerate(one.messages)
    )
    return f"<section>{head}{said}{_dim('; '.join(one.changes)) if one.changes else ''}</section>"


def _dim(text: str) -> str:
    return f'<p class="dim">{escape(text)}</p>'


def _message(message: Message) -> str:
    parts = [_attachment(one) for one in message.attachments]
    if message.text:
        parts.append(f'<p class="text" dir="auto">{escape(message.text)}</p>')
    if message.cards:
        parts.append(f'<div class="deal">{"".join(_card(one) for one in message.cards)}</div>')
    if message.location is not None:
        parts.append(f'<p dir="auto">{escape(place(message.location))}</p>')
    return "".join(parts) + _actions(message.buttons)


def _card(card: Card) -> str:
    picture = _attachment(card.image) if card.image is not None else ""
    subtitle = f'<p class="text dim" dir="auto">{escape(card.subtitle)}</p>' if card.subtitle else ""
    return (
        f'<div class="card">{picture}<strong dir="auto">{escape(card.title)}</strong>{subtitle}'
        f"{_actions(card.buttons)}</div>"
    )


def _attachment(one: Attachment) -> str:
    words = one.alt or one.name or one.media_type or one.kind
    if one.kind != "image":
        return f'<p dir="auto">[{one.kind}] {escape(words)}</p>'
    source = one.url
    if one.data is not None and one.media_type in {"image/png", "image/jpeg", "image/gif", "image/webp"}:
        source = f"data:{one.media_type};base64,{b64encode(one.data).decode()}"
    return (
        f'<img src="{escape(source)}" alt="{escape(words)}" referrerpolicy="no-referrer">' if source else escape(words)
    )


def _actions(actions: Sequence[Action]) -> str:
    if not actions:
        return ""
    shown = "".join(
        f'<li dir="auto">{escape(label_of(one))}{" ↗" if isinstance(one, Link) else ""}</li>' for one in actions
    )
    return f"<ul>{shown}</ul>"
