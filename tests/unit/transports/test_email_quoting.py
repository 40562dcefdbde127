"""What a person wrote in a mail, told from what their program put below it; samples as mail programs write them."""

import time

import pytest

from convokit.transports.email.quoting import LONGEST, written

SAMPLES = (
    (
        "en gmail",
        ("Large please\n\nOn Tue, 24 Nov 2026 at 10:00, Shop <support@shop.example> wrote:\n\n> Which size?\n"),
        "Large please",
    ),
    (
        "en gmail wrapped",
        (
            "Large please\n"
            "\n"
            "On Tue, 24 Nov 2026 at 10:00, The Very Long Corner Shop Name\n"
            "<support@shop.example> wrote:\n"
            "\n"
            "> Which size?\n"
        ),
        "Large please",
    ),
    (
        "apple",
        ("Large please\n\n> On 24 Nov 2026, at 10:00, Shop <support@shop.example> wrote:\n> \n> Which size?"),
        "Large please",
    ),
    (
        "de",
        ("Groß bitte\n\nAm Di., 24. Nov. 2026 um 10:00 Uhr schrieb Shop <support@shop.example>:\n\n> Welche?"),
        "Groß bitte",
    ),
    (
        "de tb",
        ("Groß bitte\n\nAm 24.11.26 um 10:00 schrieb Shop:\n> Welche?"),
        "Groß bitte",
    ),
    (
        "fr",
        ("La grande\n\nLe mar. 24 nov. 2026 à 10:00, Shop <support@shop.example> a écrit :\n\n> Laquelle ?"),
        "La grande",
    ),
    (
        "es",
        ("La grande\n\nEl mar, 24 nov 2026 a las 10:00, Shop (<support@shop.example>) escribió:\n\n> ¿Cuál?"),
        "La grande",
    ),
    (
        "tr",
        ("Büyük lütfen\n\nShop <support@shop.example>, 24 Kas 2026 Sal, 10:00 tarihinde şunu yazdı:\n\n> Hangisi?"),
        "Büyük lütfen",
    ),
    (
        "he",
        (
            "\u200fגדול בבקשה\n"
            "\n"
            "\u202bבתאריך יום ג׳, 24 בנוב׳ 2026 ב-10:00 מאת \u202aShop\u202c\u200f "
            "<\u202asupport@shop.example\u202c\u200f>:\u202c\n"
            "\n"
            "> איזה?"
        ),
        "\u200fגדול בבקשה",
    ),
    (
        "ar",
        (
            "كبير من فضلك\n"
            "\n"
            "في الثلاثاء، ٢٤ نوفمبر ٢٠٢٦ في ١٠:٠٠ ص تمت كتابة ما يلي بواسطة Shop "
            "<\u202asupport@shop.example\u202c\u200f>:\n"
            "\n"
            "> أي؟"
        ),
        "كبير من فضلك",
    ),
    (
        "hi",
        ("बड़ा\n\nमंगल, 24 नव॰ 2026 को 10:00 बजे को Shop <support@shop.example> ने लिखा:\n\n> कौन सा?"),
        "बड़ा",
    ),
    (
        "ja",
        ("大でお願いします\n\n2026年11月24日(火) 10:00 Shop <support@shop.example>:\n\n> どれ"),
        "大でお願いします",
    ),
    (
        "zh",
        ("大的\n\nShop <support@shop.example> 于2026年11月24日周二 10:00写道：\n\n> 哪个"),
        "大的",
    ),
    (
        "ru",
        ("Большой\n\nвт, 24 нояб. 2026 г. в 10:00, Shop <support@shop.example>:\n\n> Какой?"),
        "Большой",
    ),
    (
        "pt",
        ("O grande\n\nEm ter., 24 de nov. de 2026 às 10:00, Shop <support@shop.example> escreveu:\n\n> Qual?"),
        "O grande",
    ),
    (
        "it",
        (
            "Quella grande\n"
            "\n"
            "Il giorno mar 24 nov 2026 alle ore 10:00 Shop <support@shop.example> ha scritto:\n"
            "\n"
            "> Quale?"
        ),
        "Quella grande",
    ),
    (
        "nl",
        ("De grote\n\nOp di 24 nov 2026 om 10:00 schreef Shop <support@shop.example>:\n\n> Welke?"),
        "De grote",
    ),
    (
        "pl",
        ("Duży\n\nwt., 24 lis 2026 o 10:00 Shop <support@shop.example> napisał(a):\n\n> Który?"),
        "Duży",
    ),
    (
        "sv",
        ("Den stora\n\nDen tis 24 nov. 2026 kl 10:00 skrev Shop <support@shop.example>:\n\n> Vilken?"),
        "Den stora",
    ),
    (
        "ko",
        ("큰 것\n\n2026년 11월 24일 (화) 오전 10:00, Shop <support@shop.example>님이 작성:\n\n> 어느"),
        "큰 것",
    ),
    (
        "outlook en",
        (
            "Large please\n"
            "\n"
            "________________________________\n"
            "From: Shop <support@shop.example>\n"
            "Sent: Tuesday, November 24, 2026 10:00 AM\n"
            "To: Ada <ada@x.example>\n"
            "Subject: Size\n"
            "\n"
            "Which size?"
        ),
        "Large please",
    ),
    (
        "outlook de",
        (
            "Groß\n"
            "\n"
            "Von: Shop <support@shop.example>\n"
            "Gesendet: Dienstag, 24. November 2026 10:00\n"
            "An: Ada\n"
            "Betreff: Größe\n"
            "\n"
            "Welche?"
        ),
        "Groß",
    ),
    (
        "outlook fr",
        (
            "Grande\n"
            "\n"
            "De : Shop <support@shop.example>\n"
            "Envoyé : mardi 24 novembre 2026 10:00\n"
            "À : Ada\n"
            "Objet : Taille\n"
            "\n"
            "Laquelle"
        ),
        "Grande",
    ),
    (
        "outlook es",
        ("Grande\n\nDe: Shop <support@shop.example>\nEnviado: martes, 24\nPara: Ada\nAsunto: T"),
        "Grande",
    ),
    (
        "outlook bold",
        ("Large\n\n*From:* Shop <support@shop.example>\n*Sent:* Tuesday\n*To:* Ada\n*Subject:* Size"),
        "Large",
    ),
    (
        "outlook he",
        ("גדול\n\nמאת: Shop\nנשלח: יום שלישי\nאל: Ada\nנושא: x"),
        "גדול",
    ),
    (
        "outlook ru",
        ("Большой\n\nОт: Shop\nОтправлено: вторник\nКому: Ada\nТема: x"),
        "Большой",
    ),
    (
        "original message",
        ("Large\n\n-----Original Message-----\nFrom: Shop\nSent: x\n\nWhich?"),
        "Large",
    ),
    (
        "original de",
        ("Groß\n\n-------- Ursprüngliche Nachricht --------\nVon: Shop\nDatum: 24.11.26\nAn: x\n\nWelche"),
        "Groß",
    ),
    (
        "yahoo",
        (
            "Large\n"
            "\n"
            "    On Tuesday, November 24, 2026 at 10:00:00 AM GMT, Shop <support@shop.example> wrote:  \n"
            " \n"
            " Which size?"
        ),
        "Large",
    ),
    (
        "sig",
        ("Large please\n-- \nAda Lovelace\nCountess"),
        "Large please",
    ),
    (
        "phone",
        ("Large please\n\nSent from my iPhone"),
        "Large please",
    ),
    (
        "phone de",
        ("Groß\n\nVon meinem iPhone gesendet\n\n> Am 24.11.2026 um 10:00 schrieb Shop <s@x.example>:\n> \n> Welche"),
        "Groß",
    ),
    (
        "phone fr",
        ("Grande\n\nEnvoyé de mon iPhone"),
        "Grande",
    ),
    (
        "phone tr",
        ("Büyük\n\niPhone'umdan gönderildi"),
        "Büyük",
    ),
    (
        "phone es",
        ("Grande\nEnviado desde mi iPhone"),
        "Grande",
    ),
    (
        "phone he",
        ("גדול\n\nנשלח מה-iPhone שלי"),
        "גדול",
    ),
    (
        "phone ar",
        ("كبير\n\nأُرسلت من الـ iPhone"),
        "كبير",
    ),
    (
        "phone hi",
        ("बड़ा\n\nमेरे iPhone से भेजा गया"),
        "बड़ा",
    ),
    (
        "outlook ios",
        ("Large\n\nGet Outlook for iOS<https://aka.ms/o0ukef>"),
        "Large",
    ),
    (
        "outlook ios2",
        (
            "Large\n"
            "\n"
            "Get Outlook for iOS<https://aka.ms/o0ukef>\n"
            "________________________________\n"
            "From: Shop <s@x.example>\n"
            "Sent: Tuesday\n"
            "To: Ada\n"
            "Subject: x\n"
            "\n"
            "Which"
        ),
        "Large",
    ),
    (
        "bottom",
        ("On Tue, 24 Nov 2026 at 10:00, Shop <support@shop.example> wrote:\n> Which size?\n\nLarge please"),
        "Large please",
    ),
    (
        "inline",
        ("> Which size?\nLarge\n> Which colour?\nRed"),
        ("Large\nRed"),
    ),
    (
        "question",
        ("I read this: \nIs order 12 for ada@x.example there?\nThanks"),
        ("I read this: \nIs order 12 for ada@x.example there?\nThanks"),
    ),
    (
        "colon",
        ("My address is:\nMain Street 5\n12345 Town"),
        ("My address is:\nMain Street 5\n12345 Town"),
    ),
    (
        "iphone",
        "My phone is an iPhone",
        "My phone is an iPhone",
    ),
    (
        "sentiphone",
        "It was sent from my iPhone shop",
        "It was sent from my iPhone shop",
    ),
    (
        "math",
        ("if a > b then\nI want 3"),
        ("if a > b then\nI want 3"),
    ),
    (
        "from talk",
        ("From: the shop\nI bought a lamp"),
        ("From: the shop\nI bought a lamp"),
    ),
    (
        "dash list",
        ("I want:\n- one\n- two"),
        ("I want:\n- one\n- two"),
    ),
    (
        "forward only",
        ("---------- Forwarded message ---------\nFrom: Bob <bob@x.example>\nDate: x\nSubject: y\nTo: z\n\nHello"),
        ("---------- Forwarded message ---------\nFrom: Bob <bob@x.example>\nDate: x\nSubject: y\nTo: z\n\nHello"),
    ),
    (
        "only quote",
        "> all quoted",
        "> all quoted",
    ),
    (
        "our mark",
        ("Large\n\nShop schrieb\n– above this line –\nWhich size?"),
        ("Large\n\nShop schrieb"),
    ),
)
"""The name of a sample, a mail's text, and what its sender wrote."""

