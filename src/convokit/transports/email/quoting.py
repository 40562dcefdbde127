"""What a person wrote in a mail, without what their program put below it: the quoted mail, signatures, footers. Pure.

Independent of the language wherever that is possible: mail programs write "On … wrote:" in a hundred of them, but all
put a time and an address into it. What needs words has a table. Every pattern is linear.
"""

import re
import unicodedata

LONGEST = 200_000
"""How many characters of a mail's text are looked at."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\u061c\ufeff\u00ad]")
_HARAKAT = re.compile("[\u064b-\u0652]")
_ADDRESS = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,255}")
_TIME = re.compile(r"\d{1,2}\s?[:.h\u6642\u65f6\uc2dc]\s?\d{2}")
_YEAR = re.compile(r"(?:19|20|25)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2}|\d\d年")
_COLON = (":", "\uff1a", "\ufe55")
_HEADER = re.compile(r"[*_]{0,2}([^\s:\uff1a][^:\uff1a\n]{0,30}?)[*_]{0,2}\s?[:\uff1a]")
_FROM = frozenset((
    "afsender", "afzender", "avsändare", "da", "dari", "de", "expeditor", "expéditeur", "feladó", "fra",
    "from", "från", "gönderen", "kimden", "lähettäjä", "mittente", "nadawca", "od", "odesílatel", "remitente",
    "van", "von", "від", "от", "от\u00a0кого", "מאת", "از", "من", "प्रेषक", "จาก", "发件人", "寄件者", "差出人", "送信元",
    "보낸\u00a0사람", "보낸사람",
))  # fmt: skip
"""What stands before the sender in the headers that are quoted, in many languages."""
_OTHERS = frozenset((
    "a", "aan", "aihe", "an", "assunto", "asunto", "betreff", "cc", "címzett", "către", "data", "date",
    "datum", "do", "emne", "enviado", "envoyé", "fecha", "gesendet", "gönderildi", "inviato", "kime", "komu",
    "konu", "küldve", "le", "lähetetty", "objet", "odesláno", "oggetto", "onderwerp", "para", "předmět",
    "sendt", "sent", "skickat", "subiect", "subject", "tarih", "temat", "til", "till", "to", "trimis", "tárgy",
    "vastaanottaja", "verzonden", "verzonden\u00a0op", "wysłano", "à", "ämne", "дата", "кому", "отправлено",
    "тема", "אל", "נושא", "נשלח", "תאריך", "أرسلت", "إلى", "التاريخ", "الموضوع", "تاريخ", "दिनांक", "प्रति",
    "भेजा\u00a0गया", "विषय", "ถึง", "ส่ง", "เรื่อง", "主旨", "主题", "件名", "傳送時間", "发送时间", "宛先",
    "收件人", "收件者", "日時", "日期", "送信日時", "받는\u00a0사람", "보낸\u00a0날짜", "제목",
))  # fmt: skip
"""What stands before the others: when it was sent, to whom, about what."""
_RULE = re.compile(r"(?:[_*=\u2500\u2014-]\s?){8,}")
_ORIGINAL = re.compile(r"-{2,}\s?\S(?:[^-\n]|-(?!-)){0,60}-{2,}")
_DEVICE = re.compile(
    r"iphone|ipad|ipod|android|samsung|galaxy|huawei|xiaomi|blackberry|outlook|yahoo|gmail|protonmail|proton mail|"
    r"windows|thunderbird|mobile|handy|telefon|smartphone|teléfono|téléphone|celular|aquamail|aol|gmx|mail\.ru|k-9"
)
_SENT = re.compile(
    r"\bsent (?:from|via|with|by)\b|gesendet|\benvoyé|\benviad[oa]\b|\binviat[oa]\b|gönderil|verzonden|verstuurd|"
    r"отправлен|надіслан|wysłan|送信|发自|發自|傳送|भेजा|נשלח|ארס|أرسل|ارسل|skickat|sendt (?:fra|med)|lähetetty|odeslán|"
    r"trimis|poslan|στάλθηκε|보냄|küldve|dikirim|gửi từ|ส่งจาก|\bget outlook\b|outlook (?:for|für|para|pour|per|voor)\b"
)
_OF_A_SIGNATURE = 60
_ATTRIBUTION_LINES = 3
_LONGEST_ATTRIBUTION = 400


def written(text: str, mark: str = "") -> str:
    """What the person wrote themselves; everything when nothing else is left.

    Args:
        text: The mail's text, with LF at the end of lines.
        mark: A line that our own mails begin with: everything from where it stands is quoted.
    """
    lines = text[:LONGEST].split("\n")
    plain = [_plain(line) for line in lines]
    end = _quote_at(plain, mark)
    above = _unsigned(lines[:end], plain[:end])
    if above:
        return above
    # Nothing above the quote: they wrote below it, or between its lines.
    own = [place for place, line in enumerate(plain) if not line.startswith(">") and not _attributes(plain, place)]
    below = _unsigned([lines[place] for place in own], [plain[place] for place in own]) if len(own) < len(lines) else ""
    return below or text[:LONGEST].strip()


def _plain(line: str) -> str:
    """A line as it is compared: without marks of direction and outer space, digits of all scripts as ASCII."""
    line = _INVISIBLE.sub("", line).replace("\u00a0", " ").strip()
    if line.isascii():
        return line
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() and not one.isascii() else one for one in line)


def _quote_at(plain: list[str], mark: str) -> int:
    """Where what is not the person's own begins; the number of lines when nothing is quoted."""
    for place, line in enumerate(plain):
        if mark and mark in line:
            return _without_attribution(plain, place)
        if line.startswith(">") or (line.startswith("|") and plain[place + 1 : place + 2] == ["|"]):
            return _without_attribution(plain, place)
        if line and (_attributes(plain, place) or _heads(plain, place) or _ORIGINAL.fullmatch(line)):
            return place
        if _RULE.fullmatch(line) and _heads(plain, _next(plain, place)):
            return place
    return len(plain)


