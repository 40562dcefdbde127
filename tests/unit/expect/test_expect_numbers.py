"""Numbers in words and digits, in eight languages; money."""

# ruff: noqa: E501  rows of phrases: a row holds what belongs together

import decimal
from typing import Any

import pytest
from expecting import asked, reads
from hypothesis import given
from hypothesis import strategies as st

from convokit.errors import DefinitionError
from convokit.expect import Amount, Decimal, Integer, Money
from convokit.wire.codec import decode, encode

ROWS: dict[str, dict[str, str]] = {
    "en": {
        "ninety-nine": "99", "1.5k": "1500", "the two of us": "2", "exactly five": "5", "5 and a half": "5.5", "(5)": "5", "5 :)": "5",
        "five": "5", "I want five": "5", "five please": "5", "twenty-three": "23", "one hundred and five": "105",
        "two thousand five hundred": "2500", "a dozen": "12", "half a dozen": "6", "½": "0.5", "3½": "3.5", "3 ½": "3.5",
        "three and a half": "3.5", "2 million": "2000000", "2.5 million": "2500000", "5k": "5000", "1,234.50": "1234.5",
        "1 234": "1234", "just one please": "1", "five of the big ones": "5", "two hundred and fifty thousand": "250000",
        "half": "0.5", "0.5": "0.5", "5 pizzas": "5", "a couple": "2", "1,23,456": "123456", "3.14159": "3.14159",
    },
    "tr": {
        "100 bin": "100000", "yüz yirmi beş": "125", "bir buçuk": "1.5", "bir tane": "1", "sıfır": "0",
        "beş": "5", "yirmi üç": "23", "yirmiüç": "23", "iki bin beş yüz": "2500", "ikibinbeşyüz": "2500", "yüzelli": "150",
        "on beş": "15", "onbeş": "15", "iki buçuk": "2.5", "yarım": "0.5", "bir düzine": "12", "yarım düzine": "6",
        "iki milyon": "2000000", "1.234,50": "1234.5", "1.5": "1.5", "5 kişi": "5", "beş kişilik masa": "5",
        "2 bin 500": "2500", "iki buçuk milyon": "2500000", "5'i": "5", "beş kişiyiz": "5",
    },
    "hi": {
        "दो लोग": "2", "हम चार हैं": "4", "पाँच सौ पचास": "550", "सौ": "100",
        "पाँच": "5", "पांच": "5", "तेईस": "23", "एक सौ पाँच": "105", "दो हज़ार पाँच सौ": "2500", "एक दर्जन": "12",
        "साढ़े तीन": "3.5", "ढाई": "2.5", "डेढ़": "1.5", "सवा दो": "2.25", "पौने दो": "1.75", "दो लाख": "200000", "५": "5",
        "१२३४": "1234", "1,23,456": "123456", "ढाई हज़ार": "2500", "साढ़े तीन सौ": "350", "मुझे पाँच चाहिए": "5", "आधा": "0.5",
    },
    "he": {
        "מאה עשרים וחמש": "125", "לשניים": "2", "אנחנו 4": "4",
        "חמש": "5", "חמישה": "5", "עשרים ושלוש": "23", "מאה וחמש": "105", "אלפיים וחמש מאות": "2500", "תריסר": "12",
        "שלוש וחצי": "3.5", "חצי": "0.5", "שני מיליון": "2000000", "חמישה אנשים": "5", "אנחנו חמישה": "5",
        "שלושת אלפים": "3000", "חמש עשרה": "15", "אחד": "1",
    },
    "ar": {
        "مئة وخمسة وعشرون": "125", "لأربعة": "4", "خمسة آلاف وثلاثمئة": "5300", "ألف ومئتان": "1200",
        "خمسة": "5", "ثلاثة وعشرون": "23", "مئة وخمسة": "105", "ألفان وخمسمائة": "2500", "ثلاثة ونصف": "3.5", "نصف": "0.5",
        "مليونان": "2000000", "٢ مليون": "2000000", "١٬٢٣٤٫٥٠": "1234.5", "خمسة عشر": "15", "ثلاثة آلاف": "3000",
        "نريد خمسة": "5", "دزينة": "12", "٥": "5", "خمس مئة": "500", "مئتان وخمسون": "250",
    },
    "es": {
        "ciento veinticinco": "125", "veintiuna": "21", "un millón doscientos mil": "1200000", "nosotros dos": "2",
        "cinco": "5", "veintitrés": "23", "ciento cinco": "105", "dos mil quinientos": "2500", "una docena": "12",
        "media docena": "6", "tres y medio": "3.5", "dos millones": "2000000", "treinta y cinco": "35", "quiero cinco": "5",
        "somos cinco": "5", "1.234,50": "1234.5", "mil doscientos": "1200", "uno": "1",
    },
    "de": {
        "hundertfünfundzwanzig": "125", "dreißigtausend": "30000", "zu zweit": "2", "eintausendzweihundert": "1200",
        "fünf": "5", "dreiundzwanzig": "23", "hundertfünf": "105", "zweitausendfünfhundert": "2500", "ein Dutzend": "12",
        "ein halbes Dutzend": "6", "anderthalb": "1.5", "dreieinhalb": "3.5", "zwei Millionen": "2000000",
        "einundzwanzig": "21", "ich möchte fünf": "5", "wir sind zu fünft": "5", "1,5": "1.5", "1.234,5": "1234.5",
        "fünf und zwanzig": "25",
    },
    "fr": {
        "quatre-vingt-un": "81", "soixante et un": "61", "mille deux cents": "1200", "quatre cents": "400", "vingt et une": "21",
        "cinq": "5", "vingt-trois": "23", "vingt et un": "21", "cent cinq": "105", "deux mille cinq cents": "2500",
        "une douzaine": "12", "une demi-douzaine": "6", "trois et demi": "3.5", "soixante-dix-sept": "77",
        "soixante et onze": "71", "quatre-vingt-dix-sept": "97", "quatre-vingts": "80", "deux millions": "2000000",
        "je voudrais cinq": "5", "nous sommes cinq": "5", "1 234,50": "1234.5", "1\u202f234,50": "1234.5",
        "nonante-cinq": "95",
    },
    "de-CH": {"1'234.50": "1234.5", "1’234": "1234"},
}  # fmt: skip