BOMBS = {
    "on on on": "On " * 60_000,
    "lines": "\n" * 200_000,
    "attributions": ("a@b 10:00 " * 10 + "\n") * 1500,
    "quotes": ">" * 200_000,
    "headers": "from: x\n" * 20_000,
    "dashes": "-" * 200_000,
    "rules": "_ " * 90_000,
    "openings": "On 10:00 a@b:\n" * 10_000,
    "colons": "x: 1:\n" * 30_000,
    "digits": "1" * 200_000,
    "ats": "a@" * 100_000,
    "signatures": "Sent from my iPhone\n" * 10_000,
    "originals": ("--" * 40 + "\n") * 2000,
}


@pytest.mark.parametrize(("text", "wanted"), [one[1:] for one in SAMPLES], ids=[one[0] for one in SAMPLES])
def test_what_was_written_is_all_that_is_left(text: str, wanted: str) -> None:
    assert written(text, "– above this line –") == wanted


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_text_takes_no_time(name: str) -> None:
    began = time.process_time()
    written(BOMBS[name])
    assert time.process_time() - began < 2


def test_a_text_beyond_the_bound_is_cut() -> None:
    assert len(written("a" * (LONGEST + 5))) == LONGEST


def test_nothing_is_left_of_nothing() -> None:
    assert not written("")
    assert not written(" \n\n ")