def _next(plain: list[str], place: int) -> int:
    return next((at for at in range(place + 1, min(place + 4, len(plain))) if plain[at]), len(plain))


def _attributes(plain: list[str], place: int) -> bool:
    """Whether "On …, Ada <ada@x.example> wrote:" begins here: up to three lines with a time or year and an address."""
    joined = ""
    for line in plain[place : place + _ATTRIBUTION_LINES]:
        if not line or len(joined) > _LONGEST_ATTRIBUTION:
            return False
        joined = f"{joined} {line}"
        if line.endswith(_COLON):
            dated = _TIME.search(joined) or _YEAR.search(joined)
            return bool(dated and _ADDRESS.search(joined)) and len(joined) <= _LONGEST_ATTRIBUTION
    return False


def _without_attribution(plain: list[str], place: int) -> int:
    """Where the quote begins with the line above it that says whose it is: it ends with a colon and has a digit."""
    above = place - 1
    while above >= 0 and not plain[above]:
        above -= 1
    if above < 0 or not plain[above].endswith(_COLON):
        return place
    for start in (above, above - 1, above - 2):
        if start < 0 or not plain[start]:
            break
        joined = " ".join(plain[start : above + 1])
        if len(joined) <= _LONGEST_ATTRIBUTION and (_YEAR.search(joined) or _TIME.search(joined)):
            return start
    return place


def _heads(plain: list[str], place: int) -> bool:
    """Whether a block of a mail's headers begins here, as Outlook writes above what it quotes: "From: …", "Sent: …"."""
    if place >= len(plain) or _word(plain[place]) not in _FROM:
        return False
    following = [line for line in plain[place + 1 : place + 6] if line][:3]
    return any(_word(line) in _OTHERS for line in following)


def _word(line: str) -> str:
    found = _HEADER.match(line)
    return found[1].strip(" *_").lower().replace(" ", "\u00a0") if found else ""


def _unsigned(lines: list[str], plain: list[str]) -> str:
    """The lines without the signature below them; all of them when they are nothing else."""
    end = next(
        (at for at, line in enumerate(plain) if line in {"--", "—", "__", "___"} or _RULE.fullmatch(line)), len(plain)
    )
    if not any(plain[:end]):
        end = len(plain)
    while end and not plain[end - 1]:
        end -= 1
    # A line that a phone puts below: "Sent from my iPhone". It is never all there is.
    last = end - 1
    while last > 0 and _of_a_device(plain[last]):
        if not any(plain[:last]):
            return ""
        end = last
        while end and not plain[end - 1]:
            end -= 1
        last = end - 1
    if end == 1 and _of_a_device(plain[0]):
        return ""
    return "\n".join(lines[:end]).strip()


def _of_a_device(line: str) -> bool:
    if len(line) > _OF_A_SIGNATURE + 60:
        return False
    small = _HARAKAT.sub("", line.lower())
    return bool(_SENT.search(small) and _DEVICE.search(small)) and len(line.partition("http")[0]) <= _OF_A_SIGNATURE