NONE: dict[str, list[str]] = {
    "en": [
        "2 adults and 3 kids", "#5", "no. 5", "5pm", "5 o'clock", "May 5", "12h", "2x", "10%", "me and my wife", "5 / 6",
        "5 or 6", "5-6", "not five", "at least 5", "five six", "more than five", "one or two", "5 to 6", "between 5 and 6",
        "no one", "I have a question", "first", "5th", "A5", "1e5", "5%", "$%&", "zero five", "five, six", "a", "an", "one two",
        "minus five", "5 and 6", "don't want 5", "free",
    ],
    "tr": ["beş değil", "beş altı", "en az beş", "beş veya altı", "5-6", "beşten fazla"],
    "hi": ["पाँच नहीं", "पाँच या छह", "पाँच से ज़्यादा"],
    "he": ["לא חמש", "חמש או שש", "לפחות חמש"],
    "ar": ["ليس خمسة", "خمسة أو ستة", "أكثر من خمسة"],
    "es": ["no cinco", "cinco o seis", "más de cinco", "al menos cinco"],
    "de": ["nicht fünf", "fünf oder sechs", "mindestens fünf", "mehr als fünf"],
    "fr": ["pas cinq", "cinq ou six", "plus de cinq", "au moins cinq"],
}  # fmt: skip


@pytest.mark.parametrize("locale", ROWS)
def test_a_number_is_read_in_words_and_digits(locale: str) -> None:
    found = {text: reads(Decimal(), text, locale) for text in ROWS[locale]}
    assert found == {text: decimal.Decimal(want) for text, want in ROWS[locale].items()}
    for text, number in found.items():
        if number == int(number):
            assert reads(Integer(), text, locale) == int(number)


@pytest.mark.parametrize("locale", NONE)
def test_several_numbers_none_and_doubt_are_asked_again(locale: str) -> None:
    for text in NONE[locale]:
        assert not asked(Integer(), text, locale).options, text
        assert not asked(Decimal(), text, locale).options, text


def test_a_word_is_no_number_of_another_language_when_it_is_one_of_their_own() -> None:
    for text in ("on", "once", "cent", "bin dabei"):
        asked(Integer(), text, "en" if text != "bin dabei" else "de")
    assert reads(Integer(), "on", "tr") == 10
    assert reads(Integer(), "five", "tr") == reads(Integer(), "fünf", "it") == 5
    asked(Integer(), "non 5", "it")


@pytest.mark.parametrize(
    ("locale", "text", "want"),
    [
        ("de", "1.234", "1234"), ("en", "1.234", "1.234"), ("en", "1,234", "1234"), ("tr", "1.234", "1234"),
        ("de-CH", "1.234", "1.234"), ("es-MX", "1.234", "1.234"), ("es", "1.234", "1234"), ("en", "12,34", "12.34"),
        ("de", "1.5", "1.5"), ("tr", "1234.50", "1234.5"), ("fr", "0.500", "0.5"), ("it", "0,500", "0.5"),
    ],
)  # fmt: skip
def test_the_locale_decides_where_three_digits_could_be_thousands(locale: str, text: str, want: str) -> None:
    assert reads(Decimal(), text, locale) == decimal.Decimal(want)


@pytest.mark.parametrize("locale", ["it", "ar", "en-ZA"])
def test_where_the_locale_does_not_tell_it_is_asked(locale: str) -> None:
    options = asked(Decimal(), "1.234", locale).options
    assert [reads(Decimal(), one, locale) for one in options] == [decimal.Decimal(1234), decimal.Decimal("1.234")]
    assert reads(Decimal(most=100), "1.234", locale) == decimal.Decimal("1.234")
    assert reads(Integer(), "1.234", "de") == 1234
    assert reads(Integer(), "1,000", "en") == reads(Integer(), "1.000", "tr") == 1000
    assert asked(Integer(), "1.000", "it").options == ("1000", "1")
    assert not asked(Integer(1, 8), "1,000", "en").options
    assert asked(Integer(), "1.234", "en").options == ("1234",)


def test_a_decimal_has_bounds_and_places() -> None:
    weight = Decimal("0.5", 30, places=1)
    assert reads(weight, "2.5") == decimal.Decimal("2.5")
    assert asked(weight, "0.4").say == "A number from 0.5 to 30, please."
    asked(weight, "2.55")
    assert asked(Decimal(least=1), "0", "tr").say == "Lütfen en az 1 olan bir sayı yazın."
    assert asked(Decimal(most=1), "2", "de").say == "Bitte eine Zahl bis 1."
    assert asked(Integer(), "x", "fr").say == "Un nombre entier, s'il vous plaît."
    assert asked(Integer(least=3), "1", "es").say == "Un número entero, 3 o más, por favor."


@given(st.decimals(-(10**9), 10**9, places=2))
def test_a_decimal_is_read_as_it_is_written(number: decimal.Decimal) -> None:
    assert reads(Decimal(), f"{number:f}", "en") == number
    assert reads(Decimal(), f"{number:f}".replace(".", ","), "de") == number


# ── money ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("locale", "currency", "text", "want"),
    [
        ("en-US", "USD", "$12.50", "12.50"), ("en-US", "USD", "12 dollars", "12"), ("en", "EUR", "€1,234.50", "1234.50"),
        ("de", "EUR", "1.234,50 €", "1234.50"), ("de", "EUR", "fünf Euro", "5"), ("de", "EUR", "12,- €", "12"),
        ("de", "CHF", "CHF 20", "20"), ("tr", "TRY", "99,90 TL", "99.90"), ("tr", "TRY", "5 bin TL", "5000"),
        ("tr", "TRY", "₺1.500", "1500"), ("he", "ILS", '99.90 ש"ח', "99.90"), ("he", "ILS", "₪50", "50"),
        ("fr", "EUR", "douze euros", "12"), ("hi", "INR", "₹500", "500"), ("hi", "INR", "पाँच सौ रुपये", "500"),
        ("hi", "INR", "1 लाख रुपये", "100000"), ("ar", "SAR", "500 ريال", "500"), ("ar", "AED", "١٬٢٣٤٫٥٠ درهم", "1234.50"),
        ("ar", "EGP", "٥٠ جنيه", "50"), ("es", "EUR", "cincuenta euros", "50"), ("es-MX", "MXN", "100 pesos", "100"),
        ("en", "EUR", "5k", "5000"), ("de", "EUR", "5k", "5000"), ("en", "EUR", "12", "12"), ("en", "GBP", "£12", "12"),
        ("it", "EUR", "1.234 €", "1234"), ("it", "EUR", "1.234", "1234"), ("en", "JPY", "¥1,500", "1500"),
        ("en", "USD", "5usd", "5"), ("en", "USD", "five dollars please", "5"),
    ],
)  # fmt: skip
def test_an_amount_of_money_is_read_with_its_currency(locale: str, currency: str, text: str, want: str) -> None:
    assert reads(Money(currency), text, locale) == Amount.of(want, currency)


@pytest.mark.parametrize(
    "text",
    [
        "-5 €",
        "100-200 EUR",
        "free",
        "5 dollars",
        "5 € or 6 €",
        "5.555 KWD",
        "about 5 or so $",
        "12.345 €€ $",
        "1,234,5",
        "",
        "€",
    ],
)
def test_ranges_other_currencies_and_what_is_below_the_bounds_are_asked_again(text: str) -> None:
    asked(Money("EUR"), text, "en")


def test_money_of_several_currencies_has_its_own_bounds_and_decimal_places() -> None:
    either = Money(["EUR", "KWD"], least=1, most=1000)
    assert reads(either, "12.5 KWD") == Amount(12500, "KWD")
    assert reads(either, "12.5") == Amount(1250, "EUR")
    assert asked(either, "$12.5", "de").say == "Bitte einen Betrag in EUR, KWD."
    assert asked(either, "5000").say == "An amount from 1 EUR to 1000 EUR, please."
    unsure = asked(Money("KWD"), "12.500", "ar")
    assert [reads(Money("KWD"), one, "ar") for one in unsure.options] == [
        Amount(12_500_000, "KWD"),
        Amount(12_500, "KWD"),
    ]


@given(st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "KWD", "TRY"]), st.sampled_from([*ROWS, "it", ""]))
def test_an_amount_reads_back_as_it_shows_itself(minor: int, currency: str, locale: str) -> None:
    amount = Amount(minor, currency)
    assert Amount.of(amount.value, currency) == amount
    if currency != "KWD":
        assert reads(Money(currency), str(amount), locale) == amount


def test_an_amount_is_exact_and_can_be_kept() -> None:
    assert str(Amount(1250, "EUR")) == "12.50 EUR"
    assert (Amount(5, "JPY").value, Amount(5, "KWD").value) == (5, decimal.Decimal("0.005"))
    assert decode(Amount, encode(Amount(1250, "EUR"))) == Amount(1250, "EUR")


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Amount(1.5, "EUR"), "whole number"),
        (lambda: Amount(1, "EURO"), "not 'EURO'"),
        (lambda: Amount.of("1.234", "EUR"), "no amount of '1.234'"),
        (lambda: Amount.of("NaN", "EUR"), "no amount"),
        (lambda: Amount.of("x", "EUR"), "takes a number"),
        (lambda: Money([]), "name a currency"),
        (lambda: Money("eur"), "ISO 4217"),
        (lambda: Money("EUR", least="1"), "a Decimal or an int"),
        (lambda: Money("EUR", least=5, most=1), "the first bound"),
        (lambda: Decimal("x"), "a number, not 'x'"),
        (lambda: Decimal(0.5), "not 0.5"),
        (lambda: Decimal("inf"), "finite"),
        (lambda: Decimal(5, 1), "the first bound"),
        (lambda: Decimal(places=-1), "places"),
    ],
)
def test_what_cannot_be_expected_is_refused(make: Any, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        make()
